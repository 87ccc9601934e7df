"""The WebSockets of the emulator have the limits of API Gateway."""

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from localstack import http_server
from tests.certificates import certificate, server_context
from tests.waiting import join

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


async def refuse(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Refuses each WebSocket."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})


@contextmanager
def serving(app: Any, certificate_path: Path | None = None) -> Iterator[int]:
    """Serves an application; yields its port."""
    servers: list[uvicorn.Server] = []
    begun = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            servers.append(self)
            begun.set()

    config = SimpleNamespace(
        bind=["127.0.0.1:0"], certfile=certificate_path, keyfile=certificate_path
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uvicorn, "Server", Server)
        thread = threading.Thread(target=lambda: asyncio.run(http_server.serve(app, config)))
        thread.start()
        try:
            assert begun.wait(SECONDS)
            yield servers[0].servers[0].sockets[0].getsockname()[1]
        finally:
            for server in servers:
                server.should_exit = True
            join(thread)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the server wait for its clients' close, however slow they are."""
    monkeypatch.setattr(http_server, "_LINGER_SECONDS", 10 * SECONDS)


@pytest.fixture
def port(patient: None) -> Iterator[int]:
    """The port of a server that answers messages."""
    with serving(echo) as number:
        yield number


def code_after(port: int, *parts: str | bytes, context: ssl.SSLContext | None = None) -> int:
    """Returns the code with which a connection ends after a message; 0 if it does not end."""
    url = f"{'wss' if context else 'ws'}://127.0.0.1:{port}"
    with connect(url, open_timeout=SECONDS, ssl=context) as client:
        try:
            client.send(parts if len(parts) > 1 else parts[0])
            client.recv(SECONDS)
        except ConnectionClosed as closed:
            # RFC 6455, section 7.1.5: 1006 stands for an end without a code.
            return closed.rcvd.code if closed.rcvd else 1006
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
    assert code_after(port, *parts) == code


def test_a_client_with_tls_reads_the_code_and_closes_at_once(patient: None, tmp_path: Path) -> None:
    shown = certificate("127.0.0.1")
    server_context(shown, tmp_path)
    context = ssl.create_default_context(cadata=shown.pem().decode())
    with serving(echo, tmp_path / "server.pem") as port:
        assert code_after(port, "x", "x" * 32_769, context=context) == 1009
        assert code_after(port, "x", context=context) == 0


@contextmanager
def asking(port: int, buffer: int | None = None) -> Iterator[socket.socket]:
    """Asks for a WebSocket, and reads nothing.

    Args:
        port: The port of the server.
        buffer: How many bytes the system keeps of what is not read yet; None for its default.
    """
    with socket.socket() as client:
        if buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        client.settimeout(SECONDS)
        client.connect(("127.0.0.1", port))
        client.sendall(
            b"GET / HTTP/1.1\r\nHost: bus\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        yield client


def frame(opcode: int, payload: bytes) -> bytes:
    """A WebSocket frame as a client sends it; its masking key is zero."""
    return bytes([0x80 | opcode, 0x80 | 126]) + struct.pack("!H", len(payload)) + bytes(4) + payload


LONG_FRAME = frame(1, b"x" * 33_000)
# Bit 0x40 is reserved.
NO_FRAME = bytes([0xC1, 0x80, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("app", "sent", "answer"),
    [
        (echo, LONG_FRAME, b"\x03\xf1"),
        (echo, frame(2, b"x" * 200), b"\x03\xeb"),
        (echo, NO_FRAME, b"\x03\xea"),
        (refuse, b"", b"HTTP/1.1 403"),
        (refuse, LONG_FRAME, b"HTTP/1.1 403"),
    ],
    ids=["1009", "1003", "1002", "refused", "refused-and-sent"],
)
def test_a_client_that_sends_on_reads_why_it_was_ended(
    patient: None, app: Any, sent: bytes, answer: bytes
) -> None:
    with serving(app) as port, asking(port) as client:
        if app is echo:
            assert b"101" in client.recv(1_024)
        client.sendall(sent)
        read = client.recv(1_024)
        # The server has ended the connection, and reads what comes.
        for _ in range(100):
            client.sendall(LONG_FRAME)
        while part := client.recv(1_024):
            read += part
        assert read.count(answer) == 1


def test_a_client_that_does_not_close_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    assert http_server._LINGER_SECONDS == 1.0
    monkeypatch.setattr(http_server, "_LINGER_SECONDS", 0.01)
    sent = 0
    with serving(refuse) as port, asking(port) as client, suppress(ConnectionError):
        while sent < FLOOD * 100:
            client.sendall(LONG_FRAME)
            sent += len(LONG_FRAME)
    assert sent < FLOOD * 100


def test_a_client_that_pings_and_reads_no_answer_is_disconnected(port: int) -> None:
    ping = bytes([0x89, 0x80 | 125]) + bytes(4) + bytes(125)
    with asking(port, 4_096) as client:
        assert b"101" in client.recv(1_024)
        sent = 0
        with suppress(ConnectionError):
            while sent < FLOOD:
                client.sendall(ping * 1_000)
                sent += len(ping) * 1_000
    assert sent < FLOOD
    # Others are not affected.
    assert code_after(port, "x") == 0
