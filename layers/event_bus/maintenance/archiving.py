"""Moving old events that never expire to the archive."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from event_bus import times
from event_bus.batches import batches, chunks
from event_bus.ids import new_id
from event_bus.log import logger
from event_bus.stores.cursors import CursorStore
from event_bus.stores.event_archive import EventArchive, KeptEvent
from event_bus.stores.events import EventStore
from event_bus.stores.listings import Listing, all_events, all_odd_events, behind

INTERVAL_SECONDS = 3_600
"""How long after the end of a list was reached the next look begins, in seconds."""

MOST_EVENTS = 500
MOST_BYTES = 8 * 1024 * 1024
"""The most events and bytes that one object of the archive holds, before compression."""

_OWNER = "archiver"
_HOLD_SECONDS = 120
_DAY_SECONDS = 86_400
_DEPTH = 200
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Archiver:
    """Looks through all events once, from the oldest, and archives those that never expire.

    The position in a list advances when everything before it is archived. So the next run looks
    again at events that an interrupted run has left.

    Attributes:
        events: Lists the events.
        archive: Moves events.
        cursors: The position reached in each list.
        executor: Reads partitions side by side.
        after_days: The age at which events are archived, in days.
        clock: Monotonic clock, in seconds.
    """

    events: EventStore
    archive: EventArchive
    cursors: CursorStore
    executor: Executor
    after_days: int
    clock: Callable[[], float] = times.steady

    def run(self, seconds: float) -> int:
        """Archives old events for at most about some seconds; the next run continues.

        Returns:
            How many events were archived.
        """
        until = times.unix() - _DAY_SECONDS * self.after_days
        end = self.clock() + seconds
        # Events that were stored at another time than they happened have an index of their own, by
        # the time at which they were stored.
        archived = self._look_through("by_cell", all_events(), until, end)
        return archived + self._look_through("by_odd", all_odd_events(), until, end)

    def _look_through(self, name: str, listing: Listing, until: float, end: float) -> int:
        if self.cursors.position(_OWNER, name) > times.at(until - INTERVAL_SECONDS):
            return 0
        cursor = self.cursors.hold(_OWNER, name, new_id("cur"), _HOLD_SECONDS)
        if cursor is None:
            return 0
        scan = _Scan(self.archive, cursor.position or "0", odd=name == "by_odd")
        listed = self.events.listed(listing, self.executor, newest_first=False)
        last = times.at(until)
        try:
            while scan.position < last and self.clock() < end:
                page = listed.page((scan.position, last), _DEPTH)
                for chunk in chunks(list(page.entries), _AT_ONCE):
                    scan.take([entry.id for entry in chunk], behind(chunk[-1].position))
                    if self.clock() >= end:
                        break
                else:
                    scan.position = last if page.reached is None else behind(page.reached)
            scan.move_all()
        finally:
            self.cursors.release(cursor, scan.reached)
        if scan.archived:
            logger.info(
                "events archived",
                list=name,
                events=scan.archived,
                bytes=scan.size,
                objects=scan.objects,
                reached=scan.reached,
            )
        return scan.archived


class _Scan:
    """One scan of a list.

    Attributes:
        position: The position behind the events that were taken.
        reached: The position up to which everything is archived.
        archived: How many events were archived.
        objects: How many objects hold them.
        size: The bytes of these objects.
    """

    def __init__(self, archive: EventArchive, position: str, *, odd: bool) -> None:
        self._archive = archive
        self._odd = odd
        self._waiting: list[KeptEvent] = []
        self.position = self.reached = position
        self.archived = self.objects = self.size = 0

    def take(self, event_ids: list[str], position: str) -> None:
        """Takes the next events of the list, and archives all taken ones if they fill an object.

        Args:
            event_ids: The events.
            position: The position behind them.
        """
        self._waiting += self._archive.kept(event_ids, odd=self._odd)
        self.position = position
        filled = sum(len(each.line) for each in self._waiting)
        if len(self._waiting) >= MOST_EVENTS or filled >= MOST_BYTES:
            self.move_all()

    def move_all(self) -> None:
        """Archives all events that were taken."""
        parts = batches(
            self._waiting, lambda each: len(each.line), most=MOST_EVENTS, most_bytes=MOST_BYTES
        )
        for part in parts:
            self.size += self._archive.move(part)
            self.objects += 1
            self.archived += len(part)
        self._waiting = []
        self.reached = self.position
