"""Goes on with replays, from the queue of those that must."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from event_bus import clients
from event_bus.batches import take_each
from event_bus.queues.lanes import Lanes
from event_bus.queues.replays import ReplayQueue
from event_bus.recovery.backlog import BacklogRunner
from event_bus.recovery.replay_runner import ReplayRunner
from event_bus.runtime import stores
from event_bus.runtime.routing import registry_view
from event_bus.settings import settings

_executor = ThreadPoolExecutor(8)
_parts: dict[str, Any] = {
    "replays": stores.replays(writes=True),
    "events": stores.events(),
    "deliveries": stores.deliveries(writes=True),
    "lanes": Lanes(clients.sqs(), settings().lane_urls, _executor),
    "queue": ReplayQueue(clients.sqs(), settings().replay_queue_url),
    "executor": _executor,
}
_runner = ReplayRunner(
    **_parts,
    view=registry_view(),
    backlogs=BacklogRunner(
        **_parts, subscriptions=stores.subscriptions(), routings=stores.routings()
    ),
)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Goes on with the replays of a batch."""
    return take_each(event, lambda _, replay_id: _runner.step(replay_id))
