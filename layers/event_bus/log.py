"""The structured log, one for every function (Powertools writes JSON lines).

Neither payloads nor secrets go into it.
"""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

if TYPE_CHECKING:
    from event_bus.model.event import Event

# Every byte of a log costs, event by event: a message names its place as well as a line number.
logger = Logger(location=None)


def traces(event: "Event") -> dict[str, Any]:
    """By which every line about an event can be found: its own id, and those it was given."""
    given = {name: event.metadata.get(name) for name in ("correlation_id", "trace_id")}
    return {"event_id": event.id, **{name: value for name, value in given.items() if value}}
