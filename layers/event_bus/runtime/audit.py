"""Builds the writer and the reader of the audit log."""

from typing import TYPE_CHECKING

from event_bus import clients
from event_bus.runtime import stores
from event_bus.settings import settings

if TYPE_CHECKING:
    from event_bus.audit.appender import AuditAppender
    from event_bus.audit.reader import AuditReader
    from event_bus.queues.audit_recorder import AuditRecorder
    from event_bus.queues.unroutable import UnroutableQueue


def recorder() -> "AuditRecorder":
    """Makes the `AuditRecorder`, which sends entries to the function that writes them."""
    from event_bus.queues.audit_recorder import AuditRecorder

    return AuditRecorder(clients.sqs(), settings().audit_queue_url)


def appender() -> "AuditAppender":
    """Makes the `AuditAppender`, which appends entries to their chains, and signs the heads."""
    from event_bus.audit.appender import AuditAppender
    from event_bus.audit.signer import Signer

    return AuditAppender(
        stores.audit_entries(writes=True),
        stores.audit_heads(),
        Signer(clients.kms(), settings().audit_key),
    )


def set_aside() -> "UnroutableQueue":
    """Makes the queue of the events that the audit log could not read from their stream."""
    from event_bus.queues.unroutable import UnroutableQueue

    return UnroutableQueue(clients.sqs(), settings().audit_queue_url)


def reader() -> "AuditReader":
    """Makes the `AuditReader`, which reads the log."""
    from event_bus.audit.reader import AuditReader

    return AuditReader(stores.audit_entries())
