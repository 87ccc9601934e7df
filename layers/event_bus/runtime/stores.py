"""The stores of the deployed bus, each built here; `registry_stores` builds those of the registry.

A function imports a store's module only when it asks for that store, so its cold start pays only
for what it uses. Settings that a function was not given fail when the store is built.
"""

from typing import TYPE_CHECKING

from event_bus import clients
from event_bus.settings import settings

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from event_bus.stores.archive import ArchiveStore
    from event_bus.stores.audit import AuditStore
    from event_bus.stores.audit_heads import AuditHeads
    from event_bus.stores.circuits import CircuitStore
    from event_bus.stores.claims import ClaimStore
    from event_bus.stores.commands import CommandStore
    from event_bus.stores.cursors import CursorStore
    from event_bus.stores.dead_letters import DeadLetterStore
    from event_bus.stores.deliveries import DeliveryStore
    from event_bus.stores.due_deliveries import DueDeliveries
    from event_bus.stores.event_archive import EventArchive
    from event_bus.stores.events import EventStore
    from event_bus.stores.idempotency import IdempotencyStore
    from event_bus.stores.inbox_cursors import InboxCursorStore
    from event_bus.stores.inboxes import InboxStore
    from event_bus.stores.levels import LevelStore
    from event_bus.stores.limits import LimitStore
    from event_bus.stores.metrics import MetricStore
    from event_bus.stores.paces import PaceStore
    from event_bus.stores.replays import ReplayStore
    from event_bus.stores.routings import RoutingStore
    from event_bus.stores.snapshots import SnapshotStore
    from event_bus.stores.socket_subscribers import SocketSubscriberStore
    from event_bus.stores.streams import StreamStore
    from event_bus.stores.table import Table


def archive() -> "ArchiveStore":
    """Makes the `ArchiveStore`: the archive of old events."""
    from event_bus.runtime.threads import threads
    from event_bus.stores.archive import ArchiveStore

    return ArchiveStore(clients.s3(), settings().payloads_bucket, threads)


def audit_entries(*, writes: bool = False) -> "AuditStore":
    """Makes the `AuditStore`: the blocks of the audit log.

    Args:
        writes: Whether the function writes them, for which it needs their retention.
    """
    from event_bus.stores.audit import AuditStore

    own = settings()
    days = own.audit_retention_days if writes else 0
    return AuditStore(table_of(own.audit_table), days)


def audit_heads() -> "AuditHeads":
    """Makes the `AuditHeads`: the signed heads of the audit log's chains."""
    from event_bus.stores.audit_heads import AuditHeads

    return AuditHeads(clients.s3(), settings().audit_bucket)


def circuits(*, writes: bool = False) -> "CircuitStore":
    """Makes the `CircuitStore`: the circuit breakers.

    Args:
        writes: Whether the function writes them, for which it needs their retention.
    """
    from event_bus.stores.circuits import CircuitStore

    return CircuitStore(table_of(settings().circuits_table), retention(writes=writes))


def commands(*, writes: bool = False) -> "CommandStore":
    """Makes the `CommandStore`: the records of commands.

    Args:
        writes: Whether the function writes them, for which it needs their retention.
    """
    from event_bus.stores.commands import CommandStore

    return CommandStore(table_of(settings().deliveries_table), retention(writes=writes))


def cursors() -> "CursorStore":
    """Makes the `CursorStore`: the positions of ordered subscriptions and of sweeps."""
    from event_bus.stores.cursors import CursorStore

    own = settings()
    return CursorStore(table_of(own.cursors_table), own.retention_days)


def claims() -> "ClaimStore":
    """Makes the `ClaimStore`: the claims of deliveries."""
    from event_bus.stores.claims import ClaimStore

    own = settings()
    return ClaimStore(table_of(own.deliveries_table), own.retention_days)


def dead_letters() -> "DeadLetterStore":
    """Makes the `DeadLetterStore`: the dead letters, for functions that reopen or discard them."""
    from event_bus.stores.dead_letters import DeadLetterStore

    own = settings()
    return DeadLetterStore(table_of(own.deliveries_table), own.retention_days)


def deliveries(*, writes: bool = False) -> "DeliveryStore":
    """Makes the `DeliveryStore`: the deliveries.

    Args:
        writes: Whether the function records deliveries, for which it needs their retention.
    """
    from event_bus.stores.deliveries import DeliveryStore

    return DeliveryStore(table_of(settings().deliveries_table), retention(writes=writes))


def due_deliveries() -> "DueDeliveries":
    """Makes the `DueDeliveries`: the deliveries that the sweeper reads."""
    from event_bus.stores.due_deliveries import DueDeliveries

    return DueDeliveries(table_of(settings().deliveries_table))


