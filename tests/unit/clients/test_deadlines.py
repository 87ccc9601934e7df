"""A server that answers, or reads, slowly and without an end: each request ends in time."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from event_bus_client import AsyncEventBus, ConnectionFailed, EventBus, RetryPolicy

from tests.certificates import certificate, server_context
from tests.hostile import HostileConnection, Talk, subscriber
from tests.waiting import join

ONCE = RetryPolicy(attempts=1)
LARGE = {"text": "x" * 8_000_000}
PAGE = '{"items": [], "next_cursor": null}'
ANSWER = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(PAGE)}\r\n\r\n"


def then(*parts: str | tuple[str]) -> Talk:
    """Reads a request, and sends parts; it sends a part in a tuple for ever, byte by byte."""

    def talk(conversation: HostileConnection) -> None:
        conversation.read()
        for part in parts:
            if isinstance(part, str):
                conversation.say(part)
            else:
                conversation.drip(part[0])

    return talk


def reads_slowly(conversation: HostileConnection) -> None:
    """Reads a part of a request now and then, and answers nothing."""
    while not conversation.over.wait(0.3):
        conversation.socket.recv(100_000)


def repeats_itself(conversation: HostileConnection) -> None:
    """Says again and again that the answer comes later."""
    conversation.read()
    while not conversation.over.wait(0.02):
        conversation.say("HTTP/1.1 103 Early Hints\r\n\r\n")


def falls_silent(conversation: HostileConnection) -> None:
    """Answers the first request, and drips on the same connection."""
    conversation.read()
    conversation.say(ANSWER + PAGE)
    then("HTTP/1.1 200 OK\r\n", ("x-a: b\r\n",))(conversation)


TALKS: dict[str, Talk] = {
    "the status": then("HTTP/1.1 200 ", ("O",)),
    "a header": then("HTTP/1.1 200 OK\r\nx-long: ", ("a",)),
    "headers": then("HTTP/1.1 200 OK\r\n", ("x-a: b\r\n",)),
    "headers of a failure": then("HTTP/1.1 503 No\r\n", ("x-a: b\r\n",)),
    "the extension of a chunk": then(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;", ("a",)
    ),
    "a body": then("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n", (" ",)),
    "a trailer": then(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", ("x-a: b\r\n",)
    ),
    "hints": repeats_itself,
    "reading": reads_slowly,
    "a second answer": falls_silent,
}


def with_asyncio(url: str, seconds: float, ca_file: str | None = None) -> None:
    async def ask() -> None:
        async with AsyncEventBus(
            url=url, api_key="k", ca_file=ca_file, timeout=seconds, retries=ONCE
        ) as bus:
            await bus.events.list().page()
            await bus.publish("a.b", LARGE)

    asyncio.run(ask())


def without_asyncio(url: str, seconds: float, ca_file: str | None = None) -> None:
    with EventBus(url=url, api_key="k", ca_file=ca_file, timeout=seconds, retries=ONCE) as bus:
        bus.events.list().page()
        bus.publish("a.b", LARGE)


Asking = Callable[..., None]


def failure_in_time(ask: Callable[[], None]) -> ConnectionFailed:
    """What a request raises; it may not take long."""
    failures = list[ConnectionFailed]()

    def act() -> None:
        try:
            ask()
        except ConnectionFailed as failure:
            failures.append(failure)

    acting = threading.Thread(target=act, daemon=True)
    acting.start()
    join(acting, seconds=20)
    [failure] = failures
    return failure


@pytest.mark.parametrize("ask", [with_asyncio, without_asyncio])
@pytest.mark.parametrize("slow", TALKS)
def test_a_request_ends_with_its_timeout(ask: Asking, slow: str) -> None:
    first = then(ANSWER + PAGE) if slow == "reading" else TALKS[slow]
    with subscriber(first, TALKS[slow]) as server:
        url = server.url.removesuffix("/events")
        failure = failure_in_time(lambda: ask(url, 0.5))
    assert "Timeout" in str(failure)


@pytest.mark.parametrize("ask", [with_asyncio, without_asyncio])
def test_a_request_over_tls_ends_with_its_timeout(ask: Asking, tmp_path: Path) -> None:
    shown = certificate("127.0.0.1")
    context = server_context(shown, tmp_path)
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(shown.pem())

    def secure(conversation: HostileConnection) -> None:
        with context.wrap_socket(conversation.socket, server_side=True) as connection:
            connection.settimeout(5)
            # In the end, the client has gone.
            with contextlib.suppress(ssl.SSLError):
                TALKS["headers"](HostileConnection(connection, conversation.over, []))

    with subscriber(secure) as server:
        url = server.url.replace("http:", "https:").removesuffix("/events")
        failure = failure_in_time(lambda: ask(url, 0.5, str(trusted)))
    assert "Timeout" in str(failure)


def test_a_proxy_is_bounded_as_the_bus_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with subscriber(TALKS["headers"]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removesuffix("/events"))
        failure = failure_in_time(lambda: without_asyncio("http://bus.test", 0.5))
        assert proxy.connections == 1
    assert "Timeout" in str(failure)
