"""A certificate authority for tests, and servers that show its certificates."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from http.client import parse_headers
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
MINUTES = timedelta(minutes=5)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key.

    Attributes:
        signed: The certificate.
        key: Its private key.
    """

    signed: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def pem(self) -> bytes:
        """The certificate alone."""
        return self.signed.public_bytes(serialization.Encoding.PEM)

    def key_pem(self) -> bytes:
        """The private key."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def certificate(
    host: str,
    issuer: Certificate | None = None,
    *,
    since: timedelta = -MINUTES,
    until: timedelta = MINUTES,
    authority: bool = False,
) -> Certificate:
    """Makes a certificate.

    Args:
        host: Whom it is for.
        issuer: Who signs it; None where it signs itself.
        since: From when on it is valid, from now.
        until: Until when.
        authority: Whether it may sign others.
    """
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(host))
        .issuer_name(issuer.signed.subject if issuer else _name(host))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + since)
        .not_valid_after(now + until)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if not authority:
        names = x509.SubjectAlternativeName([_general(host)])
        builder = builder.add_extension(names, critical=False)
    return Certificate(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


@dataclass
class TlsServer:
    """A server that speaks TLS.

    Attributes:
        port: Where it listens on this machine.
        names: The names that clients asked for by SNI.
        hosts: The hosts of the requests that it read.
    """

    port: int
    names: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)


def server_context(shown: Certificate, folder: Path, *chain: Certificate) -> ssl.SSLContext:
    """A context that shows a certificate, and those that lead to its authority."""
    path = folder / "server.pem"
    path.write_bytes(shown.key_pem() + b"".join(each.pem() for each in (shown, *chain)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@contextmanager
def tls_server(context: ssl.SSLContext) -> Iterator[TlsServer]:
    """A server that answers one request on each connection, until the end of the block."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = TlsServer(listener.getsockname()[1])
    context.sni_callback = lambda _, asked, __: server.names.append(asked or "")

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.settimeout(5)
            try:
                with context.wrap_socket(connection, server_side=True) as wrapped:
                    server.hosts.append(_read_request(wrapped)["host"])
                    wrapped.sendall(OK)
            except OSError:
                continue
            finally:
                connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def _read_request(connection: ssl.SSLSocket) -> Message:
    with connection.makefile("rb") as stream:
        stream.readline()
        headers = parse_headers(stream)
        stream.read(int(headers.get("content-length", "0")))
    return headers
