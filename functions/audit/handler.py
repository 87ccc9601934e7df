"""Writes the audit log: what the API was asked, from a queue; accepted events, from their table."""

from typing import Any

from event_bus import clients
from event_bus.auditing.appender import Appender
from event_bus.auditing.chain import Entry
from event_bus.auditing.entries import of_events, read_entry
from event_bus.auditing.signer import Signer
from event_bus.log import logger
from event_bus.observing.observer import Observer
from event_bus.settings import settings
from event_bus.stores.audit import AuditStore
from event_bus.stores.audit_heads import AuditHeads
from event_bus.stores.events import from_item
from event_bus.stores.figures import FigureStore

_appender = Appender(
    AuditStore(clients.dynamodb(), settings().audit_table, settings().audit_retention_days),
    AuditHeads(clients.s3(), settings().audit_bucket),
    Signer(clients.kms(), settings().audit_key),
)

_observer = Observer(FigureStore(clients.dynamodb(), settings().figures_table))


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Appends a batch to its chain; if that fails, the whole batch comes again."""
    records = event["Records"]
    if records[0]["eventSource"] == "aws:sqs":
        return _append_operations(records)
    images = [record["dynamodb"].get("NewImage") for record in records]
    _appender.append("events", of_events(from_item(image) for image in images if image))
    return {"batchItemFailures": []}


def _append_operations(records: list[dict[str, Any]]) -> dict[str, Any]:
    entries: list[Entry] = []
    kept: list[str] = []
    for record in records:
        try:
            entries.append(read_entry(record["body"]))
        except (LookupError, TypeError, ValueError):
            # It goes to the redrive queue, for a person to look at; the others are written.
            logger.exception("entry cannot be read", message_id=record["messageId"])
            kept.append(record["messageId"])
    _appender.append("operations", sorted(entries, key=lambda each: str(each["timestamp"])))
    _observer.count_denied(entries)
    return {"batchItemFailures": [{"itemIdentifier": each} for each in kept]}
