"""Metrics and analytics."""

from typing import get_args

from event_bus.api.documents.status import Analytics
from event_bus.api.operation import Operation
from event_bus.api.parameters import Parameter, choice, text, time, type_pattern
from event_bus.api.query import Query
from event_bus.metrics import analytics
from event_bus.stores.metrics import Granularity

GRANULARITY: Parameter[Granularity] = choice(
    "granularity", "The length of each bucket.", get_args(Granularity), default="hour"
)
SINCE = time("from", "RFC 3339; by default an hour, a day or 30 days before `to`.")
UNTIL = time("to", "RFC 3339; by default now.")
TYPE = type_pattern("type", "A type, or a type pattern.")
SOURCE = text("source", "Only events of this publisher. Without `subscriber`, deliveries are 0.")
SUBSCRIBER = text(
    "subscriber", "Only deliveries to this subscriber. Without `source`, published events are 0."
)

METRICS = Operation(
    "GET /metrics",
    name="getMetrics",
    function="metrics",
    scope="read",
    admin=True,
    action="metrics.read",
    tag="Operations",
    summary="Metrics in the text format of Prometheus.",
    answers={200: {"text/plain": str}},
)
ANALYTICS = Operation(
    "GET /analytics",
    name="getAnalytics",
    function="metrics",
    scope="read",
    admin=True,
    action="analytics.read",
    tag="Operations",
    summary="Counts over time: by minutes, hours or days, types, sources and subscribers.",
    query=(GRANULARITY, SINCE, UNTIL, TYPE, SOURCE, SUBSCRIBER),
    answers={200: Analytics},
)


def analytics_query(query: Query) -> analytics.AnalyticsQuery:
    """Returns the query for analytics, from the query parameters of a request.

    Raises:
        MalformedRequest: The period has too many buckets.
    """
    return analytics.analytics_query(
        granularity=query[GRANULARITY],
        since=query.get(SINCE),
        until=query.get(UNTIL),
        type=query.get(TYPE),
        source=query.get(SOURCE),
        subscriber=query.get(SUBSCRIBER),
    )
