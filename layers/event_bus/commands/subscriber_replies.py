"""Publishes the answers of subscribers as replies.

A reply is a new event, so `publishing` stores it. The package `targets` must not import
`publishing`, and knows this module only by the interface `Replies`.
"""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from event_bus.access.callers import Caller
from event_bus.errors import Conflict, InvalidRequest, Problem, TooLarge
from event_bus.log import logger, traces
from event_bus.model.event import EventOrigin
from event_bus.model.outcome import Outcome
from event_bus.publishing.intake import Intake
from event_bus.publishing.replying import (
    PendingReply,
    ReplyContent,
    Replying,
    TooLate,
    problem,
    reply_id,
    reply_metadata,
)
from event_bus.targets.envelope import delivery_trace
from event_bus.targets.transport import DeliveryRequest

_ERRORS = (ClientError, BotoCoreError, TimeoutError)


@dataclass(frozen=True, slots=True)
class SubscriberReplies:
    """Publishes replies, with the rights of the subscriber's service.

    Attributes:
        intake: Validates and stores events.
        replying: Stores the replies to commands.
    """

    intake: Intake
    replying: Replying

    def publish(self, request: DeliveryRequest, result: Any, *, failed: bool = False) -> Outcome:
        """Publishes a result as the reply to an event, as `Replies` describes it."""
        payload = result if isinstance(result, dict) else {"result": result}
        try:
            if request.event.expected_replies is not None:
                return self._answer(request, ReplyContent(payload, failed))
            return self._publish(request, payload)
        except _ERRORS:
            logger.exception("reply not stored", **traces(request.event))
            return Outcome("reply_not_stored", "the reply could not be stored")

    def refuse(self, request: DeliveryRequest, detail: str) -> Outcome:
        """Replies for a subscriber whose result is not a valid reply.

        A command fails by this reply, because its handler has acted and must not act again.
        """
        if request.event.expected_replies is None:
            return Outcome("reply_refused", detail)
        return self.publish(request, _refused(detail), failed=True)

    def _answer(self, request: DeliveryRequest, answer: ReplyContent) -> Outcome:
        service_id = request.subscription.service_id
        try:
            self._store(request, answer)
        except TooLate as late:
            # The subscriber has acted, so no further attempt is made.
            logger.warning("reply came late", **traces(request.event), service_id=service_id)
            return Outcome(message=late.detail)
        except (InvalidRequest, TooLarge) as refused:
            return self._answer(request, ReplyContent(_refused(refused.detail), failed=True))
        except Conflict as repeated:
            # An earlier attempt replied, and its record was lost; the first reply counts.
            return Outcome(message=repeated.detail)
        except Problem as unstored:
            return Outcome("reply_not_stored", unstored.detail)
        return Outcome()

    def _store(self, request: DeliveryRequest, answer: ReplyContent) -> None:
        trace = {}
        if context := delivery_trace(request.key, request.event):
            trace["traceparent"] = context.traceparent
        service_id = request.subscription.service_id
        origin = EventOrigin(service_id)
        self.replying.reply(PendingReply(request.event, service_id, answer, origin, trace))

    def _publish(self, request: DeliveryRequest, payload: dict[str, Any]) -> Outcome:
        """Publishes a result as the type that the event asks for in `metadata.reply_to`.

        Its id is computed from the delivery, so a repeated delivery publishes one reply.
        """
        event, subscription = request.event, request.subscription
        metadata = reply_metadata(event)
        if trace_id := event.metadata.get("trace_id"):
            metadata["trace_id"] = trace_id
        if context := delivery_trace(request.key, event):
            metadata["traceparent"] = context.traceparent
        submission = {
            "id": reply_id(subscription.service_id, f"{subscription.id}#{request.key.webhook_id}"),
            "type": event.metadata["reply_to"],
            "payload": payload,
            "metadata": metadata,
        }
        try:
            self.intake.take(submission, Caller(subscription.service_id, "service"))
        except Conflict:
            # An earlier attempt replied, and its record was lost; the first reply counts.
            return Outcome()
        except Problem as refused:
            return Outcome("reply_refused", f"the reply was refused: {refused.detail}")
        return Outcome()


def _refused(detail: str) -> dict[str, Any]:
    title = "The answer of the handler is not a valid reply"
    return problem("reply-refused", title, 502, detail)
