"""The HTTP lane: delivers events by POST to callback URLs."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from event_bus import clients
from event_bus.delivery.circuits import Circuits
from event_bus.delivery.courier import Courier, Received
from event_bus.delivery.http import HttpTarget
from event_bus.delivery.lane import Lane
from event_bus.delivery.ordered import OrderedCourier
from event_bus.delivery.subscription_cache import SubscriptionCache
from event_bus.registry.disabling import Disabler
from event_bus.routing.lanes import Lanes
from event_bus.settings import settings
from event_bus.stores.circuits import CircuitStore
from event_bus.stores.cursors import CursorStore
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.events import EventStore
from event_bus.stores.payloads import PayloadStore
from event_bus.stores.streams import StreamStore
from event_bus.stores.subscriptions import SubscriptionStore

_BATCH = 10

_dynamodb = clients.dynamodb()
_retention_days = settings().retention_days
_executor = ThreadPoolExecutor(_BATCH)
_subscriptions = SubscriptionStore(
    _dynamodb, settings().subscriptions_table, settings().changes_table
)
_events = EventStore(
    _dynamodb, settings().events_table, PayloadStore(clients.s3(), settings().payloads_bucket)
)
_courier = Courier(
    HttpTarget(),
    _events,
    DeliveryStore(_dynamodb, settings().deliveries_table, _retention_days),
)
_lane = Lane(
    courier=_courier,
    ordered=OrderedCourier(
        _courier,
        StreamStore(_dynamodb, settings().streams_table),
        CursorStore(_dynamodb, settings().cursors_table, _retention_days),
        _retention_days,
    ),
    subscriptions=SubscriptionCache(_subscriptions),
    circuits=Circuits(CircuitStore(_dynamodb, settings().circuits_table, _retention_days)),
    disabler=Disabler(_subscriptions, _events, _retention_days),
    lanes=Lanes(clients.sqs(), settings().http_lane_url, _executor),
    executor=_executor,
)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Delivers a batch, and tells which of its messages the queue must keep."""
    batch = [
        Received(
            id=record["messageId"],
            receives=int(record["attributes"]["ApproximateReceiveCount"]),
            body=record["body"],
        )
        for record in event["Records"]
    ]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in _lane.process(batch)]}
