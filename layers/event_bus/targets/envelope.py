"""The event as its subscriber sees it, over every protocol."""

from typing import Any

import orjson

from event_bus.model.delivery import DeliveryKey
from event_bus.model.event import Event
from event_bus.model.trace_context import TraceContext


def envelope(key: DeliveryKey, event: Event, enrichment: bytes | None = None) -> dict[str, Any]:
    """The event as its subscriber sees it.

    What was added to the event stands beside the payload.

    The metadata marks a replay, and leads from the trace in which the event was published on to the
    delivery, which is a step of its own there.
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
    """The step of a trace that a delivery is, on every attempt; None if nothing is traced."""
    context = event.trace
    return context and context.child(f"{key.subscription_id}#{key.webhook_id}")
