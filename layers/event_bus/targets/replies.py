"""Replies: what a subscriber answers to an event, published as an event of its own."""

import hashlib
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from event_bus.access.callers import Caller
from event_bus.errors import Conflict, Problem
from event_bus.log import logger, traces
from event_bus.model.outcome import Outcome
from event_bus.publishing.intake import Intake
from event_bus.targets.envelope import delivery_trace
from event_bus.targets.transport import DeliveryRequest


@dataclass(frozen=True, slots=True)
class Replies:
    """Publishes replies, by the rights of the subscriber's service.

    Attributes:
        intake: Takes events in.
    """

    intake: Intake

    def publish(self, request: DeliveryRequest, result: Any) -> Outcome:
        """Publishes a result as the type that the event asks for in `metadata.reply_to`.

        Its id follows from the delivery: one that is made again replies once.

        Args:
            request: The event, and whose reply it is.
            result: The reply's payload; what is no object becomes its member `result`.
        """
        event, subscription = request.event, request.subscription
        delivery = f"{subscription.id}#{request.key.webhook_id}"
        name = f"reply_{hashlib.sha256(delivery.encode()).hexdigest()[:32]}"
        metadata = {
            "correlation_id": event.metadata.get("correlation_id") or event.id,
            "causation_id": event.id,
        }
        if trace_id := event.metadata.get("trace_id"):
            metadata["trace_id"] = trace_id
        if context := delivery_trace(request.key, event):
            metadata["traceparent"] = context.traceparent
        submission = {
            # An id of the subscriber's own, so that no other service can take it first.
            "id": f"{subscription.service_id}:{name}",
            "type": event.metadata["reply_to"],
            "payload": result if isinstance(result, dict) else {"result": result},
            "metadata": metadata,
        }
        try:
            self.intake.take(submission, Caller(subscription.service_id, "service"))
        except Conflict:
            # An earlier attempt replied, and its record was lost; the first reply counts.
            return Outcome()
        except Problem as problem:
            return Outcome("reply_refused", f"the reply was refused: {problem.detail}")
        except (ClientError, BotoCoreError, TimeoutError):
            logger.exception("reply not stored", **traces(event))
            return Outcome("reply_not_stored", "the reply could not be stored")
        return Outcome()