def event_archive(executor: "Executor") -> "EventArchive":
    """Makes the `EventArchive`: moves events of the events table to the archive.

    Args:
        executor: Works in parallel.
    """
    from event_bus.stores.event_archive import EventArchive

    return EventArchive(table_of(settings().events_table), archive(), executor)


def events(
    *, payloads: bool = True, to_streams: bool = False, deduplicates: bool = False
) -> "EventStore":
    """Makes the `EventStore`: the events.

    Args:
        payloads: Whether the function reads or writes the bucket of payloads and of the archive.
        to_streams: Whether the function stores events in event streams.
        deduplicates: Whether the function stores events that have a deduplication key.
    """
    from event_bus.stores.deduplication import DeduplicationStore
    from event_bus.stores.events import EventStore
    from event_bus.stores.payloads import PayloadStore

    own = settings()
    bucket = own.payloads_bucket if payloads else ""
    return EventStore(
        table_of(own.events_table),
        PayloadStore(clients.s3(), bucket),
        streams() if to_streams else None,
        DeduplicationStore(table_of(own.idempotency_table)) if deduplicates else None,
        archive() if payloads else None,
    )


def idempotency() -> "IdempotencyStore":
    """Makes the `IdempotencyStore`: the answers to requests with an `Idempotency-Key`."""
    from event_bus.stores.idempotency import IdempotencyStore

    return IdempotencyStore(table_of(settings().idempotency_table))


def metrics() -> "MetricStore":
    """Makes the `MetricStore`: the counters behind metrics and analytics."""
    from event_bus.stores.metrics import MetricStore

    return MetricStore(table_of(settings().metrics_table))


def socket_subscribers() -> "SocketSubscriberStore":
    """Makes the `SocketSubscriberStore`: the WebSocket subscribers of inboxes."""
    from event_bus.stores.socket_subscribers import SocketSubscriberStore

    return SocketSubscriberStore(table_of(settings().socket_subscribers_table))


def inbox_cursors() -> "InboxCursorStore":
    """Makes the `InboxCursorStore`: the acknowledged places of inboxes."""
    from event_bus.stores.inbox_cursors import InboxCursorStore

    own = settings()
    return InboxCursorStore(table_of(own.cursors_table), own.retention_days)


def inboxes(*, writes: bool = False) -> "InboxStore":
    """Makes the `InboxStore`: the inboxes.

    Args:
        writes: Whether the function writes them, for which it needs the retention of events.
    """
    from event_bus.stores.inboxes import InboxStore

    return InboxStore(table_of(settings().inbox_table), retention(writes=writes))


def levels(retention_days: int = 0) -> "LevelStore":
    """Makes the `LevelStore`: how many deliveries wait, and how many events are held.

    Args:
        retention_days: As for `LevelStore`; 0 if the store only reads.
    """
    from event_bus.stores.levels import LevelStore

    return LevelStore(table_of(settings().metrics_table), retention_days)


def limits() -> "LimitStore":
    """Makes the `LimitStore`: the counters of requests."""
    from event_bus.stores.limits import LimitStore

    return LimitStore(table_of(settings().limits_table))


def paces() -> "PaceStore":
    """Makes the `PaceStore`: the paces of slow, new and limited subscriptions."""
    from event_bus.stores.paces import PaceStore

    own = settings()
    return PaceStore(table_of(own.circuits_table), own.retention_days)


def replays(*, writes: bool = False) -> "ReplayStore":
    """Makes the `ReplayStore`: the replays.

    Args:
        writes: Whether the function starts replays, for which it needs their retention.
    """
    from event_bus.stores.replays import ReplayStore

    return ReplayStore(table_of(settings().replays_table), retention(writes=writes))


def routings(*, writes: bool = False) -> "RoutingStore":
    """Makes the `RoutingStore`: the routing records.

    Args:
        writes: Whether the function writes records, for which it needs their retention.
    """
    from event_bus.stores.routings import RoutingStore

    return RoutingStore(table_of(settings().deliveries_table), retention(writes=writes))


def snapshots() -> "SnapshotStore":
    """Makes the `SnapshotStore`: the snapshots of states."""
    from event_bus.stores.snapshots import SnapshotStore

    return SnapshotStore(table_of(settings().states_table))


def streams() -> "StreamStore":
    """Makes the `StreamStore`: the order of the events of each event stream."""
    from event_bus.stores.streams import StreamStore

    return StreamStore(table_of(settings().streams_table))


def table_of(name: str) -> "Table":
    """Makes the `Table` of a name, with the client of this process."""
    from event_bus.stores.table import Table

    return Table(clients.dynamodb(), name)


def retention(*, writes: bool) -> int:
    """Returns for how many days what a function writes is kept; 0 if it only reads."""
    return settings().retention_days if writes else 0
