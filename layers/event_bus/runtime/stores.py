"""The stores of the deployed bus, each built here.

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
    from event_bus.stores.changes import ChangeLog
    from event_bus.stores.circuits import CircuitStore
    from event_bus.stores.claims import ClaimStore
    from event_bus.stores.commands import CommandStore
    from event_bus.stores.contexts import ContextStore
    from event_bus.stores.cursors import CursorStore
    from event_bus.stores.dead_letters import DeadLetterStore
    from event_bus.stores.deliveries import DeliveryStore
    from event_bus.stores.due_deliveries import DueDeliveries
    from event_bus.stores.event_archive import EventArchive
    from event_bus.stores.events import EventStore
    from event_bus.stores.handlers import HandlerStore
    from event_bus.stores.idempotency import IdempotencyStore
    from event_bus.stores.inbox_cursors import InboxCursorStore
    from event_bus.stores.inboxes import InboxStore
    from event_bus.stores.keys import KeyStore
    from event_bus.stores.levels import LevelStore
    from event_bus.stores.limits import LimitStore
    from event_bus.stores.metrics import MetricStore
    from event_bus.stores.paces import PaceStore
    from event_bus.stores.publishers import PublisherStore
    from event_bus.stores.read_models import ReadModelStore
    from event_bus.stores.reducers import ReducerStore
    from event_bus.stores.registrations import Registrations
    from event_bus.stores.replays import ReplayStore
    from event_bus.stores.rights import RightsStore
    from event_bus.stores.routings import RoutingStore
    from event_bus.stores.schemas import SchemaStore
    from event_bus.stores.snapshots import SnapshotStore
    from event_bus.stores.socket_subscribers import SocketSubscriberStore
    from event_bus.stores.streams import StreamStore
    from event_bus.stores.subscriptions import SubscriptionStore
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
    return AuditStore(_table(own.audit_table), days)


def audit_heads() -> "AuditHeads":
    """Makes the `AuditHeads`: the signed heads of the audit log's chains."""
    from event_bus.stores.audit_heads import AuditHeads

    return AuditHeads(clients.s3(), settings().audit_bucket)


def changes() -> "ChangeLog":
    """Makes the `ChangeLog`: the numbered log of what changes in the registry."""
    from event_bus.stores.changes import ChangeLog

    return ChangeLog(_table(settings().changes_table))


def circuits(*, writes: bool = False) -> "CircuitStore":
    """Makes the `CircuitStore`: the circuit breakers.

    Args:
        writes: Whether the function writes them, for which it needs their retention.
    """
    from event_bus.stores.circuits import CircuitStore

    return CircuitStore(_table(settings().circuits_table), _retention(writes=writes))


def commands(*, writes: bool = False) -> "CommandStore":
    """Makes the `CommandStore`: the records of commands.

    Args:
        writes: Whether the function writes them, for which it needs their retention.
    """
    from event_bus.stores.commands import CommandStore

    return CommandStore(_table(settings().deliveries_table), _retention(writes=writes))


def contexts() -> "ContextStore":
    """Makes the `ContextStore`: the contexts of services, which enrichments look up."""
    from event_bus.stores.contexts import ContextStore

    return ContextStore(_table(settings().contexts_table))


def cursors() -> "CursorStore":
    """Makes the `CursorStore`: the positions of ordered subscriptions and of sweeps."""
    from event_bus.stores.cursors import CursorStore

    own = settings()
    return CursorStore(_table(own.cursors_table), own.retention_days)


def claims() -> "ClaimStore":
    """Makes the `ClaimStore`: the claims of deliveries."""
    from event_bus.stores.claims import ClaimStore

    own = settings()
    return ClaimStore(_table(own.deliveries_table), own.retention_days)


def dead_letters() -> "DeadLetterStore":
    """Makes the `DeadLetterStore`: the dead letters, for functions that reopen or discard them."""
    from event_bus.stores.dead_letters import DeadLetterStore

    own = settings()
    return DeadLetterStore(_table(own.deliveries_table), own.retention_days)


def deliveries(*, writes: bool = False) -> "DeliveryStore":
    """Makes the `DeliveryStore`: the deliveries.

    Args:
        writes: Whether the function records deliveries, for which it needs their retention.
    """
    from event_bus.stores.deliveries import DeliveryStore

    return DeliveryStore(_table(settings().deliveries_table), _retention(writes=writes))


def due_deliveries() -> "DueDeliveries":
    """Makes the `DueDeliveries`: the deliveries that the sweeper reads."""
    from event_bus.stores.due_deliveries import DueDeliveries

    return DueDeliveries(_table(settings().deliveries_table))


def event_archive(executor: "Executor") -> "EventArchive":
    """Makes the `EventArchive`: moves events of the events table to the archive.

    Args:
        executor: Works in parallel.
    """
    from event_bus.stores.event_archive import EventArchive

    return EventArchive(_table(settings().events_table), archive(), executor)


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
        _table(own.events_table),
        PayloadStore(clients.s3(), bucket),
        streams() if to_streams else None,
        DeduplicationStore(_table(own.idempotency_table)) if deduplicates else None,
        archive() if payloads else None,
    )


def handlers() -> "HandlerStore":
    """Makes the `HandlerStore`: the handlers of commands."""
    from event_bus.stores.handlers import HandlerStore

    return HandlerStore(_table(settings().changes_table))


def idempotency() -> "IdempotencyStore":
    """Makes the `IdempotencyStore`: the answers to requests with an `Idempotency-Key`."""
    from event_bus.stores.idempotency import IdempotencyStore

    return IdempotencyStore(_table(settings().idempotency_table))


