"""Flows: the events of a correlation or a trace, with their deliveries."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from event_bus.api.documents.events import MatchingLimited
from event_bus.api.documents.members import Count, IdentifiedEvent, Time
from event_bus.model import delivery as model
from event_bus.model.delivery import DeliveryStatus
from event_bus.model.event import Event
from event_bus.paging import answered_bytes, first_that_fit
from event_bus.querying import flows
from event_bus.targets.envelope import delivery_trace


class FlowAttempt(TypedDict):
    """One attempt of a delivery.

    Attributes:
        number: The number of the attempt, from 1 on.
        at: When the attempt began.
        duration_ms: How long the attempt took, in milliseconds.
        status_code: The HTTP status of the answer, if there was one.
    """

    number: Count
    at: Time
    duration_ms: Count
    status_code: int | None
    error: Annotated[str | None, Field(description="The code of the error; null if it succeeded.")]


class FlowDelivery(TypedDict):
    """A delivery of an event of the flow.

    Attributes:
        subscription_id: The subscription that the event matched.
        service_id: The service that owns the subscription.
        replay_id: The replay that the delivery belongs to, if it belongs to one.
        status: The status of the delivery.
        attempts: The last 50 attempts, in their order.
        delivered_at: When the event was delivered.
        next_retry_at: When the next attempt is due, while one follows.
        dead_letter_id: The dead letter, once the delivery has become one.
    """

    subscription_id: str
    service_id: str
    replay_id: str | None
    traceparent: Annotated[
        str | None, Field(description="The step of the trace that the subscriber is given.")
    ]
    status: DeliveryStatus
    attempts: list[FlowAttempt]
    delivered_at: Time | None
    next_retry_at: Time | None
    dead_letter_id: str | None


class FlowEvent(IdentifiedEvent):
    """An event of the flow.

    Attributes:
        correlation_id: The correlation id in its metadata.
        trace_id: The trace id in its metadata.
        traceparent: The step of the trace in which it was published.
        stored_at: When the bus stored it.
        routed_at: When it was routed; null until then.
        deliveries: Its deliveries that the caller may see.
    """

    correlation_id: str | None
    trace_id: str | None
    traceparent: str | None
    cause: Annotated[str | None, Field(description="The event of the flow that led to this one.")]
    stored_at: Time
    routed_at: Time | None
    matching_limited: MatchingLimited
    deliveries: list[FlowDelivery]


class Flow(TypedDict):
    """The events of a flow.

    Attributes:
        events: The events, in the order in which they were stored.
    """

    events: list[FlowEvent]
    complete: Annotated[
        bool, Field(description="Whether these are all events, with all their deliveries.")
    ]


def flow_document(flow: flows.Flow) -> Flow:
    """Returns a flow: its events, with those of their deliveries for which an answer has room."""
    events: list[FlowEvent] = []
    size, complete = 0, flow.complete
    for step in flow.steps:
        event = _event(step)
        deliveries = [_delivery(each, step.found.event) for each in step.found.all_deliveries()]
        shown, size = first_that_fit(deliveries, size + answered_bytes(event))
        complete = complete and len(shown) == len(deliveries)
        events.append({**event, "deliveries": shown})
    return {"events": events, "complete": complete}


def _event(step: flows.FlowStep) -> FlowEvent:
    event, routing = step.found.event, step.found.routing
    return {
        "id": event.id,
        "type": event.type,
        "source": event.source,
        "timestamp": event.timestamp,
        "correlation_id": event.metadata.get("correlation_id"),
        "trace_id": event.metadata.get("trace_id"),
        "traceparent": event.metadata.get("traceparent"),
        "cause": step.cause,
        "stored_at": event.created_at,
        "routed_at": routing.routed_at if routing else None,
        "matching_limited": routing is not None and routing.limited,
        "deliveries": [],
    }


def _delivery(delivery: model.Delivery, event: Event) -> FlowDelivery:
    context = delivery_trace(delivery.key, event)
    return {
        "subscription_id": delivery.key.subscription_id,
        "service_id": delivery.service_id,
        "replay_id": delivery.key.replay_id,
        "traceparent": context.traceparent if context else None,
        "status": delivery.status,
        "attempts": [_attempt(each) for each in delivery.log],
        "delivered_at": delivery.delivered_at,
        "next_retry_at": delivery.next_retry_at,
        "dead_letter_id": delivery.dead_letter_id,
    }


def _attempt(attempt: model.Attempt) -> FlowAttempt:
    return {
        "number": attempt.number,
        "at": attempt.at,
        "duration_ms": attempt.duration_ms,
        "status_code": attempt.status_code,
        "error": attempt.code,
    }
