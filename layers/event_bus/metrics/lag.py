"""The lag of the router and of deliveries."""

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
    """Returns the age of the newest routed events, in seconds, rounded up to a power of two.

    It reads the newest events, and older ones if one of them is not routed yet: one read of each
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
    """Returns how long the earliest due delivery is overdue, in seconds.

    Args:
        deliveries: The due deliveries.
        executor: Reads them in parallel.
    """
    now = times.now()
    pages = executor.map(lambda shard: deliveries.page(shard, now, 1), range(SHARDS))
    due = [times.seconds(each.due_at) for page in pages for each in page]
    return round(max(0.0, times.unix() - min(due)), 3) if due else 0.0
