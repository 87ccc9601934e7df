"""Finding events for a caller."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from event_bus.access.callers import Caller
from event_bus.access.event_visibility import Visibility
from event_bus.access.receive_rights import RightsReader
from event_bus.batches import chunks
from event_bus.errors import NotFound
from event_bus.matching.event_types import WILDCARD
from event_bus.model.delivery import Delivery, DeliveryKey, Routing
from event_bus.model.event import Event
from event_bus.model.subscription import Subscription
from event_bus.paging import Portion, first_page
from event_bus.querying.event_query import EventQuery
from event_bus.stores import listings
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.delivery_items import of_present, routing_of_present
from event_bus.stores.events import EventStore
from event_bus.stores.listings import EventSelector, Listing, domain_of
from event_bus.stores.routings import RoutingStore

_MAX_DOMAINS = 8
"""With more domains than this, reading all events is cheaper."""

READ_BUDGET = 1_000
"""The number of events that one request reads before it ends its page early."""


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """An event with its routing record and its deliveries.

    Attributes:
        event: The event.
        routing: Its routing record; None while it is not routed.
        deliveries: The outcomes so far; empty in lists.
    """

    event: Event
    routing: Routing | None
    deliveries: tuple[Delivery, ...] = ()

    def all_deliveries(self) -> list[Delivery]:
        """Returns the recorded deliveries, followed by the pending ones that have no record yet."""
        if self.routing is None:
            return list(self.deliveries)
        recorded = {each.key for each in self.deliveries}
        routed_at = self.routing.routed_at
        owed = [
            Delivery(
                key=DeliveryKey(self.event.id, subscription_id),
                service_id=service_id,
                event_type=self.event.type,
                status="held" if subscription_id in self.routing.held else "pending",
                attempts=0,
                created_at=routed_at,
                updated_at=routed_at,
            )
            for subscription_id, service_id in self.routing.matched.items()
        ]
        return [*self.deliveries, *(each for each in owed if each.key not in recorded)]


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page of a list.

    Attributes:
        found: The events, in the order asked for.
        position: Where the next page begins; None at the end.
    """

    found: list[FoundEvent]
    position: str | None


