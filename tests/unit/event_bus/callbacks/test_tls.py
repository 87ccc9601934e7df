"""What is wrong with the TLS of a callback is told apart."""

import ssl
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from event_bus.callbacks.client import CallbackClient
from event_bus.callbacks.failures import Unanswered, unanswered
from urllib3.exceptions import SSLError

from tests.certificates import MINUTES, Certificate, certificate, server_context, tls_server
from tests.hostile import HostileConnection, Talk, answering, subscriber

HERE = [ip_network("127.0.0.0/8")]
HOST = "127.0.0.1"
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def authority() -> Certificate:
    return certificate("An authority of tests", authority=True, since=-DAY, until=DAY)


@pytest.fixture(autouse=True)
def trust(authority: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the authority be known."""
    (tmp_path / "authority.pem").write_bytes(authority.pem())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))


def refusal(port: int, host: str = HOST) -> Unanswered:
    with pytest.raises(Unanswered) as refused:
        CallbackClient(HERE).exchange("POST", f"https://{host}:{port}/", {}, 5, b"{}")
    return refused.value


def refused(shown: Certificate, folder: Path, *chain: Certificate) -> Unanswered:
    with tls_server(server_context(shown, folder, *chain)) as server:
        failure = refusal(server.port)
        assert server.hosts == []
    return failure


def test_a_certificate_of_a_known_authority_is_good(authority: Certificate, tmp_path: Path) -> None:
    between = certificate("An intermediate", authority, authority=True)
    for chain in ((certificate(HOST, authority),), (certificate(HOST, between), between)):
        with tls_server(server_context(chain[0], tmp_path, *chain[1:])) as server:
            url = f"https://{HOST}:{server.port}/"
            assert CallbackClient(HERE).exchange("POST", url, {}, 5, b"{}").status == 200


def test_root_certificates_are_read_once(
    authority: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, reads = ssl.SSLContext.load_default_certs, []

    def counted(context: ssl.SSLContext) -> None:
        reads.append(context)
        read(context)

    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", counted)
    client = CallbackClient(HERE)
    shown = server_context(certificate(HOST, authority), tmp_path)
    with tls_server(shown) as first, tls_server(shown) as second:
        for server in (first, first, second):
            url = f"https://{HOST}:{server.port}/"
            assert client.exchange("POST", url, {}, 5, b"{}").status == 200
    assert len(first.hosts) == 2
    assert len(reads) == 1


@pytest.mark.parametrize(
    ("since", "until", "code", "message"),
    [
        (-DAY, -MINUTES, "tls_certificate_expired", "the host's certificate has expired"),
        (MINUTES, DAY, "tls_certificate_not_yet_valid", "the host's certificate is not valid yet"),
    ],
)
def test_a_certificate_has_its_time(
    authority: Certificate,
    tmp_path: Path,
    since: timedelta,
    until: timedelta,
    code: str,
    message: str,
) -> None:
    failure = refused(certificate(HOST, authority, since=since, until=until), tmp_path)
    assert (failure.code, failure.message) == (code, message)


def test_a_self_signed_certificate_has_its_own_error_code(tmp_path: Path) -> None:
    failure = refused(certificate(HOST), tmp_path)
    assert failure.code == "tls_certificate_self_signed"


def test_an_unknown_authority_and_a_missing_intermediate_have_their_error_codes(
    authority: Certificate, tmp_path: Path
) -> None:
    unknown = certificate("Another authority", authority=True)
    between = certificate("An intermediate", authority, authority=True)
    shown = certificate(HOST, unknown)
    for failure in (
        refused(shown, tmp_path),
        refused(shown, tmp_path, unknown),
        refused(certificate(HOST, between), tmp_path),
    ):
        assert failure.code == "tls_certificate_untrusted"
        assert "intermediate certificate is missing" in failure.message


@pytest.mark.parametrize("named", ["worker.example", "127.0.0.2"])
def test_a_certificate_of_another_host_has_its_own_error_code(
    authority: Certificate, tmp_path: Path, named: str
) -> None:
    failure = refused(certificate(named, authority), tmp_path)
    assert failure.code == "tls_certificate_wrong_host"
    with tls_server(server_context(certificate(HOST, authority), tmp_path)) as server:
        assert refusal(server.port, "localhost").code == "tls_certificate_wrong_host"


def test_a_certificate_of_an_issuer_without_the_right_has_an_error_code(
    authority: Certificate, tmp_path: Path
) -> None:
    leaf = certificate("leaf.example", authority)
    failure = refused(certificate(HOST, leaf), tmp_path, leaf)
    assert failure.code == "tls_certificate_invalid"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_old_tls_version_has_its_own_error_code(authority: Certificate, tmp_path: Path) -> None:
    context = server_context(certificate(HOST, authority), tmp_path)
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with tls_server(context) as server:
        assert refusal(server.port).code == "tls_version_unsupported"


def test_a_required_client_certificate_has_its_own_error_code(
    authority: Certificate, tmp_path: Path
) -> None:
    context = server_context(certificate(HOST, authority), tmp_path)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(tmp_path / "authority.pem")
    with tls_server(context) as server:
        assert refusal(server.port).code == "tls_client_certificate_required"


def test_no_common_cipher_is_a_failed_handshake(authority: Certificate, tmp_path: Path) -> None:
    context = server_context(certificate(HOST, authority), tmp_path)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA")
    with tls_server(context) as server:
        assert refusal(server.port).code == "tls_failed"


def _ends(conversation: HostileConnection) -> None:
    conversation.socket.recv(65_536)


@pytest.mark.parametrize(
    ("talk", "code"),
    [
        (answering("HTTP/1.1 400 Bad Request\r\n\r\n"), "tls_not_spoken"),
        (answering("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"), "tls_not_spoken"),
        (answering("220 mail.example ESMTP\r\n"), "tls_not_spoken"),
        (answering(b"\x16\x03\x03\xff\xff" + b"x" * 70_000), "tls_not_spoken"),
        (answering(b"\x15\x03\x03\x00\x02\x02\x28"), "tls_failed"),
        (_ends, "tls_failed"),
    ],
    ids=["http", "ssh", "smtp", "a record that is too long", "an alert", "ends"],
)
def test_an_endpoint_without_tls_is_named_in_the_error(talk: Talk, code: str) -> None:
    def greet(conversation: HostileConnection) -> None:
        # What reads a request would wait for the end of its head.
        conversation.read = lambda: bool(conversation.socket.recv(65_536))  # type: ignore[method-assign]
        talk(conversation)

    with subscriber(greet) as listening:
        assert refusal(int(listening.url.split(":")[2].split("/")[0])).code == code


@pytest.mark.parametrize("verify_code", range(100))
def test_every_fault_of_a_certificate_has_a_code(verify_code: int) -> None:
    fault = ssl.SSLCertVerificationError(1, "certificate verify failed")
    fault.verify_code = verify_code
    assert unanswered(SSLError(fault)).code.startswith("tls_certificate_")
