"""Events and routings in memory, as far as the finder looks at them."""

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from event_bus.access.receive_rights import RightsReader
from event_bus.model.delivery import Delivery, Routing
from event_bus.model.event import Event
from event_bus.model.rights import Grant, Restriction
from event_bus.model.subscription import Subscription
from event_bus.querying.event_finder import EventFinder
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.event_items import to_item
from event_bus.stores.event_lists import EventList
from event_bus.stores.events import EventStore
from event_bus.stores.listings import (
    POSITIONS,
    EventSelector,
    ListedEvent,
    Listing,
    ListPage,
    Partition,
    domain_of,
    entry,
)
from event_bus.stores.payloads import PayloadStore
from event_bus.stores.rights import RightsStore
from event_bus.stores.routings import RoutingStore

_NOTHING: Any = None


@dataclass(frozen=True, slots=True)
class MemoryEvents(EventStore):
    """Events in memory, which remember which partitions were read."""

    events: dict[str, Event] = field(default_factory=dict)
    listings: list[Listing] = field(default_factory=list)
    looked_at: list[int] = field(default_factory=list)

    def get(self, event_id: str) -> Event | None:
        return self.events.get(event_id)

    def get_many(self, event_ids: Iterable[str]) -> dict[str, Event]:
        return {each: self.events[each] for each in event_ids if each in self.events}

    def listed(
        self, listing: Listing, executor: Executor, *, newest_first: bool = True
    ) -> EventList:
        if listing not in self.listings:
            self.listings.append(listing)
        return MemoryList(_NOTHING, listing, executor, newest_first, self)


@dataclass(frozen=True, slots=True)
class MemoryList(EventList):
    """A list of the events in memory."""

    held: MemoryEvents = _NOTHING

    def _read(self, partition: Partition, between: tuple[str, str], depth: int) -> ListPage:
        key, position = POSITIONS[partition.index]
        found = [
            entry(item, position)
            for item in (to_item(each, 1) for each in self.held.events.values())
            if item.get(key, {}).get("S") == partition.key
            and between[0] <= item[position]["S"] <= between[1]
        ]
        found.sort(key=lambda each: each.position, reverse=self.newest_first)
        looked_at = found[:depth]
        self.held.looked_at.append(len(looked_at))
        selectors = self.listing.selectors
        listed = [
            each
            for each in looked_at
            if not selectors or any(_has(selector, each) for selector in selectors)
        ]
        return ListPage(
            listed, looked_at[-1].position if len(looked_at) == depth else None, len(looked_at)
        )


@dataclass(frozen=True, slots=True)
class MemoryDeliveries(DeliveryStore):
    """Deliveries in memory, beside the routing records."""

    held: dict[str, Routing] = field(default_factory=dict)
    made: tuple[Delivery, ...] = ()

    def of_event(self, event_id: str) -> tuple[Routing | None, list[Delivery]]:
        return self.held.get(event_id), [
            each for each in self.made if each.key.event_id == event_id
        ]


@dataclass(frozen=True, slots=True)
class MemoryRoutings(RoutingStore):
    """Routing records in memory."""

    held: dict[str, Routing] = field(default_factory=dict)

    def get_many(
        self,
        event_ids: Iterable[str],
        *,
        consistent: bool = False,  # noqa: ARG002
    ) -> dict[str, Routing]:
        return {each: self.held[each] for each in event_ids if each in self.held}


class NoRights(RightsStore):
    """No rights at all."""

    __slots__ = ()

    def read(self, *_: object) -> list[Grant | Restriction]:
        return []


EVERYTHING = RightsReader(NoRights(_NOTHING, _NOTHING), "everything")
"""Rights by which all services may receive everything."""


def finder(
    executor: Executor,
    events: Iterable[Event],
    routings: Iterable[Routing] = (),
    subscriptions: Sequence[Subscription] = (),
    made: Sequence[Delivery] = (),
    rights: RightsReader = EVERYTHING,
) -> tuple[EventFinder, MemoryEvents]:
    """A finder over what is in memory."""
    by_id = {each.id: each for each in events}
    store = MemoryEvents(_NOTHING, PayloadStore(_NOTHING, ""), events=by_id)
    held = {each.event_id: each for each in routings}
    deliveries = MemoryDeliveries(_NOTHING, held=held, made=tuple(made))

    def of_service(service_id: str) -> list[Subscription]:
        return [each for each in subscriptions if each.service_id == service_id]

    routed = MemoryRoutings(_NOTHING, held=held)
    return EventFinder(store, routed, deliveries, of_service, executor, rights), store


def _has(selector: EventSelector, each: ListedEvent) -> bool:
    return selector.source in (None, each.source) and selector.domain in (
        None,
        domain_of(each.type),
    )
