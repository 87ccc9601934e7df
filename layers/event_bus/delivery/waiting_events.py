"""The events of a stream that may wait behind one whose delivery has ended."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from event_bus.model.stream_name import StreamName
from event_bus.model.subscription import Subscription
from event_bus.stores.cursors import CursorStore
from event_bus.stores.routings import RoutingStore
from event_bus.stores.streams import StreamStore

_PAGE = 25

_PAGES = 40
"""How many pages of a stream are searched for an event that waits."""


@dataclass(frozen=True, slots=True)
class WaitingEvents:
    """Finds the event whose message continues a stream.

    Attributes:
        routings: The routing records of the events.
        streams: The order of the events.
        cursors: The position of each subscription in each stream.
        existing: Returns those of some events that are still stored.
    """

    routings: RoutingStore
    streams: StreamStore
    cursors: CursorStore
    existing: Callable[[list[str]], Collection[str]]

    def first(
        self, subscription_id: str, subscription: Subscription | None, stream: StreamName, but: str
    ) -> str | None:
        """Returns the first event after the cursor that the subscription may be owed.

        Args:
            subscription_id: The subscription.
            subscription: The subscription as it is stored; None if it was deleted.
            stream: The stream.
            but: The event whose delivery has ended.

        Returns:
            The id of the event; None if no event after the cursor is for the subscription. If the
            search stops before the end of the stream, this is the last routed event that it met:
            the walk for its message goes on from there.
        """
        catches_up = subscription is not None and subscription.catches_up
        position = int(self.cursors.position(subscription_id, stream.key, consistent=True) or 0)
        met: str | None = None
        for _ in range(_PAGES):
            entries = self.streams.after(stream, position, _PAGE)
            ids = [entry.event_id for entry in entries if entry.event_id != but]
            existing = self.existing(ids) if ids else ()
            routings = self.routings.get_many(ids, consistent=True) if existing else {}
            for each in ids:
                routing = routings.get(each)
                matched = routing is not None and subscription_id in routing.matched
                if each in existing and (matched or catches_up):
                    return each
                if each in existing and routing is not None:
                    met = each
            if len(entries) < _PAGE:
                return None
            position = entries[-1].version
        return met
