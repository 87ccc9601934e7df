"""The event as its subscriber sees it, over every protocol."""

from typing import Any

import orjson

from event_bus.model.delivery import DeliveryKey
from event_bus.model.event import Event
from event_bus.model.trace_context import TraceContext


def envelope(key: DeliveryKey, event: Event, enrichment: bytes | None = None) -> dict[str, Any]:
    """Returns the event as its subscriber sees it.

    The parts of an enrichment are beside the payload. The metadata marks a replay, and continues
    the trace of the event with a step for the delivery.

    Args:
        key: The delivery.
        event: The event, with its payload.
        enrichment: The added parts, as a JSON object; None for nothing.
    """
    shown = event.envelope()
    if key.replay_id:
        shown["metadata"] = {**shown["metadata"], "replay_id": key.replay_id}
    if context := delivery_trace(key, event):
        shown["metadata"] = {**shown["metadata"], "traceparent": context.traceparent}
    if enrichment is not None:
        shown["enrichment"] = orjson.Fragment(enrichment)
    return shown


def delivery_trace(key: DeliveryKey, event: Event) -> TraceContext | None:
    """Returns the trace step of a delivery, the same on every attempt; None without a trace."""
    context = event.trace
    return context and context.child(f"{key.subscription_id}#{key.webhook_id}")
