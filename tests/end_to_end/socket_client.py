"""A client of the WebSocket API, as a subscriber writes it."""

import asyncio
import base64
import json
import os
import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

from event_bus_client.loop_thread import LoopThread
from websockets.asyncio.client import ClientConnection, connect

SECONDS = 20.0


class SocketClient:
    """A connection, and what was received over it."""

    def __init__(self, thread: LoopThread, connection: ClientConnection) -> None:
        """Uses a connection that was opened in this thread."""
        self._thread = thread
        self._connection = connection

    def send(self, action: str, **message: Any) -> None:
        self.write(json.dumps({"action": action, **message}))

    def write(self, text: str | list[str]) -> None:
        """Sends a text, or a text in several frames."""
        self._thread.result(asyncio.wait_for(self._connection.send(text), SECONDS))

    def receive(self, seconds: float = SECONDS) -> dict[str, Any]:
        """Returns the next message; raises TimeoutError if none comes."""
        text = self._thread.result(asyncio.wait_for(self._connection.recv(), seconds))
        message: dict[str, Any] = json.loads(text)
        return message

    def ask(self, action: str, **message: Any) -> dict[str, Any]:
        """Sends a message, and receives the next one."""
        self.send(action, **message)
        return self.receive()

    def subscribe(self, **message: Any) -> dict[str, Any]:
        answer = self.ask("subscribe", **message)
        assert answer["type"] == "subscribed", answer
        return answer

    def items(self, count: int) -> list[dict[str, Any]]:
        """Returns the next events, up to a number."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            message = self.receive()
            assert message["type"] == "events", message
            assert message["cursor"] == message["items"][-1]["cursor"]
            found += message["items"]
        return found

    def quiet(self, seconds: float = 1.0) -> bool:
        """Whether nothing comes for some seconds."""
        try:
            self.receive(seconds)
        except TimeoutError:
            return True
        return False

    def break_off(self) -> None:
        """Disconnects without a message, like a killed client."""

        async def abort() -> None:
            self._connection.transport.abort()

        self._thread.result(abort())


@contextmanager
def connected(url: str, key: str | None = None, token: str | None = None) -> Iterator[SocketClient]:
    """A connection, until the end of the block."""
    opening = connect(
        f"{url}?token={token}" if token else url,
        additional_headers={"x-api-key": key} if key else {},
        open_timeout=30,
        # After an abrupt end, the client does not answer the closing handshake.
        close_timeout=1,
    )
    with closing(LoopThread()) as thread:
        connection = thread.result(opening.__aenter__())
        try:
            yield SocketClient(thread, connection)
        finally:
            thread.result(asyncio.wait_for(connection.close(), SECONDS))


@contextmanager
def listening_without_reading(url: str, key: str, *event_types: str) -> Iterator[str]:
    """A connection that subscribes, and then reads nothing until the end of the block.

    Returns:
        The id of its subscription.

    Libraries read in the background.
    """
    place, nonce = urlsplit(url), base64.b64encode(os.urandom(16)).decode()
    head = (
        f"GET {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {nonce}\r\n"
        f"x-api-key: {key}\r\n\r\n"
    )
    message = json.dumps({"action": "subscribe", "event_types": event_types}).encode()
    assert len(message) < 126
    with socket.socket() as small:
        small.settimeout(SECONDS)
        # Otherwise the kernel takes 32 MB for it.
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        small.connect((place.hostname, place.port))
        with ssl.create_default_context().wrap_socket(small, server_hostname=place.hostname) as tls:
            tls.sendall(head.encode())
            _until(tls, rb"\r\n\r\n")
            # A frame of text, whose mask is zero (RFC 6455, 5.2).
            tls.sendall(bytes([0x81, 0x80 | len(message), 0, 0, 0, 0]) + message)
            yield _until(tls, rb'"subscription_id":"(sub_[0-9A-Za-z]+)"')[1].decode()


def _until(connection: ssl.SSLSocket, pattern: bytes) -> re.Match[bytes]:
    """Reads until a pattern comes."""
    read, end = b"", time.monotonic() + SECONDS
    while (found := re.search(pattern, read)) is None:
        assert time.monotonic() < end, read
        part = connection.recv(4096)
        assert part, read
        read += part
    return found
