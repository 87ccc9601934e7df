"""Health, analytics and the audit log."""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypeAliasType, TypedDict

from event_bus.api.documents.members import Count, Number, Object, Page, Period, Time

HealthStatus = Literal["pass", "warn", "fail"]


class HealthCheck(TypedDict):
    """The result of one check.

    Attributes:
        status: The status of the component.
        time: When it was checked.
        observedValue: What was measured.
        observedUnit: The unit of `observedValue`.
        output: What is wrong, or not known.
    """

    status: HealthStatus
    time: Time
    observedValue: NotRequired[Number]
    observedUnit: NotRequired[str]
    output: NotRequired[str]


class Health(TypedDict):
    """Health, and the checks behind it.

    Attributes:
        status: The worst status of the checks.
        version: The version of the API.
        releaseId: The version of the service, such as 1.0.0.
        checks: The checks, by the names of the components.
    """

    status: HealthStatus
    version: str
    releaseId: str
    checks: dict[str, HealthCheck]


class Latency(TypedDict):
    """Quantiles and mean of a latency.

    Attributes:
        p50: The median, in seconds.
        p90: The 90th percentile, in seconds.
        p99: The 99th percentile, in seconds.
        mean: The mean, in seconds.
    """

    p50: float
    p90: float
    p99: float
    mean: float


class AnalyticsTotals(TypedDict):
    """Counts of published events and their deliveries.

    Attributes:
        published: Events that were published.
        delivered: Deliveries that succeeded.
        dead_lettered: Deliveries that became dead letters.
    """

    published: Count
    delivered: Count
    failed: Annotated[Count, Field(description="Attempts that failed.")]
    dead_lettered: Count
    latency_seconds: Annotated[
        Latency | None,
        Field(
            description="From an event's acceptance to its delivery, without replays; null "
            "without such a delivery."
        ),
    ]


class AnalyticsBucket(AnalyticsTotals):
    """The totals of one minute, hour or day.

    Attributes:
        start: When the bucket begins.
    """

    start: Time


class AnalyticsOfType(AnalyticsTotals):
    """The totals of one event type.

    Attributes:
        type: The event type.
    """

    type: str


class AnalyticsOfSource(TypedDict):
    """The number of events of one source.

    Attributes:
        source: The service.
        published: Events that it published.
    """

    source: str
    published: Count


class AnalyticsOfSubscriber(AnalyticsTotals):
    """The totals of one subscriber.

    Attributes:
        subscriber: The service.
    """

    subscriber: str


class Analytics(Period):
    """Counts of a period.

    Attributes:
        granularity: The length of each bucket.
        delay_seconds: How late counts may be, in seconds.
        totals: The counts of the whole period.
        buckets: The counts of each minute, hour or day, in their order.
        types: The ten event types with the most failed attempts.
        sources: The ten services that published most.
        subscribers: The ten services with the most failed attempts.
    """

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
    """An entry of the audit log.

    Attributes:
        id: The id of the entry.
        timestamp: When it happened.
        action: The action, such as `subscription.create`.
        actor: The service whose key was sent, `admin`, or `anonymous` if there was no valid key.
        resource: The id of the resource, if there is one.
        resource_type: The kind of the resource, such as `subscription`.
        details: Further facts, such as the route and the reason of a denial.
        status: The result of the request.
        ip_address: The address that the request came from; null for what the bus did itself.
    """

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
