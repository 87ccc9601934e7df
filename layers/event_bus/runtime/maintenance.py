"""Builds what runs every minute, and what handles crashed messages."""

from typing import TYPE_CHECKING

from event_bus.runtime import registry_stores, stores
from event_bus.runtime.queues import lanes, replay_queue, unroutable_queue
from event_bus.runtime.threads import threads
from event_bus.settings import settings

if TYPE_CHECKING:
    from event_bus.maintenance.archiving import Archiver
    from event_bus.maintenance.crashed import CrashedMessages
    from event_bus.maintenance.due import DueSweep
    from event_bus.maintenance.expiring_keys import ExpiringKeys
    from event_bus.maintenance.stalled import StalledSweep
    from event_bus.maintenance.unrouted import UnroutedSweep
    from event_bus.model.delivery import Delivery
    from event_bus.queues.message import Message

_WORKERS = 8


def archiver() -> "Archiver | None":
    """Makes the `Archiver`, which archives old events; returns None without an archive."""
    own = settings()
    if not own.archive_after_days:
        return None
    from event_bus.maintenance.archiving import Archiver

    executor = threads(_WORKERS)
    return Archiver(
        events=stores.events(),
        archive=stores.event_archive(executor),
        cursors=stores.cursors(),
        executor=executor,
        after_days=own.archive_after_days,
    )


def crashed_messages() -> "CrashedMessages":
    """Makes the `CrashedMessages`, which makes dead letters of messages that a lane gave up."""
    from event_bus.maintenance.crashed import CrashedMessages

    return CrashedMessages(
        deliveries=stores.deliveries(writes=True),
        events=stores.events,
        subscriptions=registry_stores.subscriptions(),
        lanes=lanes(threads(1)),
    )


def due_sweep() -> "DueSweep":
    """Makes the `DueSweep`, which sends the deliveries whose wait is over."""
    from event_bus.maintenance.due import DueSweep

    return DueSweep(
        due=stores.due_deliveries(),
        deliveries=stores.deliveries(writes=True),
        circuits=stores.circuits(),
        lanes=lanes(threads(_WORKERS)),
        following=_following,
    )


def _following(refused: "Delivery") -> "Message | None":
    """Makes the message that continues a stream after a delivery whose message SQS refuses."""
    # Imported only then: SQS hardly ever refuses a message.
    from event_bus.delivery.waiting_events import WaitingEvents
    from event_bus.maintenance.refused import RefusedMessages

    # The sweeper reads no events, so all count as stored: a lane passes over those that are not.
    waiting = WaitingEvents(stores.routings(), stores.streams(), stores.cursors(), list)
    return RefusedMessages(registry_stores.subscriptions(), waiting).following(refused)


def unrouted_sweep() -> "UnroutedSweep":
    """Makes the `UnroutedSweep`, which finds events that were never routed."""
    from event_bus.maintenance.unrouted import UnroutedSweep

    return UnroutedSweep(
        events=stores.events(payloads=False),
        routings=stores.routings(),
        cursors=stores.cursors(),
        unroutable=unroutable_queue(),
        executor=threads(_WORKERS),
    )


def expiring_keys() -> "ExpiringKeys":
    """Makes the `ExpiringKeys`, which announces keys that end soon."""
    from event_bus.maintenance.expiring_keys import ExpiringKeys

    return ExpiringKeys(
        ending=registry_stores.keys().ending,
        cursors=stores.cursors(),
        events=stores.events(payloads=False),
        retention_days=settings().retention_days,
    )


def stalled_sweep() -> "StalledSweep":
    """Makes the `StalledSweep`, which continues stalled replays."""
    from event_bus.maintenance.stalled import StalledSweep

    return StalledSweep(stores.replays(), replay_queue())
