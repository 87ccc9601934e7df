"""How far behind the router is."""

from concurrent.futures import Executor
from functools import partial

from event_bus import times
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.events import EventStore, Strand, all_events

_LONGEST_SECONDS = 4_096


def router_lag(events: EventStore, deliveries: DeliveryStore, executor: Executor) -> int:
    """How old the newest events are that were routed, in seconds, rounded up to a power of two.

    It looks at the newest event of each list, and, where one is not routed yet, at older ones: a
    few reads, unless the router is far behind.

    Args:
        events: The events.
        deliveries: The records of their routing.
        executor: Reads partitions side by side.

    Returns:
        0 where all is routed; 4,096 where it is that far behind, or farther.
    """
    now, age = times.unix(), 0
    while age < _LONGEST_SECONDS:
        until = times.at(now - age) + "~"
        newest = partial(_newest, events, until)
        ids = [each for found in executor.map(newest, all_events()) for each in found]
        if len(deliveries.routings(ids)) == len(ids):
            return age
        age = max(1, 2 * age)
    return _LONGEST_SECONDS


def _newest(events: EventStore, until: str, strand: Strand) -> list[str]:
    return [entry.id for entry in events.page(strand, ("0", until), 1, newest_first=True)]


def oldest_due(deliveries: DeliveryStore, shards: int, executor: Executor) -> float:
    """For how long the delivery is overdue that should have been tried again first, in seconds.

    Args:
        deliveries: The deliveries.
        shards: How many lists of due deliveries there are.
        executor: Reads them side by side.
    """
    pages = executor.map(lambda shard: deliveries.due(shard, 1), range(shards))
    due = [times.seconds(each.due_at) for page in pages for each in page]
    return round(max(0.0, times.unix() - min(due)), 3) if due else 0.0
