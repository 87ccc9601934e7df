"""Routes events: from the table stream of events, and from the queue of unroutable events."""

from typing import Any

from event_bus.batches import batch_answer
from event_bus.log import logger
from event_bus.queues.unroutable import unroutable_in
from event_bus.runtime import queues, routing, stores
from event_bus.stores.event_items import events_in

_events = stores.events()
_router = routing.router()
_unroutable = queues.unroutable_queue()


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Routes a batch of either source, and returns which records must come again."""
    records = event["Records"]
    logger.debug("batch received", records=len(records))
    if records[0]["eventSource"] == "aws:sqs":
        return _route_unroutable(records)
    return _route_stream(records)


def _route_stream(records: list[dict[str, Any]]) -> dict[str, Any]:
    # Records of deleted events need no routing.
    events, unreadable = events_in(records)
    _unroutable.send(unreadable + _router.route(events))
    return batch_answer(())


def _route_unroutable(records: list[dict[str, Any]]) -> dict[str, Any]:
    ids = {record["messageId"]: _unroutable_in(record) for record in records}
    # An event that is missing has expired, and is owed to nobody.
    events, failed = _events.readable(each for found in ids.values() for each in found or ())
    failed |= set(_router.route_again(list(events.values())))
    return batch_answer(
        message for message, found in ids.items() if found is None or failed & set(found)
    )


def _unroutable_in(record: dict[str, Any]) -> list[str] | None:
    try:
        return unroutable_in(record["body"], queues.read_object)
    except Exception:
        # It goes to the redrive queue, for a person to look at; the others are routed.
        logger.exception("message cannot be read", message_id=record["messageId"])
        return None