def metrics() -> "MetricStore":
    """Makes the `MetricStore`: the counters behind metrics and analytics."""
    from event_bus.stores.metrics import MetricStore

    return MetricStore(_table(settings().metrics_table))


def socket_subscribers() -> "SocketSubscriberStore":
    """Makes the `SocketSubscriberStore`: the WebSocket subscribers of inboxes."""
    from event_bus.stores.socket_subscribers import SocketSubscriberStore

    return SocketSubscriberStore(_table(settings().socket_subscribers_table))


def inbox_cursors() -> "InboxCursorStore":
    """Makes the `InboxCursorStore`: the acknowledged places of inboxes."""
    from event_bus.stores.inbox_cursors import InboxCursorStore

    own = settings()
    return InboxCursorStore(_table(own.cursors_table), own.retention_days)


def inboxes(*, writes: bool = False) -> "InboxStore":
    """Makes the `InboxStore`: the inboxes.

    Args:
        writes: Whether the function writes them, for which it needs the retention of events.
    """
    from event_bus.stores.inboxes import InboxStore

    return InboxStore(_table(settings().inbox_table), _retention(writes=writes))


def keys() -> "KeyStore":
    """Makes the `KeyStore`: the API keys and the stream tokens."""
    from event_bus.stores.keys import KeyStore

    return KeyStore(_table(settings().keys_table))


def levels() -> "LevelStore":
    """Makes the `LevelStore`: how many deliveries wait, and how many events are held."""
    from event_bus.stores.levels import LevelStore

    return LevelStore(_table(settings().metrics_table))


def limits() -> "LimitStore":
    """Makes the `LimitStore`: the counters of requests."""
    from event_bus.stores.limits import LimitStore

    return LimitStore(_table(settings().limits_table))


def paces() -> "PaceStore":
    """Makes the `PaceStore`: the paces of slow and limited subscriptions."""
    from event_bus.stores.paces import PaceStore

    own = settings()
    return PaceStore(_table(own.circuits_table), own.retention_days)


def publishers() -> "PublisherStore":
    """Makes the `PublisherStore`: the publishers."""
    from event_bus.stores.publishers import PublisherStore

    return PublisherStore(_table(settings().publishers_table))


def read_models(*, announces: bool = False) -> "ReadModelStore":
    """Makes the `ReadModelStore`: the read models and their states.

    Args:
        announces: Whether the function registers read models, and so writes the numbered log.
    """
    from event_bus.stores.read_models import ReadModelStore

    own = settings()
    log = own.changes_table if announces else ""
    return ReadModelStore(_table(own.states_table), _table(log))


def reducers() -> "ReducerStore":
    """Makes the `ReducerStore`: the reducers of stream categories."""
    from event_bus.stores.reducers import ReducerStore

    return ReducerStore(_table(settings().states_table))


def registrations() -> "Registrations":
    """Makes the `Registrations`, for the function that changes registrations of services."""
    from event_bus.stores.registrations import Registrations

    return Registrations(
        publishers(),
        subscriptions(changes=True),
        keys(),
        rights(changes=True),
        paces(),
        replays(writes=True),
        events(payloads=False),
        _retention(writes=True),
    )


def replays(*, writes: bool = False) -> "ReplayStore":
    """Makes the `ReplayStore`: the replays.

    Args:
        writes: Whether the function starts replays, for which it needs their retention.
    """
    from event_bus.stores.replays import ReplayStore

    return ReplayStore(_table(settings().replays_table), _retention(writes=writes))


def rights(*, changes: bool = False) -> "RightsStore":
    """Makes the `RightsStore`: what services may receive.

    Args:
        changes: Whether the function changes rights, and so writes the numbered log.
    """
    from event_bus.stores.rights import RightsStore

    own = settings()
    log = own.changes_table if changes else ""
    return RightsStore(_table(own.rights_table), _table(log))


def routings(*, writes: bool = False) -> "RoutingStore":
    """Makes the `RoutingStore`: the routing records.

    Args:
        writes: Whether the function writes records, for which it needs their retention.
    """
    from event_bus.stores.routings import RoutingStore

    return RoutingStore(_table(settings().deliveries_table), _retention(writes=writes))


def schemas(*, announces: bool = False) -> "SchemaStore":
    """Makes the `SchemaStore`: the schemas of event types.

    Args:
        announces: Whether the function registers versions, and so stores events about them.
    """
    from event_bus.stores.schemas import SchemaStore

    own = settings()
    if announces:
        told = events(payloads=False)
        return SchemaStore(_table(own.publishers_table), told, own.retention_days)
    return SchemaStore(_table(own.publishers_table))


def snapshots() -> "SnapshotStore":
    """Makes the `SnapshotStore`: the snapshots of states."""
    from event_bus.stores.snapshots import SnapshotStore

    return SnapshotStore(_table(settings().states_table))


def streams() -> "StreamStore":
    """Makes the `StreamStore`: the order of the events of each event stream."""
    from event_bus.stores.streams import StreamStore

    return StreamStore(_table(settings().streams_table))


def subscriptions(*, changes: bool = False) -> "SubscriptionStore":
    """Makes the `SubscriptionStore`: the subscriptions.

    Args:
        changes: Whether the function reads or writes the numbered log of their changes.
    """
    from event_bus.stores.subscriptions import SubscriptionStore
    from event_bus.targets.registry import TARGETS

    own = settings()
    log = own.changes_table if changes else ""
    return SubscriptionStore(_table(own.subscriptions_table), TARGETS, _table(log))


def _table(name: str) -> "Table":
    from event_bus.stores.table import Table

    return Table(clients.dynamodb(), name)


def _retention(*, writes: bool) -> int:
    return settings().retention_days if writes else 0
