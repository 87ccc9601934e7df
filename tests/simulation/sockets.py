"""WebSocket clients, and the management API that sends to them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.simulation.seam import Interceptor, SimulatedClient, carried_out


class GapFound(AssertionError):
    """A client received an event after one that it has not seen."""


@dataclass
class SimulatedSocketClient:
    """A client of one lasting subscription; it reconnects with its last place.

    Attributes:
        subscription_id: The subscription.
        number: A number that distinguishes it from other clients.
        connection_id: Its present connection; empty if it has none.
        following: Whether the bus has said that it follows.
        last: The last place that it has seen.
        acknowledged: The last place that it has acknowledged.
        seen: The deliveries that it has seen, by their places.
        expired: Returns the places of the inbox whose events have expired.
        connections: How many connections it has had.
        errors: The errors of its last message.
        patience: How many refused acknowledgements it accepts on one connection.
    """

    subscription_id: str
    number: int = 0
    connection_id: str = ""
    following: bool = False
    last: int = 0
    acknowledged: int = 0
    seen: dict[int, str] = field(default_factory=dict)
    expired: Callable[[], set[int]] = set
    connections: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)
    patience: int = 20

    def reconnect(self) -> None:
        """Begins a connection; the previous one ended without a notice."""
        self.connections += 1
        self.connection_id = f"{self.subscription_id}-{self.number}-{self.connections}"
        self.following = False
        self.patience = 20

    def receive(self, message: dict[str, Any]) -> None:
        """Takes a message.

        Raises:
            GapFound: It omits an event.
        """
        if message["type"] == "subscribed":
            self.following = True
        if message["type"] == "error":
            self.errors.append(message["error"])
        for item in message.get("items", []):
            place = int(item["cursor"])
            if not self.following:
                raise GapFound("events come before the answer that it follows")
            between = range(self.last + 1, place)
            if between and not self.expired().issuperset(between):
                raise GapFound(f"{place} comes after {self.last}")
            if place > self.last:
                self.seen[place] = item["delivery_id"]
                self.last = place
            elif item["delivery_id"] != self.seen.get(place):
                raise GapFound(f"there are two deliveries at {place}")


class GoneException(Exception):
    """The error that boto3 raises if a connection has ended."""


class LimitExceededException(Exception):
    """The error that boto3 raises if the buffer of a client is full."""


class _Exceptions:
    GoneException = GoneException
    LimitExceededException = LimitExceededException


class MemoryConnections(SimulatedClient):
    """A client of the management API.

    Attributes:
        clients: The clients that exist, connected or not.
    """

    service = "connections"
    exceptions = _Exceptions

    def __init__(
        self,
        clients: list[SimulatedSocketClient],
        intercept: Interceptor = carried_out,
        attempts: int = 1,
    ) -> None:
        super().__init__(intercept, attempts)
        self.clients = clients

    def post_to_connection(self, **request: Any) -> Any:
        def post() -> Any:
            for client in self.clients:
                if client.connection_id == request["ConnectionId"]:
                    client.receive(orjson.loads(request["Data"]))
                    return {}
            raise GoneException

        return self.call("PostToConnection", post)
