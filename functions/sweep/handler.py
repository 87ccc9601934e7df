"""Runs every minute: sends what is due, and finds what was left lying."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from event_bus import clients
from event_bus.inbox.listeners import Listeners
from event_bus.log import logger
from event_bus.maintenance.due import DueSweep
from event_bus.maintenance.stalled import StalledSweep
from event_bus.maintenance.unrouted import UnroutedSweep
from event_bus.queues.lanes import Lanes
from event_bus.queues.replays import ReplayQueue
from event_bus.queues.unroutable import UnroutableQueue
from event_bus.runtime import stores
from event_bus.settings import settings

_DUE_SECONDS = 30
_executor = ThreadPoolExecutor(8)
_due = DueSweep(
    due=stores.due_deliveries(),
    deliveries=stores.deliveries(writes=True),
    circuits=stores.circuits(),
    lanes=Lanes(clients.sqs(), settings().lane_urls, _executor),
)
_unrouted = UnroutedSweep(
    events=stores.events(payloads=False),
    routings=stores.routings(),
    cursors=stores.cursors(),
    unroutable=UnroutableQueue(clients.sqs(), settings().unroutable_queue_url),
    executor=_executor,
)
_stalled = StalledSweep(
    stores.replays(),
    ReplayQueue(clients.sqs(), settings().replay_queue_url),
)
_listeners = Listeners(
    stores.subscriptions(changes=True),
    stores.inboxes(),
)


def handler(_event: dict[str, Any], _context: object) -> dict[str, int]:
    """Does what has become due; one part that fails does not keep the others from their work."""
    parts = {
        "due": lambda: _due.run(_DUE_SECONDS),
        "unrouted": _unrouted.run,
        "stalled": _stalled.run,
        "listeners": _listeners.sweep,
    }
    done: dict[str, int] = {}
    failed = []
    for name, part in parts.items():
        try:
            done[name] = part()
        except Exception:
            logger.exception("sweep failed", part=name)
            failed.append(name)
    if failed:
        raise RuntimeError(f"not swept: {', '.join(failed)}")
    logger.info("swept", done=done)
    return done
