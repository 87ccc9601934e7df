"""Writes the audit log: requests from a queue, accepted events from their table stream.

Events that could not be written from the table stream come through the queue as well: single events
whose items cannot be read, and batches that Lambda gave up.
"""

from typing import Any

from event_bus.batches import batch_answer
from event_bus.log import logger
from event_bus.model.audit_chain import Entry
from event_bus.model.audit_entries import of_events, read_entry
from event_bus.queues.unroutable import is_about_events, unroutable_in
from event_bus.runtime import audit, metrics, queues, stores
from event_bus.stores.event_items import events_in

_appender = audit.appender()
_events = stores.events()
_observer = metrics.observer()
_set_aside = audit.set_aside()


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Appends a batch to its chain; if that fails, the whole batch comes again."""
    records = event["Records"]
    if records[0]["eventSource"] == "aws:sqs":
        return _append_messages(records)
    events, unreadable = events_in(records)
    _appender.append("events", of_events(events))
    _set_aside.send(unreadable)
    return batch_answer(())


def _append_messages(records: list[dict[str, Any]]) -> dict[str, Any]:
    entries: list[Entry] = []
    kept: list[str] = []
    for record in records:
        try:
            if is_about_events(record["body"]):
                _append_events(unroutable_in(record["body"], queues.read_object))
            else:
                entries.append(read_entry(record["body"]))
        except Exception:
            # It goes to the redrive queue, for a person to look at; the others are written.
            logger.exception("message not written", message_id=record["messageId"])
            kept.append(record["messageId"])
    _appender.append("operations", sorted(entries, key=lambda each: str(each["timestamp"])))
    _observer.count_denied(entries)
    return batch_answer(kept)


def _append_events(event_ids: list[str]) -> None:
    """Appends events that come through the queue.

    Raises:
        ValueError: A single event cannot be read; among several, such an event goes to the queue.
    """
    events, unreadable = _events.readable(event_ids)
    _appender.append("events", of_events(events.values()))
    if unreadable and len(event_ids) == 1:
        raise ValueError(f"the event {event_ids[0]} cannot be read")
    _set_aside.send(sorted(unreadable))
    if gone := set(event_ids) - events.keys() - unreadable:
        logger.error("events expired unwritten", event_ids=sorted(gone))
