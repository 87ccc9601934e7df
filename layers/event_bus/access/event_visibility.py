"""The events that a caller may see."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from event_bus import json_numbers
from event_bus.access.callers import Caller
from event_bus.access.receive_rights import ReceiveRights, RightsReader
from event_bus.log import logger
from event_bus.matching.errors import InvalidPatternError
from event_bus.matching.filters import SubscriptionFilter
from event_bus.model.delivery import Routing
from event_bus.model.event import Event
from event_bus.model.subscription import Subscription
from event_bus.stores.routings import RoutingStore


@dataclass(slots=True)
class Visibility:
    """The events that one caller may see.

    An admin sees all events. A service sees the events that it published, the replies to its own
    commands and, of those that it may receive, the events that were routed to it or that its
    subscriptions match.

    Attributes:
        caller: The caller.
        subscriptions: Finds the subscriptions of a service.
        rights: Reads what a service may receive.
    """

    caller: Caller
    subscriptions: Callable[[str], Iterable[Subscription]]
    rights: RightsReader
    _known: dict[str, ReceiveRights] = field(default_factory=dict)
    # No `functools.cached_property`: in Python 3.11, it locks out all other threads during the
    # read.
    _subscribed: list[Subscription] | None = None
    _filters: list[SubscriptionFilter] | None = None

    def prepare(self, sources: Iterable[str]) -> None:
        """Reads the rights to the events of several sources in one request, ahead of `sees`."""
        service = self.caller.service_id
        unknown = {each for each in sources if each not in self._known and each != service}
        if unknown and not self.caller.admin:
            self._known.update(dict.fromkeys(unknown, self.rights.of(service, unknown)))

    @property
    def subscribed(self) -> list[Subscription]:
        """The caller's subscriptions, also those that are disabled; read once."""
        if self._subscribed is None:
            self._subscribed = list(self.subscriptions(self.caller.service_id))
        return self._subscribed

    @property
    def filters(self) -> list[SubscriptionFilter]:
        """The filters of the caller's subscriptions that are not disabled."""
        if self._filters is None:
            self._filters = self._filters_of_subscriptions()
        return self._filters

    def _filters_of_subscriptions(self) -> list[SubscriptionFilter]:
        filters = []
        for subscription in self.subscribed:
            if subscription.status == "disabled":
                continue
            try:
                filters.append(SubscriptionFilter(subscription.event_types, subscription.filters))
            except InvalidPatternError:
                # An earlier release accepted this filter. Its subscription receives no events, so
                # it makes none visible.
                logger.exception("filter cannot be used", subscription_id=subscription.id)
        return filters

    def sees(
        self, event: Event, routing: Routing | None, payload: Callable[[], bytes | None]
    ) -> bool:
        """Returns whether the caller may see an event.

        Args:
            event: The event.
            routing: Its routing record, if it was routed.
            payload: Reads its payload, if a filter needs it.
        """
        service = self.caller.service_id
        if self.caller.admin or service in (event.source, event.reply_for):
            return True
        matched = routing is not None and service in routing.matched.values()
        if not matched and not any(
            self._matches(wanted, event, payload) for wanted in self.filters
        ):
            return False
        self.prepare([event.source])
        return self._known[event.source].permits_event(service, event)

    def _matches(
        self, wanted: SubscriptionFilter, event: Event, payload: Callable[[], bytes | None]
    ) -> bool:
        if not wanted.selects(event.type):
            return False
        fields: Mapping[str, object] = {}
        if wanted.filters:
            fields = json_numbers.loads(payload() or b"{}")
        return wanted.matches(event.type, event.source, fields, event.metadata)


@dataclass(frozen=True, slots=True)
class VisibleEvents:
    """Decides for single events whether a caller may see them.

    Attributes:
        routings: The routing records of the events.
        subscriptions: Finds the subscriptions of a service.
        rights: Reads what a service may receive.
    """

    routings: RoutingStore
    subscriptions: Callable[[str], Iterable[Subscription]]
    rights: RightsReader

    def sees(self, event: Event, caller: Caller) -> bool:
        """Returns whether a caller may see an event.

        A payload in the bucket is not read here, so filters on the payload do not match it. Such an
        event is visible to a service that filters the payload only after it was routed to that
        service.
        """
        if caller.admin or caller.service_id in (event.source, event.reply_for):
            return True
        routing = self.routings.of(event)
        visibility = Visibility(caller, self.subscriptions, self.rights)
        return visibility.sees(event, routing, lambda: event.json_payload)
