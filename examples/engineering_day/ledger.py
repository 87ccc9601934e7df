"""Published and received events, with their times."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from examples.engineering_day.cast import Role, audience

Clock = Callable[[], float]


@dataclass
class Published:
    """An event that the team published.

    Attributes:
        event: The event as it was sent.
        by: The publisher.
        expected: The services that must receive it.
        filtered: The services whose filters exclude it.
        at: When the request was sent, in seconds of the ledger's clock.
        stored_ms: The milliseconds until the bus answered; None before.
        received_ms: The milliseconds until each service received it, by service.
    """

    event: dict[str, Any]
    by: Role
    expected: list[Role]
    filtered: list[Role]
    at: float
    stored_ms: float | None = None
    received_ms: dict[str, float] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The event's id."""
        return str(self.event["id"])


def as_sent(event: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an event without the version in its stream, which the bus adds."""
    sent = {name: each for name, each in event["metadata"].items() if name != "stream_version"}
    return {**event, "metadata": sent}


class Ledger:
    """The ledger of a day: records events, and knows when all of them have arrived.

    Args:
        clock: Monotonic clock, in seconds.
    """

    def __init__(self, clock: Clock = time.perf_counter) -> None:
        self._clock = clock
        self._published: dict[str, Published] = {}
        self._under_way = 0
        self._changed = threading.Condition()
        self.faults: list[str] = []
        """The faults, each a sentence."""

    @property
    def published(self) -> list[Published]:
        """All events, in the order in which they were published."""
        with self._changed:
            return list(self._published.values())

    def sending(self, by: Role, events: Sequence[dict[str, Any]]) -> list[Published]:
        """Records events before they are sent, because they may arrive before the bus answers."""
        with self._changed:
            noted = []
            for event in events:
                expected, filtered = audience(event["type"], event["payload"])
                entry = Published(event, by, expected, filtered, self._clock())
                self._published[entry.id] = entry
                self._under_way += len(expected)
                noted.append(entry)
            return noted

    def stored(self, entries: Sequence[Published]) -> None:
        """Records that the bus has stored events."""
        with self._changed:
            for entry in entries:
                entry.stored_ms = (self._clock() - entry.at) * 1000

    def received(self, role: Role, event: dict[str, Any]) -> Published | None:
        """Records that an event has arrived.

        Returns:
            The event, if the service should react; None for a repetition, an unwanted event, and
            one that is not of this day.
        """
        with self._changed:
            entry = self._published.get(event["id"])
            if entry is None or role.service_id in entry.received_ms:
                return None
            entry.received_ms[role.service_id] = (self._clock() - entry.at) * 1000
            sent = as_sent(event)
            if {name: sent.get(name) for name in entry.event} != entry.event:
                self.faults.append(f"{entry.id} reached {role.service_id} changed")
            if role in entry.expected:
                return entry
            self.faults.append(f"{entry.event['type']} {entry.id} reached {role.service_id}")
            return None

    def done(self) -> None:
        """Records that a service has handled an event."""
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    def fault(self, what: str) -> None:
        """Records a fault."""
        with self._changed:
            self.faults.append(what)
            self._changed.notify_all()

    def wait_until_quiet(self, seconds: float) -> bool:
        """Waits until every expected event has arrived and was handled.

        Args:
            seconds: How long to wait at most.

        Returns:
            True once all have arrived and were handled; False as soon as there is a fault.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._under_way <= 0 or self.faults, seconds)
            return self._under_way <= 0 and not self.faults
