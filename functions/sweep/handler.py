"""Runs every minute: sends what is due, and finds what was left lying."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from event_bus import clients
from event_bus.log import logger
from event_bus.recovery.replay_queue import ReplayQueue
from event_bus.registry.listeners import Listeners
from event_bus.routing.lanes import Lanes
from event_bus.routing.stranded import StrandedQueue
from event_bus.settings import settings
from event_bus.stores.circuits import CircuitStore
from event_bus.stores.cursors import CursorStore
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.events import EventStore
from event_bus.stores.inboxes import InboxStore
from event_bus.stores.payloads import PayloadStore
from event_bus.stores.replays import ReplayStore
from event_bus.stores.subscriptions import SubscriptionStore
from event_bus.sweeping.due import DueSweep
from event_bus.sweeping.stalled import StalledSweep
from event_bus.sweeping.unrouted import UnroutedSweep

_DUE_SECONDS = 30

_dynamodb = clients.dynamodb()
_executor = ThreadPoolExecutor(8)
_deliveries = DeliveryStore(_dynamodb, settings().deliveries_table, settings().retention_days)
_due = DueSweep(
    deliveries=_deliveries,
    circuits=CircuitStore(_dynamodb, settings().circuits_table),
    lanes=Lanes(clients.sqs(), settings().lane_urls, _executor),
)
_unrouted = UnroutedSweep(
    events=EventStore(_dynamodb, settings().events_table, PayloadStore(clients.s3(), "")),
    deliveries=_deliveries,
    cursors=CursorStore(_dynamodb, settings().cursors_table, settings().retention_days),
    stranded=StrandedQueue(clients.sqs(), settings().stranded_queue_url),
    executor=_executor,
)
_stalled = StalledSweep(
    ReplayStore(_dynamodb, settings().replays_table),
    ReplayQueue(clients.sqs(), settings().replay_queue_url),
)
_listeners = Listeners(
    SubscriptionStore(_dynamodb, settings().subscriptions_table, settings().changes_table),
    InboxStore(_dynamodb, settings().inbox_table),
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
