"""Announcing dead letters to their owners, from changes of deliveries."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from event_bus import times
from event_bus.metrics.observer import understood
from event_bus.model.bus_events import about_dead_letter
from event_bus.model.event import BUS_DOMAIN, Event
from event_bus.stores.delivery_changes import DeliveryChange, RoutingChange
from event_bus.stores.events import EventStore


@dataclass(frozen=True, slots=True)
class DeadLetterEvents:
    """Stores an event for the first dead letter of each subscription in a minute.

    The minute is a part of the event's id, so a repeated batch stores none twice, and an outage of
    a subscriber is announced at most once a minute.

    Attributes:
        events: The event store.
        retention_days: How many days the events are kept.
    """

    events: EventStore
    retention_days: int

    def announce(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Stores the events for a batch of changes.

        Args:
            records: The records of the table stream, which come again unchanged if this fails.
        """
        first: dict[str, Event] = {}
        for event in understood(records, _events):
            first.setdefault(event.id, event)
        for event in first.values():
            # If the event is already stored, it says the same.
            self.events.put(event, self.retention_days)


def _events(change: RoutingChange | DeliveryChange) -> Iterator[Event]:
    if isinstance(change, RoutingChange) or change.after.dead_letter_id is None:
        return
    known = change.before is not None and change.before.dead_letter_id is not None
    # Failed deliveries of the bus's own events are not announced.
    if not known and change.after.event_type.partition(".")[0] != BUS_DOMAIN:
        yield about_dead_letter(change.after, times.at(change.at)[:16].replace(":", "-"))
