"""What a target answers to an event, as a reply to it."""

from typing import TYPE_CHECKING

from event_bus import strict_json
from event_bus.errors import MalformedRequest
from event_bus.model.commands import may_answer
from event_bus.model.outcome import Outcome
from event_bus.targets.transport import DeliveryRequest

if TYPE_CHECKING:
    from event_bus.targets.replies import Replies


def wants_reply(request: DeliveryRequest) -> bool:
    """Whether the answer of a target to an event is a reply to it."""
    event = request.event
    if event.expected_replies is not None:
        return may_answer(event, request.subscription)
    return bool(event.metadata.get("reply_to"))


def reply_by(
    request: DeliveryRequest, replies: "Replies", answered: bytes, *, failed: bool = False
) -> Outcome:
    """Publishes an answer as the reply to an event.

    Args:
        request: The event, and whose reply it is.
        replies: Publishes it.
        answered: The answer, which must be JSON.
        failed: Whether it reports the failure of a command.
    """
    try:
        result = strict_json.parse(answered)
    except MalformedRequest:
        return replies.refuse(request, "the result is not JSON")
    return replies.publish(request, result, failed=failed)
