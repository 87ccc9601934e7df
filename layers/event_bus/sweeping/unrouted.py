"""Events that were stored and, whatever happened, never routed."""

from collections.abc import Sequence
from dataclasses import dataclass

from event_bus import times
from event_bus.ids import new_id
from event_bus.log import logger
from event_bus.routing.stranded import StrandedQueue
from event_bus.stores.cursors import CursorStore
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.events import (
    ODD_SECONDS,
    EventStore,
    Strand,
    all_events,
    all_odd_events,
)

GRACE_SECONDS = 600
"""How long the router may take before an event counts as left lying."""

_OWNER = "sweeper"
_HOLD_SECONDS = 120
_FIRST_LOOK_SECONDS = 86_400
_PAGE = 500


@dataclass(frozen=True, slots=True)
class UnroutedSweep:
    """Looks through what was stored, each event once, and has routed what was not.

    Attributes:
        events: The events.
        deliveries: The records of their routing.
        cursors: How far each list was looked through.
        stranded: Where events are put that must be routed.
    """

    events: EventStore
    deliveries: DeliveryStore
    cursors: CursorStore
    stranded: StrandedQueue

    def run(self) -> int:
        """Looks through a page of each list.

        Returns:
            How many events were found unrouted.
        """
        now = times.unix()
        # By its own timestamp an event may be that much older than it is.
        settled = times.at(now - GRACE_SECONDS - ODD_SECONDS)
        stored = times.at(now - GRACE_SECONDS)
        lists = [(strand, settled) for strand in all_events()]
        lists += [(strand, stored) for strand in all_odd_events()]
        return sum(self._look_through(strand, until) for strand, until in lists)

    def _look_through(self, strand: Strand, until: str) -> int:
        name = f"{strand.index}#{strand.partition}"
        cursor = self.cursors.hold(_OWNER, name, new_id("cur"), _HOLD_SECONDS)
        if cursor is None:
            return 0
        since = cursor.position or times.at(times.unix() - _FIRST_LOOK_SECONDS)
        entries = self.events.page(strand, (since, until), _PAGE, newest_first=False)
        unrouted = self._unrouted([entry.id for entry in entries])
        if unrouted:
            logger.warning("events were left unrouted", event_ids=unrouted)
            self.stranded.send(unrouted)
        # A blank sorts behind the position itself and before any other.
        self.cursors.release(cursor, entries[-1].position + " " if len(entries) == _PAGE else until)
        return len(unrouted)

    def _unrouted(self, event_ids: Sequence[str]) -> list[str]:
        routed = self.deliveries.routings(event_ids)
        return [each for each in event_ids if each not in routed]
