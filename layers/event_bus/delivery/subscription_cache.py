"""The subscriptions that a lane has lately delivered to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from event_bus import times
from event_bus.model.registration import Subscription
from event_bus.queues.message import Message
from event_bus.stores.subscriptions import SubscriptionStore

CACHE_SECONDS = 10.0
"""How late a change of a subscription acts on what was routed before it."""

_CACHED = 10_000


@dataclass(slots=True)
class SubscriptionCache:
    """Finds the subscriptions of messages, at least as new as when the messages were routed.

    Attributes:
        store: The subscriptions.
        clock: Monotonic clock, in seconds.
    """

    store: SubscriptionStore
    clock: Callable[[], float] = times.steady
    _cached: dict[str, tuple[Subscription, float]] = field(default_factory=dict)

    def of(self, messages: Sequence[Message]) -> dict[str, Subscription]:
        """The subscriptions of these messages, by id; those deleted meanwhile are missing."""
        now = self.clock()
        stale = {
            message.subscription_id
            for message in messages
            if not self._fresh(message.subscription_id, message.subscription_version, now)
        }
        if stale:
            if len(self._cached) > _CACHED:
                self._cached.clear()
                stale = {message.subscription_id for message in messages}
            for each in stale:
                self._cached.pop(each, None)
            for each, subscription in self.store.get_many(stale).items():
                self._cached[each] = (subscription, now + CACHE_SECONDS)
        return {
            message.subscription_id: self._cached[message.subscription_id][0]
            for message in messages
            if message.subscription_id in self._cached
        }

    def _fresh(self, subscription_id: str, version: int, now: float) -> bool:
        cached = self._cached.get(subscription_id)
        return cached is not None and now < cached[1] and cached[0].version >= version