@dataclass(frozen=True, slots=True)
class EventFinder:
    """Finds events.

    Attributes:
        events: The event store.
        routings: The routing records of the events.
        deliveries: The deliveries of the events.
        subscriptions: Finds the subscriptions of a service.
        executor: Reads partitions in parallel.
        rights: Reads what a service may receive.
    """

    events: EventStore
    routings: RoutingStore
    deliveries: DeliveryStore
    subscriptions: Callable[[str], Iterable[Subscription]]
    executor: Executor
    rights: RightsReader

    def get(self, event_id: str, caller: Caller) -> FoundEvent:
        """Returns an event with all its deliveries or, for a subscriber, with its own.

        Raises:
            NotFound: There is none of this id, or none that the caller may see.
        """
        reading = self.executor.submit(self.deliveries.of_event, event_id)
        event = self.events.get(event_id)
        found = _found(event, *reading.result()) if event else None
        visibility = Visibility(caller, self.subscriptions, self.rights)
        if found is None or not visibility.sees(
            found.event, found.routing, lambda: found.event.json_payload
        ):
            raise NotFound.of(f"event {event_id}")
        return _as_seen(found, caller)

    def get_many(self, event_ids: Iterable[str], caller: Caller) -> list[FoundEvent]:
        """Returns the events that a caller may see, with deliveries, without large payloads."""
        events = self.events.get_many(event_ids)
        visibility = Visibility(caller, self.subscriptions, self.rights)
        visibility.prepare(event.source for event in events.values())
        outcomes = zip(
            events.values(), self.executor.map(self.deliveries.of_event, events), strict=True
        )
        found = [_found(event, routing, deliveries) for event, (routing, deliveries) in outcomes]
        return [_as_seen(each, caller) for each in found if self._sees(each, visibility)]

    def visible(self, event_ids: Sequence[str], caller: Caller) -> dict[str, FoundEvent]:
        """Returns events as lists show them, by id: those that the caller may see."""
        visibility = Visibility(caller, self.subscriptions, self.rights)
        read = self._read(list(event_ids))
        visibility.prepare(each.event.source for each in read.values())
        return {name: found for name, found in read.items() if self._sees(found, visibility)}

    def page(self, query: EventQuery, behind: str | None, caller: Caller) -> FoundPage:
        """Returns a page of events.

        Args:
            query: The filters and the order.
            behind: The position after which the page begins; None for the first page.
            caller: The caller. Events that it may not see are left out.

        Returns:
            The page. It may be short, or even empty, before the end of the list: after
            `READ_BUDGET` events, or `LOOK_BUDGET` entries of an index, it ends.
        """
        visibility = Visibility(caller, self.subscriptions, self.rights)
        portions = self._portions(query, behind, visibility)
        return FoundPage(*first_page(portions, query.limit, READ_BUDGET))

    def _portions(
        self, query: EventQuery, behind: str | None, visibility: Visibility
    ) -> Iterator[Portion[FoundEvent]]:
        listing = _listing(query, visibility)
        listed = self.events.listed(listing, self.executor, newest_first=query.newest_first)
        for page in listed.pages(query.between, behind, query.limit + 1):
            selected = [entry for entry in page.entries if query.selects(entry)]
            if not selected:
                yield Portion((), 0, page.reached)
            for chunk in chunks(selected, query.limit):
                read = self._read([entry.id for entry in chunk])
                visibility.prepare(each.event.source for each in read.values())
                fitting = (
                    (entry.position, self._fitting(read.get(entry.id), query, visibility))
                    for entry in chunk
                )
                last = chunk[-1]
                reached = page.reached if last is selected[-1] else last.position
                yield Portion(fitting, len(chunk), reached)

    def _read(self, event_ids: list[str]) -> dict[str, FoundEvent]:
        reading = self.executor.submit(self.routings.get_many, event_ids)
        events = self.events.get_many(event_ids)
        routings = reading.result()
        return {each: _found(event, routings.get(each)) for each, event in events.items()}

    def _fitting(
        self, found: FoundEvent | None, query: EventQuery, visibility: Visibility
    ) -> FoundEvent | None:
        """Returns an event if the query selects it and the caller may see it."""
        if found is None or query.processed not in (None, found.routing is not None):
            return None
        return found if self._sees(found, visibility) else None

    def _sees(self, each: FoundEvent, visibility: Visibility) -> bool:
        return visibility.sees(
            each.event, each.routing, lambda: self.events.filtered_payload(each.event)
        )


def _found(
    event: Event, routing: Routing | None, deliveries: Iterable[Delivery] = ()
) -> FoundEvent:
    present = [each for each in deliveries if of_present(each, event)]
    return FoundEvent(event, routing_of_present(routing, event), tuple(present))


def _as_seen(found: FoundEvent, caller: Caller) -> FoundEvent:
    if caller.admin or found.event.source == caller.service_id:
        return found
    # Only the publisher of an event may know who else receives it.
    return FoundEvent(
        found.event,
        found.routing and found.routing.to(caller.service_id),
        tuple(each for each in found.deliveries if each.service_id == caller.service_id),
    )


def _listing(query: EventQuery, visibility: Visibility) -> Listing:
    """Returns the list with the fewest events that were not asked for."""
    if query.correlation_id:
        return listings.of_correlation(query.correlation_id)
    if query.trace_id:
        return listings.of_trace(query.trace_id)
    if query.source or query.domain:
        return listings.with_any(EventSelector(query.source, query.domain))
    if visibility.caller.admin:
        return listings.all_events()
    # Disabled subscriptions count, because they have received events. So does the caller's id,
    # because the types of replies to the caller begin with it.
    patterns = {pattern for each in visibility.subscribed for pattern in each.event_types}
    domains = {domain_of(pattern) for pattern in patterns} | {visibility.caller.service_id}
    if WILDCARD in domains or len(domains) > _MAX_DOMAINS:
        return listings.all_events()
    own = EventSelector(source=visibility.caller.service_id)
    return listings.with_any(own, *(EventSelector(domain=each) for each in sorted(domains)))
