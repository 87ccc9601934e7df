"""Connections that tests look at, and that break when they say so."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import orjson
from event_bus.inbox.connections import Connections

LARGEST_BYTES = 128 * 1024
"""The largest message that API Gateway accepts."""


class RefusedByApiGateway(Exception):
    """The message is larger than `LARGEST_BYTES`."""


@dataclass(frozen=True, slots=True)
class Wire(Connections):
    """What clients received, by connection, and who was disconnected; `sending` may go wrong.

    `arrived` is set whenever a client receives something.
    """

    received: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    sending: list[Callable[[], None]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    arrived: Event = field(default_factory=Event)

    def send(self, connection_id: str, message: dict[str, Any]) -> None:
        for each in self.sending:
            each()
        text = orjson.dumps(message)
        if len(text) > LARGEST_BYTES:
            raise RefusedByApiGateway
        self.received.setdefault(connection_id, []).append(orjson.loads(text))
        self.arrived.set()

    def close(self, connection_id: str) -> None:
        self.closed.append(connection_id)

    def cursors(self, connection_id: str) -> list[int]:
        """The places of the events that a client received."""
        messages = self.received.get(connection_id, [])
        return [int(item["cursor"]) for message in messages for item in message.get("items", [])]


@contextmanager
def broken(wire: Wire, error: Exception, after: int = 0) -> Iterator[None]:
    """Has sending fail, after so many messages."""
    left = after

    def fail() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise error

    wire.sending.append(fail)
    yield
    wire.sending.clear()
