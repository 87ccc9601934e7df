"""A client of the WebSocket API, as a subscriber writes it."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.sync.client import ClientConnection, connect

SECONDS = 20.0


class SocketClient:
    """A connection, and what was received over it."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def send(self, action: str, **message: Any) -> None:
        self.connection.send(json.dumps({"action": action, **message}))

    def receive(self, seconds: float = SECONDS) -> dict[str, Any]:
        """Returns the next message; raises TimeoutError if none comes."""
        message: dict[str, Any] = json.loads(self.connection.recv(seconds))
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
        # It is not closed: the reading thread would read from the next socket of this number.
        self.connection.socket.shutdown(socket.SHUT_RDWR)


@contextmanager
def connected(url: str, key: str | None = None, token: str | None = None) -> Iterator[SocketClient]:
    """A connection, until the end of the block."""
    headers = {"x-api-key": key} if key else {}
    query = f"?token={token}" if token else ""
    # After an abrupt end, the client does not answer the closing handshake.
    with connect(
        url + query, additional_headers=headers, open_timeout=30, close_timeout=1
    ) as connection:
        yield SocketClient(connection)
