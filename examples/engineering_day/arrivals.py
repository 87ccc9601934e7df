"""How events arrive: each service has chosen a protocol."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from examples.engineering_day.bus import Address, Bus
from examples.engineering_day.cast import Protocol
from examples.engineering_day.consumers import consume_queue, listen, pull
from examples.engineering_day.receiver import Inbox, Receiver, TakeEvent, listening

Consumer = Callable[[Address, str, dict[str, Any], TakeEvent, threading.Event], None]
"""Consumes the events of a subscription with the key of its service, until it is stopped."""

_CONSUMERS: dict[Protocol, Consumer] = {"sqs": consume_queue, "pull": pull, "websocket": listen}
_TARGETS: dict[Protocol, dict[str, Any]] = {
    "sqs": {"type": "sqs", "managed": True},
    "pull": {"type": "pull"},
    "websocket": {"type": "websocket"},
}
# A consumer ends when the request that it waits for has been answered.
_END_SECONDS = 60


@dataclass
class Arrivals:
    """The subscriptions of the day, and their consumers.

    Attributes:
        address: The bus.
        admin: The bus, as its admin sees it.
        receiver: The server that receives callbacks.
        faults: The faults of the consumers, each a sentence.
    """

    address: Address
    admin: Bus
    receiver: Receiver
    faults: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def open(
        self,
        protocol: Protocol,
        path: str,
        key: str,
        subscription: dict[str, Any],
        take: TakeEvent,
    ) -> str:
        """Subscribes, and consumes the events.

        Args:
            protocol: The protocol by which they arrive.
            path: The path of callbacks, if they arrive by callback.
            key: The key of the service.
            subscription: The subscription to register, without its target.
            take: Handles an event.

        Returns:
            The id of the subscription.
        """
        if protocol == "http":
            made = self.admin.subscribe(
                {**subscription, "callback_url": f"{self.receiver.url}{path}"}
            )
            self.receiver.open(path, Inbox(made["signing_secret"], take))
        else:
            made = self.admin.subscribe({**subscription, "target": _TARGETS[protocol]})
            thread = threading.Thread(
                target=self._consume, args=(protocol, key, made, take), daemon=True
            )
            self._threads.append(thread)
            thread.start()
        return str(made["id"])

    def _consume(self, protocol: Protocol, key: str, made: dict[str, Any], take: TakeEvent) -> None:
        try:
            _CONSUMERS[protocol](self.address, key, made, take, self._stop)
        except Exception as error:
            # The day has removed the subscription, so nothing more arrives.
            if not self._stop.is_set():
                self.faults.append(f"{protocol} broke: {error!r}")

    def close(self) -> None:
        """Stops the consumers, and waits for their threads to end."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_END_SECONDS)


@contextmanager
def arrivals(address: Address, admin: Bus) -> Iterator[Arrivals]:
    """Receives events until the end of the block."""
    with listening() as receiver:
        made = Arrivals(address, admin, receiver)
        try:
            yield made
        finally:
            made.close()
