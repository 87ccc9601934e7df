"""The answer of a target to an event, as a reply to it."""

from typing import Any, Protocol

from event_bus import strict_json
from event_bus.errors import MalformedRequest
from event_bus.model.commands import may_answer
from event_bus.model.outcome import Outcome
from event_bus.targets.transport import DeliveryRequest


class Replies(Protocol):
    """Publishes results of subscribers as replies."""

    def publish(self, request: DeliveryRequest, result: Any, *, failed: bool = False) -> Outcome:
        """Publishes a result as the reply to an event.

        Args:
            request: The delivery of the event to the subscriber.
            result: The payload of the reply; a value other than an object becomes its member
                `result`.
            failed: Whether the result is problem details, by which a command fails.
        """
        ...

    def refuse(self, request: DeliveryRequest, detail: str) -> Outcome:
        """Replies for a subscriber whose result is not a valid reply.

        Args:
            request: The delivery of the event to the subscriber.
            detail: What is wrong with the result.
        """
        ...


def wants_reply(request: DeliveryRequest) -> bool:
    """Returns whether the answer of a target to an event is a reply to it."""
    event = request.event
    if event.expected_replies is not None:
        return may_answer(event, request.subscription)
    return bool(event.metadata.get("reply_to"))


def reply_by(
    request: DeliveryRequest, replies: Replies, answered: bytes, *, failed: bool = False
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
    if failed and not isinstance(result, dict):
        # Whoever sent the command reads the members of a problem.
        return replies.refuse(request, "the problem is not a JSON object")
    return replies.publish(request, result, failed=failed)
