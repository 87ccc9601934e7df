"""Reading events back."""

from typing import get_args

from event_bus.api.diagram import MERMAID
from event_bus.api.documents.events import Event, EventPage
from event_bus.api.documents.flows import Flow
from event_bus.api.operation import Operation
from event_bus.api.parameters import (
    LIMIT,
    PAGING,
    Parameter,
    choice,
    flag,
    text,
    time,
    type_pattern,
    whole,
)
from event_bus.api.query import Query
from event_bus.errors import Conflict, NotFound
from event_bus.model.schemas import MAX_VERSIONS
from event_bus.querying.event_query import EventQuery, Order

TYPE = type_pattern("type", "An event type, or a pattern such as `task.*`.")
SOURCE = text("source", "The publishing service.")
CORRELATION_ID = text("correlation_id", "The correlation id.")
TRACE_ID = text("trace_id", "The trace id.")
SINCE = time("from", "The beginning of the period, included.")
UNTIL = time("to", "The end of the period, excluded.")
PROCESSED = flag("processed", "Whether the event was routed.")
ORDER: Parameter[Order] = choice(
    "order", "Whether the newest or the oldest come first.", get_args(Order), default="newest"
)
SCHEMA_VERSION = whole(
    "schema_version",
    "The schema version to which events of older versions are converted.",
    default=None,
    minimum=1,
    maximum=MAX_VERSIONS,
)
FORMAT = choice(
    "format", "JSON, or a diagram of Mermaid as text.", ("json", "mermaid"), default="json"
)

_FLOW = {"application/json": Flow, MERMAID: str}

LIST = Operation(
    "GET /events",
    name="listEvents",
    function="events",
    scope="read",
    action="event.list",
    tag="Events",
    summary="List the events that the key may see.",
    query=(
        *(TYPE, SOURCE, CORRELATION_ID, TRACE_ID, SINCE, UNTIL, PROCESSED, ORDER, SCHEMA_VERSION),
        *PAGING,
    ),
    answers={200: EventPage},
)
GET = Operation(
    "GET /events/{id}",
    name="getEvent",
    function="events",
    scope="read",
    action="event.read",
    tag="Events",
    summary="One event, with its deliveries.",
    query=(SCHEMA_VERSION,),
    answers={200: Event},
    errors=(NotFound, Conflict),
)
TRACE = Operation(
    "GET /events/{id}/trace",
    name="traceEvent",
    function="events",
    scope="read",
    action="event.trace",
    tag="Events",
    summary="The events that led to an event or followed from it, with their deliveries.",
    query=(FORMAT,),
    answers={200: _FLOW},
    errors=(NotFound,),
)
GET_TRACE = Operation(
    "GET /traces",
    name="getTrace",
    function="events",
    scope="read",
    action="trace.read",
    tag="Events",
    summary="The events of a correlation id, or of a trace, with their deliveries.",
    query=(CORRELATION_ID, TRACE_ID, FORMAT),
    answers={200: _FLOW},
)


def selection(query: Query) -> EventQuery:
    """Returns the filters of a list of events, from its query parameters."""
    return EventQuery(
        type=query.get(TYPE),
        source=query.get(SOURCE),
        correlation_id=query.get(CORRELATION_ID),
        trace_id=query.get(TRACE_ID),
        since=query.get(SINCE),
        until=query.get(UNTIL),
        processed=query.get(PROCESSED),
        order=query[ORDER],
        limit=query[LIMIT],
    )
