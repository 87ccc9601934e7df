"""Goes on with replays, from the queue of those that must."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from event_bus import clients
from event_bus.batches import take_each
from event_bus.recovery.replay_queue import ReplayQueue
from event_bus.recovery.replay_runner import ReplayRunner
from event_bus.routing.deployed import registry_view
from event_bus.routing.lanes import Lanes
from event_bus.settings import settings
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.events import EventStore
from event_bus.stores.payloads import PayloadStore
from event_bus.stores.replays import ReplayStore

_dynamodb = clients.dynamodb()
_executor = ThreadPoolExecutor(8)
_runner = ReplayRunner(
    replays=ReplayStore(_dynamodb, settings().replays_table, settings().retention_days),
    view=registry_view(),
    events=EventStore(
        _dynamodb, settings().events_table, PayloadStore(clients.s3(), settings().payloads_bucket)
    ),
    deliveries=DeliveryStore(_dynamodb, settings().deliveries_table, settings().retention_days),
    lanes=Lanes(clients.sqs(), settings().lane_urls, _executor),
    queue=ReplayQueue(clients.sqs(), settings().replay_queue_url),
    executor=_executor,
)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Goes on with the replays of a batch."""
    return take_each(event, lambda _, replay_id: _runner.step(replay_id))
