"""Decides which events of its streams a subscription is owed."""

from collections.abc import Callable
from dataclasses import dataclass, field

from event_bus import json_numbers, times
from event_bus.cache import Cache
from event_bus.log import logger, traces
from event_bus.matching.filters import SubscriptionFilter
from event_bus.model.event import MAX_HOPS, Event
from event_bus.model.subscription import Subscription

_CACHE_SECONDS = 60.0
_CACHED_FILTERS = 1_000


@dataclass(slots=True)
class StreamHistory:
    """Matches events that were stored, or routed, before the router knew a subscription.

    Attributes:
        permits: Returns whether a service may receive an event. It checks the rights to a fresh
            event, too, because the router has not.
        payload: Returns the payload of an event as filters see it.
        clock: Monotonic clock, in seconds.
    """

    permits: Callable[[str, Event], bool]
    payload: Callable[[Event], bytes]
    clock: Callable[[], float] = times.steady
    _filters: Cache[tuple[str, int], SubscriptionFilter] = field(init=False)

    def __post_init__(self) -> None:
        self._filters = Cache(_CACHE_SECONDS, _CACHED_FILTERS, self.clock)

    def owes(self, subscription: Subscription, event: Event) -> bool:
        """Returns whether a subscription is owed an event, as the router would decide now."""
        if event.hop_count > MAX_HOPS or event.about == subscription.id:
            return False
        return self.matches(subscription, event) and self.permits(subscription.service_id, event)

    def matches(self, subscription: Subscription, event: Event) -> bool:
        """Returns whether an event matches the type patterns and filters of a subscription."""
        key = (subscription.id, subscription.version)
        wanted = self._filters.fetch(
            key, lambda: SubscriptionFilter(subscription.event_types, subscription.filters)
        )
        if not wanted.selects(event.type):
            return False
        payload = json_numbers.loads(self.payload(event))
        matched = wanted.matches(event.type, event.source, payload, event.metadata)
        logger.debug("event matched late", **traces(event), matched=matched)
        return matched
