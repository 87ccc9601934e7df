"""Answers WebSocket clients."""

from typing import Any

from event_bus.access.callers import listener_of
from event_bus.inbox.audit import entry_of
from event_bus.log import logger
from event_bus.runtime.audit import recorder
from event_bus.runtime.inbox import conversation
from event_bus.time_limit import seconds_left

_conversation = conversation()
_recorder = recorder()


_BEFORE_THE_END = 4.0
"""How long before its end the function stops, to answer the client, in seconds."""


def handler(event: dict[str, Any], lambda_context: object) -> dict[str, int]:
    """Handles a message or the end of a connection.

    API Gateway gets the status 200 each time, because clients get their answers over the
    connection.
    """
    context = event["requestContext"]
    connection_id: str = context["connectionId"]
    match context["eventType"]:
        case "MESSAGE":
            caller = listener_of(context.get("authorizer"))
            left = seconds_left(lambda_context)
            taken = _conversation.take(
                connection_id,
                caller,
                event.get("body") or "",
                None if left is None else left - _BEFORE_THE_END,
            )
            if entry := entry_of(context, caller, taken):
                _recorder.record(entry)
        case "DISCONNECT":
            _conversation.end(connection_id)
    logger.info("WebSocket event handled", event=context["eventType"], connection_id=connection_id)
    return {"statusCode": 200}
