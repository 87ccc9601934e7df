"""Health, analytics and the audit log."""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypeAliasType, TypedDict

from event_bus.api.documents.members import Count, Number, Object, Page, Period, Time

HealthStatus = Literal["pass", "warn", "fail"]


class HealthCheck(TypedDict):
    """The result of one check."""

    status: HealthStatus
    time: Time
    observedValue: NotRequired[Number]
    observedUnit: NotRequired[str]
    output: NotRequired[str]


class Health(TypedDict):
    """Health, and the checks behind it."""

    status: HealthStatus
    checks: dict[str, HealthCheck]


class Latency(TypedDict):
    """Quantiles and mean of a latency."""

    p50: float
    p90: float
    p99: float
    mean: float


class AnalyticsTotals(TypedDict):
    """Counts of published events and their deliveries."""

    published: Count
    delivered: Count
    failed: Annotated[Count, Field(description="Attempts that failed.")]
    dead_lettered: Count
    latency_seconds: Annotated[
        Latency | None, Field(description="From an event's acceptance to its delivery.")
    ]


class AnalyticsBucket(AnalyticsTotals):
    """The totals of one minute, hour or day."""

    start: Time


class AnalyticsOfType(AnalyticsTotals):
    """The totals of one event type."""

    type: str


class AnalyticsOfSource(TypedDict):
    """The number of events of one source."""

    source: str
    published: Count


class AnalyticsOfSubscriber(AnalyticsTotals):
    """The totals of one subscriber."""

    subscriber: str


class Analytics(Period):
    """Counts of a period."""

    granularity: Literal["minute", "hour", "day"]
    delay_seconds: Count
    totals: AnalyticsTotals
    buckets: list[AnalyticsBucket]
    types: list[AnalyticsOfType]
    sources: list[AnalyticsOfSource]
    subscribers: list[AnalyticsOfSubscriber]


AuditDetails = TypeAliasType(
    "AuditDetails",
    Annotated[Object, Field(description="The route, the status code and the key.")],
)


class AuditEntry(TypedDict):
    """An entry of the audit log."""

    id: str
    timestamp: Time
    action: str
    actor: str
    resource: str | None
    resource_type: str
    details: AuditDetails
    status: Literal["success", "failure", "denied"]
    ip_address: str | None


class AuditPage(Page):
    """A page of the audit log."""

    items: list[AuditEntry]
