"""The HTTP lane: delivers events by POST to callback URLs."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from event_bus import clients
from event_bus.delivery.http import HttpTarget
from event_bus.delivery.lane import Lane, Received
from event_bus.delivery.subscription_cache import SubscriptionCache
from event_bus.settings import settings
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.events import EventStore
from event_bus.stores.payloads import PayloadStore
from event_bus.stores.subscriptions import SubscriptionStore

_BATCH = 10

_dynamodb = clients.dynamodb()


def _delay(receipt: str, seconds: int) -> None:
    clients.sqs().change_message_visibility(
        QueueUrl=settings().http_lane_url, ReceiptHandle=receipt, VisibilityTimeout=seconds
    )


_lane = Lane(
    target=HttpTarget(),
    subscriptions=SubscriptionCache(SubscriptionStore(_dynamodb, settings().subscriptions_table)),
    events=EventStore(
        _dynamodb, settings().events_table, PayloadStore(clients.s3(), settings().payloads_bucket)
    ),
    deliveries=DeliveryStore(_dynamodb, settings().deliveries_table, settings().retention_days),
    delay=_delay,
    attempts=settings().lane_attempts,
    executor=ThreadPoolExecutor(_BATCH),
)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Delivers a batch, and tells which of its messages the queue must keep."""
    batch = [
        Received(
            id=record["messageId"],
            receipt=record["receiptHandle"],
            attempt=int(record["attributes"]["ApproximateReceiveCount"]),
            body=record["body"],
        )
        for record in event["Records"]
    ]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in _lane.process(batch)]}
