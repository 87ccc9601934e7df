"""A callback is asked whether it wants events, as CloudEvents has it."""

from ipaddress import ip_network

import pytest
from event_bus.callbacks.client import CallbackClient
from event_bus.callbacks.handshake import Handshake, HandshakeRefused
from event_bus.version import USER_AGENT

from tests.hostile import answering, subscriber

HANDSHAKE = Handshake(CallbackClient([ip_network("127.0.0.0/8")]), "bus.example")


def answer(status: int, **headers: str) -> str:
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"HTTP/1.1 {status} X", *lines, "content-length: 0", "", ""])


@pytest.mark.parametrize("consent", ["bus.example", "BUS.example", "*", " * "])
@pytest.mark.parametrize("status", [200, 204])
def test_consent_is_taken(status: int, consent: str) -> None:
    with subscriber(answering(answer(status, WebHook_Allowed_Origin=consent))) as listening:
        HANDSHAKE.ask(listening.url)
        [(headers, body)] = listening.requests
    assert listening.lines == ["OPTIONS /events HTTP/1.1"]
    assert headers["webhook-request-origin"] == "bus.example"
    assert headers["user-agent"] == USER_AGENT
    assert body == b""


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (answer(200), "names neither bus.example nor"),
        (answer(200, WebHook_Allowed_Origin="other.example"), "names neither"),
        (answer(200, WebHook_Allowed_Origin=""), "names neither"),
        (answer(300, WebHook_Allowed_Origin="*"), "answered OPTIONS with 300"),
        (answer(405, WebHook_Allowed_Origin="*"), "answered OPTIONS with 405"),
        (answer(302, WebHook_Allowed_Origin="*", location="/"), "answered OPTIONS with 302"),
    ],
)
def test_anything_else_is_none(said: str, reason: str) -> None:
    with subscriber(answering(said)) as listening, pytest.raises(HandshakeRefused, match=reason):
        HANDSHAKE.ask(listening.url)


def test_an_unreachable_host_gives_no_consent() -> None:
    with pytest.raises(HandshakeRefused, match="no connection could be made"):
        HANDSHAKE.ask("http://127.0.0.1:1/")
    with pytest.raises(HandshakeRefused, match="an address that callbacks must not lead to"):
        HANDSHAKE.ask("http://10.0.0.1/")
