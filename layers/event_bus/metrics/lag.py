"""How far behind the router is."""

from concurrent.futures import Executor

from event_bus import times
from event_bus.stores.delivery_items import SHARDS
from event_bus.stores.due_deliveries import DueDeliveries
from event_bus.stores.events import EventStore
from event_bus.stores.listings import all_events
from event_bus.stores.routings import RoutingStore

_LONGEST_SECONDS = 4_096
_LOOKED_AT = 8


def router_lag(events: EventStore, routings: RoutingStore, executor: Executor) -> int:
    """How old the newest events are that were routed, in seconds, rounded up to a power of two.

    It looks at the newest events, and, where one is not routed yet, at older ones: one read of each
    partition, unless the router is behind.

    Args:
        events: The events.
        routings: The routing records of the events.
        executor: Reads partitions in parallel.

    Returns:
        0 if all is routed; 4,096 if it is that far behind, or farther.
    """
    now, age = times.unix(), 0
    while age < _LONGEST_SECONDS:
        until = times.at(now - age) + "~"
        newest = events.listed(all_events(), executor).page(("0", until), _LOOKED_AT)
        newest = newest.cut(_LOOKED_AT)
        ids = [entry.id for entry in newest.entries]
        if len(routings.get_many(ids)) == len(ids):
            return age
        age = max(1, 2 * age)
    return _LONGEST_SECONDS


def oldest_due(deliveries: DueDeliveries, executor: Executor) -> float:
    """For how long the delivery is overdue that should have been tried again first, in seconds.

    Args:
        deliveries: The due deliveries.
        executor: Reads them in parallel.
    """
    now = times.now()
    pages = executor.map(lambda shard: deliveries.page(shard, now, 1), range(SHARDS))
    due = [times.seconds(each.due_at) for page in pages for each in page]
    return round(max(0.0, times.unix() - min(due)), 3) if due else 0.0
