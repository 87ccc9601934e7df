"""Finding events that were stored and never routed."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from event_bus import times
from event_bus.batches import chunks
from event_bus.ids import new_id
from event_bus.log import logger
from event_bus.model.delivery import Routing
from event_bus.model.event import MAX_AHEAD_SECONDS, is_former
from event_bus.queues.unroutable import UnroutableQueue
from event_bus.stores.cursors import CursorStore
from event_bus.stores.event_items import ODD_SECONDS
from event_bus.stores.events import EventStore
from event_bus.stores.listings import ListedEvent, Listing, all_events, all_odd_events, behind
from event_bus.stores.routings import RoutingStore

GRACE_SECONDS = 600
"""How long routing may take before an event counts as unrouted, in seconds."""

_OWNER = "sweeper"
_HOLD_SECONDS = 120
_FIRST_LOOK_SECONDS = 86_400
_BUDGET_SECONDS = 8.0
_DEPTH = 500
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class UnroutedSweep:
    """Checks each stored event once, and queues those that were not routed.

    Attributes:
        events: The events.
        routings: The routing records of the events.
        cursors: The position reached in each list.
        unroutable: The queue of events that must be routed.
        executor: Reads partitions in parallel.
        clock: Monotonic clock, in seconds.
    """

    events: EventStore
    routings: RoutingStore
    cursors: CursorStore
    unroutable: UnroutableQueue
    executor: Executor
    clock: Callable[[], float] = times.steady

    def run(self) -> int:
        """Checks the events since the last sweep, for at most some seconds.

        Returns:
            How many events were found unrouted.
        """
        now = times.unix()
        # Events of this list are stored up to ODD_SECONDS after their timestamps.
        settled = times.at(now - GRACE_SECONDS - ODD_SECONDS)
        stored = times.at(now - GRACE_SECONDS)
        return self._look_through("by_cell", all_events(), settled) + self._look_through(
            "by_odd", all_odd_events(), stored
        )

    def _look_through(self, name: str, listing: Listing, until: str) -> int:
        cursor = self.cursors.hold(_OWNER, name, new_id("cur"), _HOLD_SECONDS)
        if cursor is None:
            return 0
        position = cursor.position or times.at(times.unix() - _FIRST_LOOK_SECONDS)
        listed = self.events.listed(listing, self.executor, newest_first=False)
        end = self.clock() + _BUDGET_SECONDS
        found = 0
        try:
            while position < until and self.clock() < end:
                page = listed.page((position, until), _DEPTH)
                for chunk in chunks(list(page.entries), _AT_ONCE):
                    found += self._have_routed(chunk)
                    position = behind(chunk[-1].position)
                    if self.clock() > end:
                        return found
                position = until if page.reached is None else behind(page.reached)
            return found
        finally:
            self.cursors.release(cursor, position)

    def _have_routed(self, entries: Sequence[ListedEvent]) -> int:
        routed = self.routings.get_many([entry.id for entry in entries])
        unrouted = [each.id for each in entries if not _is_routed(each, routed.get(each.id))]
        if unrouted:
            logger.warning("events were left unrouted", event_ids=unrouted)
            self.unroutable.send(unrouted)
        return len(unrouted)


def _is_routed(entry: ListedEvent, routing: Routing | None) -> bool:
    """Returns whether an event was routed; the record of a former event with its id does not count.

    The list has the time of an event's timestamp, which may be ahead of the time when it was
    stored. An event that is queued without need is checked exactly before it is routed.
    """
    if routing is None:
        return False
    earliest = times.at(times.seconds(entry.time) - MAX_AHEAD_SECONDS)
    return not is_former(routing.routed_at, earliest)
