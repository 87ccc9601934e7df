"""Talks with clients that are connected by a WebSocket."""

from typing import Any

from event_bus.access.callers import listener_of
from event_bus.inbox.audit import tell_taken
from event_bus.log import logger
from event_bus.runtime.sockets import deployed_conversation

_conversation = deployed_conversation()


def handler(event: dict[str, Any], _context: object) -> dict[str, int]:
    """Answers API Gateway; clients are answered over their connection."""
    context = event["requestContext"]
    connection_id: str = context["connectionId"]
    match context["eventType"]:
        case "MESSAGE":
            caller = listener_of(context.get("authorizer"))
            taken = _conversation.take(connection_id, caller, event.get("body") or "")
            tell_taken(context, caller, taken)
        case "DISCONNECT":
            _conversation.end(connection_id)
    logger.info("talked", event=context["eventType"], connection_id=connection_id)
    return {"statusCode": 200}
