"""Makes dead letters of what a lane gave up, from its redrive queue."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from event_bus import clients
from event_bus.batches import take_each
from event_bus.routing.lanes import Lanes
from event_bus.settings import settings
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.subscriptions import SubscriptionStore
from event_bus.sweeping.crashed import CrashedMessages

_dynamodb = clients.dynamodb()
_crashed = CrashedMessages(
    DeliveryStore(_dynamodb, settings().deliveries_table, settings().retention_days),
    SubscriptionStore(_dynamodb, settings().subscriptions_table),
    Lanes(clients.sqs(), settings().lane_urls, ThreadPoolExecutor(1)),
)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Takes a batch; what cannot be read stays, for a person to look at."""
    return take_each(event, _crashed.take)
