"""Reading inboxes: what came behind a place, waiting for it where nothing has come yet."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from event_bus import times
from event_bus.delivery.envelope import envelope
from event_bus.errors import Conflict
from event_bus.ids import new_id
from event_bus.model.event import Event
from event_bus.stores.cursors import Cursor, CursorStore
from event_bus.stores.events import EventStore
from event_bus.stores.inboxes import InboxEntry, InboxStore

MOST_BYTES = 4 * 1024 * 1024
"""How much payload one answer holds: a function may answer with 6 MB."""

_LOOK_SECONDS = 0.5

INBOX = "inbox"
"""The name of the cursor that tells how far an inbox was acknowledged."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An event out of an inbox.

    Attributes:
        position: Its place there.
        delivery_id: What tells the delivery from all others; the same where it is repeated.
        event: The event as its subscriber sees it.
    """

    position: int
    delivery_id: str
    event: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Taken:
    """What a consumer has taken, and must acknowledge.

    Attributes:
        fetched: The events, in order.
        position: The place up to which it has taken.
        lease: What it acknowledges them by; None where there is nothing.
        lease_until: Until when nobody else may take them, RFC 3339.
    """

    fetched: list[Fetched]
    position: int
    lease: str | None
    lease_until: str | None


@dataclass(frozen=True, slots=True)
class InboxReader:
    """Reads inboxes.

    Attributes:
        inboxes: The inboxes.
        cursors: How far each was acknowledged, and who has taken what is next.
        events: The events.
        executor: Reads large payloads side by side.
        clock: Seconds that only grow.
        sleep: Lets seconds pass.
    """

    inboxes: InboxStore
    cursors: CursorStore
    events: EventStore
    executor: Executor
    clock: Callable[[], float] = times.steady
    sleep: Callable[[float], None] = times.sleep

    def read(
        self, subscription_id: str, position: int, limit: int, wait: float
    ) -> tuple[list[Fetched], int]:
        """What stands behind a place; it may be read as often as anyone likes.

        Args:
            subscription_id: Whose inbox.
            position: The place.
            limit: How many events at most.
            wait: How many seconds to wait for the first of them.

        Returns:
            The events, in order, and the place up to which was read: an event whose retention has
            ended is passed over.
        """
        end = self.clock() + wait
        while not (entries := self.inboxes.after(subscription_id, position, limit)):
            if self.clock() + _LOOK_SECONDS > end:
                return [], position
            self.sleep(_LOOK_SECONDS)
        return self._fetched(entries)

    def take(self, subscription_id: str, limit: int, wait: float, lease_seconds: int) -> Taken:
        """What stands behind what was acknowledged, for one consumer at a time.

        Args:
            subscription_id: Whose inbox.
            limit: How many events at most.
            wait: How many seconds to wait for the first of them.
            lease_seconds: How long they are its own to acknowledge.

        Raises:
            Conflict: Another consumer has taken them, and its lease has not ended.
        """
        lease = new_id("lease")
        seconds = wait + lease_seconds
        cursor = self.cursors.hold(subscription_id, INBOX, lease, seconds)
        if cursor is None:
            raise Conflict("Another consumer has taken what is next, and its lease has not ended.")
        until = times.after(seconds)
        fetched, position = self.read(subscription_id, int(cursor.position or 0), limit, wait)
        if not fetched:
            self.cursors.release(cursor, str(position))
            return Taken([], position, None, None)
        return Taken(fetched, position, lease, until)

    def acknowledge(self, subscription_id: str, lease: str, position: int) -> None:
        """Has a consumer be done with all up to a place: what is behind it comes next.

        Raises:
            Conflict: The lease has ended, and another one may have taken the same.
        """
        if not self.cursors.release(Cursor(subscription_id, INBOX, "", lease), str(position)):
            raise Conflict("The lease has ended, or was acknowledged; take the events again.")

    def _fetched(self, entries: list[InboxEntry]) -> tuple[list[Fetched], int]:
        events = self.events.get_many(entry.key.event_id for entry in entries)
        chosen: list[tuple[InboxEntry, Event]] = []
        position, filled = entries[0].position - 1, 0
        for entry in entries:
            event = events.get(entry.key.event_id)
            if event:
                filled += event.payload_bytes
                if chosen and filled > MOST_BYTES:
                    break
                chosen.append((entry, event))
            position = entry.position
        whole = self.executor.map(self.events.with_payload, [event for _, event in chosen])
        return [
            Fetched(entry.position, entry.key.webhook_id, envelope(entry.key, event))
            for (entry, _), event in zip(chosen, whole, strict=True)
        ], position
