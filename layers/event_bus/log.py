"""The structured log, one for every function (Powertools writes JSON lines).

Neither payloads nor secrets go into it.
"""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

if TYPE_CHECKING:
    from event_bus.model.event import Event

logger = Logger()


def traces(event: "Event") -> dict[str, Any]:
    """By which every line about an event can be found: its own id, and those it was given."""
    return {
        "event_id": event.id,
        "correlation_id": event.metadata.get("correlation_id"),
        "trace_id": event.metadata.get("trace_id"),
    }
