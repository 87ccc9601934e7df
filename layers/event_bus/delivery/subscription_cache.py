"""A cache of the subscriptions to which a lane delivers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from event_bus import times
from event_bus.cache import Cache
from event_bus.model.subscription import Subscription
from event_bus.queues.message import Message
from event_bus.stores.subscriptions import SubscriptionStore

CACHE_SECONDS = 10.0
"""How long a subscription is cached, in seconds."""

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
    _known: Cache[str, Subscription] = field(init=False)

    def __post_init__(self) -> None:
        self._known = Cache(CACHE_SECONDS, _CACHED, self.clock)

    def of(self, messages: Sequence[Message]) -> dict[str, Subscription]:
        """Returns the subscriptions of messages, by id, without deleted ones."""
        newest: dict[str, int] = {}
        for each in messages:
            version = each.subscription_version
            newest[each.subscription_id] = max(version, newest.get(each.subscription_id, version))
        found = {
            subscription_id: subscription
            for subscription_id, subscription in self._known.get_many(newest).items()
            if subscription.version >= newest[subscription_id]
        }
        if stale := newest.keys() - found.keys():
            read = self.store.get_many(stale)
            for subscription_id in stale:
                if subscription_id in read:
                    self._known.put(subscription_id, read[subscription_id])
                else:
                    self._known.forget(subscription_id)
            found |= read
        return found
