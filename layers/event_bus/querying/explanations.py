"""Why a stored event reached a subscription, or did not: `GET /events/{id}/matches`."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from event_bus import json_numbers
from event_bus.access.callers import Caller
from event_bus.access.receive_rights import RightsReader
from event_bus.errors import NotFound
from event_bus.matching.errors import InvalidPatternError
from event_bus.matching.explain import Reason, explain
from event_bus.matching.filters import SubscriptionFilter
from event_bus.model.delivery import Routing
from event_bus.model.event import Event
from event_bus.model.subscription import Subscription, received_since
from event_bus.stores.events import EventStore
from event_bus.stores.routings import RoutingStore
from event_bus.stores.subscriptions import SubscriptionStore


@dataclass(frozen=True, slots=True)
class Match:
    """The decision of the bus about an event and a subscription.

    Attributes:
        subscription: The subscription as it is now.
        matched: Whether the event was routed to it, or will be.
        reason: The first reason why not.
    """

    subscription: Subscription
    matched: bool
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Explanations:
    """The matches of one event.

    Attributes:
        matches: A page of them, by subscription; each is explained when it is asked for.
        routed: Whether the event was routed.
        position: The subscription after which the next page begins; None at the end.
    """

    matches: Iterable[Match]
    routed: bool
    position: str | None


@dataclass(frozen=True, slots=True)
class Explainer:
    """Explains why an event reached subscriptions, or did not.

    Attributes:
        events: The events.
        routings: The routing records of the events.
        subscriptions: The subscriptions.
        rights: Reads what services may receive.
    """

    events: EventStore
    routings: RoutingStore
    subscriptions: SubscriptionStore
    rights: RightsReader

    def event(self, event_id: str, caller: Caller) -> Event:
        """Returns an event for a caller that may ask about it.

        These are admins, and the services that may receive it.

        Raises:
            NotFound: There is none, or none that the caller may ask about.
        """
        event = self.events.get(event_id)
        if event and (caller.admin or self._permits(caller.service_id, event)):
            return event
        raise NotFound.of(f"event {event_id}")

    def matches(self, event_id: str, after: str | None, limit: int, caller: Caller) -> Explanations:
        """Returns the decisions about an event and the subscriptions that the caller may see.

        Args:
            event_id: The event.
            after: The subscription after which the page begins; None for the first page.
            limit: How many subscriptions at most.
            caller: Who asks: an admin about all subscriptions, a service about its own.

        Raises:
            NotFound: There is no such event, or none that the caller may ask about.
        """
        event = self.event(event_id, caller)
        routing = self.routings.of(event)
        service_id = None if caller.admin else caller.service_id
        found = self.subscriptions.page(service_id, after, limit + 1)
        shown = found[:limit]
        explained = _Explained(event, routing, self._permits)
        return Explanations(
            map(explained.of, shown),
            routing is not None,
            shown[-1].id if len(found) > limit else None,
        )

    def _permits(self, service_id: str, event: Event) -> bool:
        rights = self.rights.of(service_id, [event.source])
        return rights.permits_event(service_id, event)


@dataclass(slots=True)
class _Explained:
    """One event, compared with subscriptions."""

    event: Event
    routing: Routing | None
    permits: Callable[[str, Event], bool]
    _known: dict[str, bool] = field(default_factory=dict)
    _payload: Mapping[str, Any] | None = None

    def of(self, subscription: Subscription) -> Match:
        """Returns the decision about a subscription."""
        if self.routing and subscription.id in self.routing.matched:
            return Match(subscription, matched=True)
        reason = (
            self._filtered(subscription)
            or self._not_permitted(subscription)
            or self._later(subscription)
            or self._inactive(subscription)
        )
        if reason is None and self.routing:
            reason = Reason(
                "changed",
                "",
                f"the subscription would match now; it did not when the event was routed at "
                f"{self.routing.routed_at}, and was last changed at {subscription.updated_at}",
            )
        return Match(subscription, reason is None, reason)

    def _filtered(self, subscription: Subscription) -> Reason | None:
        try:
            asked = SubscriptionFilter(subscription.event_types, subscription.filters)
        except InvalidPatternError as error:
            return Reason("invalid", error.pointer, f"the filters cannot be used: {error.detail}")
        if self._payload is None:
            # The payload is sealed, as the router saw it.
            self._payload = json_numbers.loads(self.event.json_payload or b"{}")
        event = self.event
        reasons = explain(
            asked,
            subscription.filters,
            event.type,
            event.source,
            self._payload or {},
            event.metadata,
        )
        return reasons[0] if reasons else None

    def _not_permitted(self, subscription: Subscription) -> Reason | None:
        service_id = subscription.service_id
        if service_id not in self._known:
            self._known[service_id] = self.permits(service_id, self.event)
        if self._known[service_id]:
            return None
        return Reason(
            "not_permitted",
            "/service_id",
            f"{service_id} may not receive {self.event.type} from {self.event.source}",
        )

    def _later(self, subscription: Subscription) -> Reason | None:
        stored_at = self.event.created_at
        if stored_at >= received_since(subscription.created_at):
            return None
        return Reason(
            "later",
            "/created_at",
            f"the subscription was registered at {subscription.created_at}, and the event was "
            f"stored before, at {stored_at}",
            "start a replay by POST /replays to receive earlier events",
        )

    def _inactive(self, subscription: Subscription) -> Reason | None:
        if subscription.status == "active":
            return None
        why = f": {subscription.disabled_reason}" if subscription.disabled_reason else ""
        return Reason(
            subscription.status,
            "/status",
            f"the subscription is {subscription.status}{why}",
        )
