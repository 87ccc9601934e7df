"""The WebSockets of the emulator have the limits of API Gateway."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from localstack import http_server

SECONDS = 20.0
# More than what the kernel keeps for a client that does not read.
FLOOD = 24 * 1024 * 1024


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Accepts a WebSocket, and answers each message with its length."""
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": str(len(message["text"]))})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a server."""
    servers: list[uvicorn.Server] = []
    begun = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            servers.append(self)
            begun.set()

    monkeypatch.setattr(uvicorn, "Server", Server)
    config = SimpleNamespace(bind=["127.0.0.1:0"], certfile=None, keyfile=None)
    thread = threading.Thread(target=lambda: asyncio.run(http_server.serve(echo, config)))
    thread.start()
    assert begun.wait(SECONDS)
    yield servers[0].servers[0].sockets[0].getsockname()[1]
    servers[0].should_exit = True
    thread.join(SECONDS)
    assert not thread.is_alive()


WITHOUT_CODE = 1006
"""Stands for a connection that ended without a code (RFC 6455, section 7.1.5)."""


def code_after(port: int, *parts: str | bytes) -> int:
    """Returns the code with which a connection ends after a message; 0 if it does not end."""
    with connect(f"ws://127.0.0.1:{port}", open_timeout=SECONDS) as client:
        try:
            client.send(parts if len(parts) > 1 else parts[0])
            client.recv(SECONDS)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else WITHOUT_CODE
    return 0


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        (["x" * 32_768], 0),
        (["x" * 32_769], 1009),
        (["ü" * 16_385], 1009),
        (["x" * 32_768] * 4, 0),
        (["x" * 32_768] * 4 + ["x"], 1009),
        (["x", "x" * 32_769], 1009),
        ([b"x"], 1003),
        ([b"x", b"x"], 1003),
    ],
    ids=["frame", "long-frame", "wide-frame", "message", "long-message", "later", "binary", "two"],
)
def test_frames_and_messages_have_the_limits_of_api_gateway(
    port: int, parts: list[str | bytes], code: int
) -> None:
    ended = code_after(port, *parts)
    if ended == WITHOUT_CODE:
        # The server had ended the connection before it read the rest. The system then resets it,
        # and the client may not read the code.
        assert code
        assert len(parts) > 1 or len(parts[0]) > 32_768
    else:
        assert ended == code


def test_a_client_that_pings_and_reads_no_answer_is_disconnected(port: int) -> None:
    ping = bytes([0x89, 0x80 | 125]) + bytes(4) + bytes(125)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.settimeout(SECONDS)
        client.connect(("127.0.0.1", port))
        client.sendall(
            b"GET / HTTP/1.1\r\nHost: bus\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert b"101" in client.recv(1_024)
        sent = 0
        with suppress(ConnectionError):
            while sent < FLOOD:
                client.sendall(ping * 1_000)
                sent += len(ping) * 1_000
    assert sent < FLOOD
    # Others are not affected.
    assert code_after(port, "x") == 0
