"""How the API tells of a flow."""

from typing import Any

from event_bus.model.delivery import Attempt, Delivery
from event_bus.model.event import Event
from event_bus.querying.flows import Flow, Step
from event_bus.targets.envelope import delivery_trace


def flow_document(flow: Flow) -> dict[str, Any]:
    """A flow: its events, with each step of their way."""
    return {"events": [_event(step) for step in flow.steps], "complete": flow.complete}


def _event(step: Step) -> dict[str, Any]:
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
        "deliveries": [_delivery(each, event) for each in step.found.all_deliveries()],
    }


def _delivery(delivery: Delivery, event: Event) -> dict[str, Any]:
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


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "at": attempt.at,
        "duration_ms": attempt.duration_ms,
        "status_code": attempt.status_code,
        "error": attempt.code,
    }
