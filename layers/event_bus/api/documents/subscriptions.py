"""Subscriptions, with their circuits and paces."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypeAliasType, TypedDict

from event_bus import times
from event_bus.api.documents.circuits import Circuit, circuit_document
from event_bus.api.documents.enrichments import Enrichment, enrichment_document
from event_bus.api.documents.members import Count, Object, Page, Time
from event_bus.api.documents.services import WithGeneratedKey, generated_key
from event_bus.api.documents.targets import Target
from event_bus.api.documents.transforms import Transform, transform_document
from event_bus.model import circuit as circuits
from event_bus.model import followed_streams, retry_policy
from event_bus.model import pace as paces
from event_bus.model.pace import PaceState
from event_bus.model.retry_policy import ClientErrors
from event_bus.model.subscription import DeliveryGuarantee, SubscriptionStatus
from event_bus.model.subscription import Subscription as StoredSubscription
from event_bus.recovery import backlogs
from event_bus.registry.subscriptions import RegisteredSubscription

EventPattern = TypeAliasType(
    "EventPattern",
    Annotated[
        Object,
        Field(description="Fields of an event, each with an array of values and comparisons."),
    ],
)

Filters = TypeAliasType(
    "Filters",
    Annotated[
        dict[str, EventPattern],
        Field(
            description="An event pattern for each event type, or type pattern, that it narrows."
        ),
    ],
)


class RetryPolicy(TypedDict):
    """When failed attempts are repeated.

    Attributes:
        max_attempts: How many attempts are made in all.
        schedule: The waits after each attempt, in seconds; the last one repeats. Null if the waits
            grow.
        base: The first wait, in seconds; null with a schedule.
        factor: The factor by which each wait grows; null with a schedule.
        cap: The longest wait, in seconds; null with a schedule.
        timeout: The longest time for one attempt, in seconds.
        client_errors: Whether an answer of 3xx or 4xx is tried again (`retry`) or not (`final`).
            408, 409, 425 and 429 are always tried again, and 410 never is.
        disable_after_days: The days without any success after which the bus disables the
            subscription.
    """

    max_attempts: Count
    schedule: list[Count] | None
    base: int | None
    factor: float | None
    cap: int | None
    timeout: float
    client_errors: ClientErrors
    disable_after_days: Count


class Pace(TypedDict):
    """How fast a subscriber answers."""

    state: Annotated[
        PaceState,
        Field(
            description="How fast its subscriber answers; `trial` until it has answered within a "
            "second."
        ),
    ]
    since: Annotated[Time | None, Field(description="When that changed, if it ever did.")]
    in_flight: Annotated[
        Count,
        Field(
            description="How many attempts of the paced and slow lanes are in flight to it; those "
            "of a function that crashed count until its lease ends."
        ),
    ]


class Backlog(TypedDict):
    """Events that a subscription matched during a pause and has not received yet."""

    events: Annotated[Count, Field(description="The number of events, up to a minute late.")]
    replay_id: Annotated[
        str | None, Field(description="The replay that delivers them, if one does.")
    ]


class FollowedStreams(TypedDict):
    """The event streams that a subscription follows: one, or those of a category.

    Attributes:
        source: The service that publishes the streams.
        id: The stream, if it follows one.
        category: The category, if it follows all streams of one.
        from_version: The first version that it receives, stored events included; absent for new
            events only.
    """

    source: str
    id: NotRequired[str]
    category: NotRequired[str]
    from_version: NotRequired[int]


class Subscription(TypedDict):
    """A subscription, without its signing secret.

    Attributes:
        id: The id of the subscription.
        service_id: The service that owns it.
        name: A name for people.
        event_types: The types and patterns that it receives.
        target: Where its events are delivered.
        delivery_guarantee: What happens if an attempt fails or its answer is lost.
        retry_policy: When failed attempts are repeated.
        status: Whether it receives events (`active`), keeps them for later (`paused`) or gets none
            (`disabled`).
        created_at: When it was registered.
        updated_at: When it last changed.
    """

    id: str
    service_id: str
    name: str
    event_types: list[str]
    filters: Filters
    callback_url: Annotated[str | None, Field(description="The URL of the target, if it has one.")]
    target: Target
    enrichment: Enrichment
    transform: Annotated[
        Transform | None,
        Field(description="How each event is transformed before it is sent; null for not at all."),
    ]
    handles: Annotated[
        bool, Field(description="Whether it is the handler of the commands that it receives.")
    ]
    delivery_guarantee: DeliveryGuarantee
    ordered: Annotated[
        bool,
        Field(
            description="Whether the events of each stream arrive one after the other, by their "
            "versions; the same holds for the events of each replay."
        ),
    ]
    stream: Annotated[
        FollowedStreams | None,
        Field(description="The event streams that it follows; null if it follows none."),
    ]
    retry_policy: RetryPolicy
    max_in_flight: Annotated[
        int | None,
        Field(description="The most attempts in flight; null for no limit."),
    ]
    rate_limit: Annotated[
        float | None,
        Field(description="The most attempts a second; null for no limit."),
    ]
    schema_version: Annotated[
        int | None,
        Field(description="The schema version to which events of older versions are converted."),
    ]
    status: SubscriptionStatus
    disabled_reason: Annotated[str | None, Field(description="Why the bus disabled it, if it did.")]
    paused_at: Annotated[Time | None, Field(description="Since when it is paused, if it is.")]
    backlog: Annotated[
        Backlog | None,
        Field(description="The events that it matched during a pause and has not received yet."),
    ]
    verified_at: Annotated[
        Time | None,
        Field(description="When the callback confirmed that it wants events, if it was asked."),
    ]
    circuit: Circuit
    pace: Pace
    expires_at: Annotated[
        Time | None,
        Field(description="When it ends by itself, if it is the subscription of a listener."),
    ]
    created_at: Time
    updated_at: Time


class CreatedSubscription(Subscription, WithGeneratedKey):
    """A subscription in the one answer that shows its signing secret."""

    signing_secret: Annotated[
        str | None,
        Field(
            description="The secret of the deliveries' signatures (Standard Webhooks); it is not "
            "shown again. Null where the target is no callback URL."
        ),
    ]
    replay_id: Annotated[
        str | None,
        Field(
            description="The replay that `replay_from` or `stream.from_version` started, if any."
        ),
    ]


class SubscriptionPage(Page):
    """A page of subscriptions."""

    items: list[Subscription]


class RotatedSecret(TypedDict):
    """A new signing secret, in the one answer that shows it.

    Attributes:
        subscription_id: The subscription.
    """

    subscription_id: str
    signing_secret: Annotated[str, Field(description="It is not shown again.")]
    previous_secret_expires_at: Annotated[
        Time | None, Field(description="Until when the former secret signs as well.")
    ]


def subscription_document(
    subscription: StoredSubscription,
    circuit: circuits.Circuit | None = None,
    pace: paces.Pace | None = None,
    backlog: backlogs.Backlog | None = None,
) -> Subscription:
    """Returns a subscription without its secret, with its circuit, pace and backlog, if any."""
    return {
        "id": subscription.id,
        "service_id": subscription.service_id,
        "name": subscription.name,
        "event_types": subscription.event_types,
        "filters": subscription.filters,
        "callback_url": subscription.target.callback_url,
        "target": subscription.target.shown(subscription.service_id),
        "enrichment": enrichment_document(subscription.enrichment),
        "transform": transform_document(subscription.transform),
        "handles": subscription.handles,
        "delivery_guarantee": subscription.delivery_guarantee,
        "ordered": subscription.ordered,
        "stream": _stream(subscription.stream) if subscription.stream else None,
        "retry_policy": _retry_policy(subscription.retry_policy),
        "max_in_flight": subscription.max_in_flight,
        "rate_limit": subscription.rate_limit,
        "schema_version": subscription.schema_version,
        "status": subscription.status,
        "disabled_reason": subscription.disabled_reason,
        "paused_at": subscription.paused_at,
        "backlog": _backlog(backlog) if backlog else None,
        "circuit": circuit_document(circuit or circuits.Circuit()),
        "pace": _pace(pace or paces.Pace()),
        "verified_at": subscription.verified_at,
        "expires_at": times.at(subscription.ends_at) if subscription.ends_at else None,
        "created_at": subscription.created_at,
        "updated_at": subscription.updated_at,
    }


def _stream(followed: followed_streams.FollowedStreams) -> FollowedStreams:
    document: FollowedStreams = {"source": followed.source}
    if followed.stream_id is not None:
        document["id"] = followed.stream_id
    if followed.category is not None:
        document["category"] = followed.category
    if followed.from_version is not None:
        document["from_version"] = followed.from_version
    return document


def _backlog(backlog: backlogs.Backlog) -> Backlog:
    return {"events": backlog.events, "replay_id": backlog.replay_id}


def created_subscription_document(registered: RegisteredSubscription) -> CreatedSubscription:
    """Returns a subscription in the one answer that shows its secret, and a generated key."""
    return {
        **subscription_document(registered.subscription, pace=registered.pace),
        "signing_secret": registered.signing_secret,
        "replay_id": registered.replay_id,
        **generated_key(registered.api_key),
    }


def rotated_secret_document(subscription: StoredSubscription, secret: str) -> RotatedSecret:
    """Returns the new signing secret of a subscription, in the one answer that shows it."""
    before = [each.until for each in subscription.signing_secrets[1:] if each.until]
    return {
        "subscription_id": subscription.id,
        "signing_secret": secret,
        "previous_secret_expires_at": times.at(max(before)) if before else None,
    }


def _retry_policy(policy: retry_policy.RetryPolicy) -> RetryPolicy:
    # A policy with a schedule ignores `base`, `factor` and `cap`. They are shown as null so that a
    # client can send the policy back: a request must not name both.
    growing = not policy.schedule
    return {
        "max_attempts": policy.max_attempts,
        "schedule": policy.schedule,
        "base": policy.base if growing else None,
        "factor": policy.factor if growing else None,
        "cap": policy.cap if growing else None,
        "timeout": policy.timeout,
        "client_errors": policy.client_errors,
        "disable_after_days": policy.disable_after_days,
    }


def _pace(pace: paces.Pace) -> Pace:
    return {
        "state": pace.state,
        "since": times.at(pace.since) if pace.since else None,
        "in_flight": pace.in_flight(times.unix()),
    }
