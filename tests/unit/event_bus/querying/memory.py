"""Events and routings in memory, as far as the finder looks at them."""

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from event_bus.model.delivery import Delivery, Routing
from event_bus.model.event import Event
from event_bus.model.registration import Subscription
from event_bus.querying.event_finder import EventFinder
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.events import Entry, EventStore, Strand, to_item
from event_bus.stores.payloads import PayloadStore

_PARTITIONS = {
    "by_time": "shard",
    "by_domain": "domain_shard",
    "by_source": "source_shard",
    "by_correlation": "correlation_id",
    "by_trace": "trace_id",
}


_NOTHING: Any = None


@dataclass(frozen=True, slots=True)
class MemoryEvents(EventStore):
    """Events in memory, which remember which strands were read."""

    events: dict[str, Event] = field(default_factory=dict)
    strands: list[Strand] = field(default_factory=list)

    def get(self, event_id: str) -> Event | None:
        return self.events.get(event_id)

    def get_many(self, event_ids: Iterable[str]) -> dict[str, Event]:
        return {each: self.events[each] for each in event_ids if each in self.events}

    def page(
        self, strand: Strand, between: tuple[str, str], limit: int, *, newest_first: bool
    ) -> list[Entry]:
        self.strands.append(strand)
        key = _PARTITIONS[strand.index]
        found = [
            _entry(item)
            for item in (to_item(each, 1) for each in self.events.values())
            if item.get(key, {}).get("S") == strand.partition
            and between[0] <= item["position"]["S"] <= between[1]
        ]
        return sorted(found, key=lambda entry: entry.position, reverse=newest_first)[:limit]


@dataclass(frozen=True, slots=True)
class MemoryDeliveries(DeliveryStore):
    """Routings and deliveries in memory."""

    held: dict[str, Routing] = field(default_factory=dict)
    made: tuple[Delivery, ...] = ()

    def of_event(self, event_id: str) -> tuple[Routing | None, list[Delivery]]:
        return self.held.get(event_id), [
            each for each in self.made if each.key.event_id == event_id
        ]

    def routings(self, event_ids: Iterable[str]) -> dict[str, Routing]:
        return {each: self.held[each] for each in event_ids if each in self.held}


def finder(
    executor: Executor,
    events: Iterable[Event],
    routings: Iterable[Routing] = (),
    subscriptions: Sequence[Subscription] = (),
    made: Sequence[Delivery] = (),
) -> tuple[EventFinder, MemoryEvents]:
    """A finder over what is in memory."""
    store = MemoryEvents(
        _NOTHING, "", PayloadStore(_NOTHING, ""), events={each.id: each for each in events}
    )
    held = {each.event_id: each for each in routings}
    deliveries = MemoryDeliveries(_NOTHING, "", held=held, made=tuple(made))

    def of_service(service_id: str) -> list[Subscription]:
        return [each for each in subscriptions if each.service_id == service_id]

    return EventFinder(store, deliveries, of_service, executor), store


def _entry(item: dict[str, Any]) -> Entry:
    return Entry(
        position=item["position"]["S"],
        id=item["id"]["S"],
        type=item["type"]["S"],
        source=item["source"]["S"],
        correlation_id=item.get("correlation_id", {}).get("S"),
        trace_id=item.get("trace_id", {}).get("S"),
    )
