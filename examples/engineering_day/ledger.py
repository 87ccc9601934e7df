"""What was published and what arrived, each with its time."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from examples.engineering_day.cast import Role, audience

Clock = Callable[[], float]


@dataclass
class Published:
    """An event that the team published.

    Attributes:
        event: The event as it was sent.
        by: Who published it.
        expected: Who must receive it.
        filtered: Who asked for its type, but not for this one.
        at: When the request was sent, in seconds of the ledger's clock.
        stored_ms: How long after that the bus had answered; None before.
        received_ms: How long after that each service had it, by service.
        copies: How often it arrived more than once.
    """

    event: dict[str, Any]
    by: Role
    expected: list[Role]
    filtered: list[Role]
    at: float
    stored_ms: float | None = None
    received_ms: dict[str, float] = field(default_factory=dict)
    copies: int = 0

    @property
    def id(self) -> str:
        """The event's id."""
        return str(self.event["id"])


class Ledger:
    """Keeps account of a day, and knows when nothing is under way any more.

    Args:
        clock: Monotonic clock, in seconds.
    """

    def __init__(self, clock: Clock = time.perf_counter) -> None:
        self._clock = clock
        self._published: dict[str, Published] = {}
        self._under_way = 0
        self._changed = threading.Condition()
        self.faults: list[str] = []
        """What went wrong, in words."""
        self.foreign = 0
        """Events that arrived and are not of this day."""

    @property
    def published(self) -> list[Published]:
        """All events, in the order in which they were published."""
        with self._changed:
            return list(self._published.values())

    def sending(self, by: Role, events: Sequence[dict[str, Any]]) -> list[Published]:
        """Notes events before they are sent, for they may arrive before the bus has answered."""
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
        """Notes that the bus has stored events."""
        with self._changed:
            for entry in entries:
                entry.stored_ms = (self._clock() - entry.at) * 1000

    def received(self, role: Role, event: dict[str, Any]) -> Published | None:
        """Notes that an event has arrived.

        Returns:
            It, if the service is to react: not to a copy, nor to what it should not have got.
        """
        with self._changed:
            entry = self._published.get(event["id"])
            if entry is None:
                self.foreign += 1
                return None
            if role.service_id in entry.received_ms:
                entry.copies += 1
                return None
            entry.received_ms[role.service_id] = (self._clock() - entry.at) * 1000
            if {name: event.get(name) for name in entry.event} != entry.event:
                self.faults.append(f"{entry.id} reached {role.service_id} changed")
            if role in entry.expected:
                return entry
            self.faults.append(f"{entry.event['type']} {entry.id} reached {role.service_id}")
            return None

    def done(self) -> None:
        """Notes that a service has done what an event asked of it."""
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    def fault(self, what: str) -> None:
        """Notes what went wrong."""
        with self._changed:
            self.faults.append(what)
            self._changed.notify_all()

    def wait_until_quiet(self, seconds: float) -> bool:
        """Waits until every expected event has arrived and was worked off.

        Args:
            seconds: How long to wait at most.

        Returns:
            Whether it became quiet; also False as soon as something went wrong.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._under_way <= 0 or self.faults, seconds)
            return self._under_way <= 0 and not self.faults
