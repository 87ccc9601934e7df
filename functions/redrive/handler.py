"""Makes dead letters of what a lane gave up, from its redrive queue."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from event_bus import clients
from event_bus.batches import take_each
from event_bus.maintenance.crashed import CrashedMessages
from event_bus.queues.lanes import Lanes
from event_bus.runtime import stores
from event_bus.settings import settings

_crashed = CrashedMessages(
    stores.deliveries(writes=True),
    stores.subscriptions(),
    Lanes(clients.sqs(), settings().lane_urls, ThreadPoolExecutor(1)),
)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Takes a batch; what cannot be read stays, for a person to look at."""
    return take_each(event, _crashed.take)
