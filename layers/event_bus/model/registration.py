"""Publishers and subscriptions as they are stored, and what registers a publisher."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from event_bus import json_numbers, times
from event_bus.errors import InvalidRequest
from event_bus.matching.event_types import matches_type, validate_type_pattern
from event_bus.matching.limits import MAX_EVENT_TYPES
from event_bus.model.credentials import Authentication
from event_bus.model.filters import Filters
from event_bus.model.readers import Readers, RestrictedTypes
from event_bus.model.retry_policy import DEFAULT_POLICY, RetryPolicy
from event_bus.model.sensitive import SensitiveFields
from event_bus.model.target import Target
from event_bus.model.validation import Name, Request, ServiceId, checked

RECEIVED_BEFORE_SECONDS = 2
"""How long before a subscription was registered an event may have been stored that it receives.

A subscription receives what is published from its registration on. Two functions tell the times of
both, and this is how far their clocks may differ without an event being lost to a new subscription.
"""

SubscriptionStatus = Literal["active", "paused", "disabled"]
"""Active: it receives what it matches. Paused: that is kept for it. Disabled: it gets nothing."""

ResumeFrom = Literal["backlog", "now"]
"""Where a paused subscription goes on: with what it matched while it was paused, or without it."""

DeliveryGuarantee = Literal["at_least_once", "at_most_once", "exactly_once"]

TypePattern = Annotated[str, AfterValidator(checked(validate_type_pattern))]
"""An event type, exact or with `*` for whole segments."""

TypePatterns = Annotated[
    list[TypePattern],
    Field(min_length=1, max_length=MAX_EVENT_TYPES),
    AfterValidator(lambda patterns: list(dict.fromkeys(patterns))),
]
"""Event types or patterns; each is kept once."""

MAX_SENSITIVE_BYTES = 64 * 1024
"""The largest `sensitive` of a publisher, as compact JSON in UTF-8."""


def _check_size(sensitive: object) -> None:
    if len(json_numbers.dumps(sensitive)) > MAX_SENSITIVE_BYTES:
        raise ValueError(f"must have at most {MAX_SENSITIVE_BYTES} bytes as JSON")


SensitiveTypes = Annotated[
    dict[str, SensitiveFields],
    Field(max_length=MAX_EVENT_TYPES),
    AfterValidator(checked(_check_size)),
]
"""What is sensitive in the payloads of which types, by type pattern."""

BY_THE_BUS = "the bus sets it"
"""Why a change cannot name a member that the bus sets."""


class PublisherRegistration(Request):
    """What registers a publisher."""

    service_id: ServiceId
    name: Name | None = None
    event_types: TypePatterns
    sensitive: SensitiveTypes = Field(default_factory=dict)
    sensitive_readers: Readers = Field(default_factory=list)
    restricted: RestrictedTypes = Field(default_factory=dict)
    authentication: Authentication = Field(default_factory=Authentication)


class PublisherChange(Request):
    """What changes a publisher: a JSON merge patch (RFC 7396) of these members.

    `sensitive` and `restricted` are replaced as a whole.
    """

    fixed: ClassVar[Mapping[str, str]] = {
        "id": "it is the service's name",
        "service_id": "register another publisher instead",
        "authentication": "keys are changed by /publishers/{id}/keys",
        "created_at": BY_THE_BUS,
        "updated_at": BY_THE_BUS,
    }

    name: Name | None = None
    event_types: TypePatterns | None = None
    sensitive: SensitiveTypes | None = None
    sensitive_readers: Readers | None = None
    restricted: RestrictedTypes | None = None


@dataclass(frozen=True, slots=True)
class Publisher:
    """A service that may publish.

    Attributes:
        service_id: The service, and so the publisher's identifier.
        name: What people call it.
        event_types: The type patterns that it may publish.
        created_at: When it was registered, RFC 3339.
        updated_at: When it last changed, RFC 3339.
        sensitive: The JSON pointers of what is sensitive in its payloads, by type pattern.
        sensitive_readers: The services that are shown it.
        restricted: The services that may receive types which others may not, by type pattern.
    """

    service_id: str
    name: str
    event_types: list[str]
    created_at: str
    updated_at: str
    sensitive: dict[str, list[str]] = field(default_factory=dict)
    sensitive_readers: list[str] = field(default_factory=list)
    restricted: dict[str, list[str]] = field(default_factory=dict)

    def sensitive_in(self, event_type: str) -> list[str]:
        """The JSON pointers of what is sensitive in the payloads of a type."""
        return [
            pointer
            for pattern, pointers in self.sensitive.items()
            if matches_type(pattern, event_type)
            for pointer in pointers
        ]

    def lets_read(self, service_id: str) -> bool:
        """Whether a service is shown what is sensitive in its events."""
        return service_id == self.service_id or service_id in self.sensitive_readers


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A signing secret as it is kept.

    Attributes:
        sealed: What KMS made of it, in base64.
        until: Until when it signs, in Unix seconds, where another one has replaced it.
    """

    sealed: str
    until: int | None = None

    def signs(self, now: float) -> bool:
        """Whether deliveries are signed with it at a time, in Unix seconds."""
        return self.until is None or now < self.until

    def ending(self, until: int) -> "SealedSecret":
        """The same that signs until this time, or its own if that is sooner, in Unix seconds."""
        return SealedSecret(self.sealed, until if self.until is None else min(self.until, until))


@dataclass(frozen=True, slots=True)
class Subscription:
    """A service's wish to receive events.

    Attributes:
        id: Its identifier.
        service_id: The service that it belongs to.
        name: What people call it.
        event_types: The type patterns that it receives.
        filters: The event patterns that narrow them.
        target: Where events are delivered.
        status: Whether it receives anything.
        version: The number of the change that last wrote it.
        created_at: When it was registered, RFC 3339.
        updated_at: When it last changed, RFC 3339.
        delivery_guarantee: How often it receives an event.
        ordered: Whether it receives the events of each stream in the order they were stored.
        retry_policy: When failed deliveries are tried again.
        schema_version: The version of the schemas of types that it receives older events in; None
            for the version that each event is of.
        max_in_flight: How many attempts may be in flight to it; None for no limit of its own.
        rate_limit: How many attempts may be made a second; None for no limit.
        disabled_reason: Why the bus disabled it, if the bus did.
        signing_secrets: The secrets of its signatures, the latest first, if its target has them.
        verified_at: When its callback said that it wants events, RFC 3339, if it was asked.
        ends_at: When it ends by itself, in Unix seconds, if somebody listens by it for a while.
        paused_at: Since when it is paused, RFC 3339, if it is.
        pauses: How often it was paused: the number of its present pause, or of its last one.
        skipped_pauses: Up to which pause it is not owed what it matched.
        backlog_replay_id: The replay that brings what it matched during its last pause, if one was
            started.
    """

    id: str
    service_id: str
    name: str
    event_types: list[str]
    filters: Filters
    target: Target
    status: SubscriptionStatus
    version: int
    created_at: str
    updated_at: str
    delivery_guarantee: DeliveryGuarantee = "at_least_once"
    ordered: bool = False
    retry_policy: RetryPolicy = DEFAULT_POLICY
    max_in_flight: int | None = None
    rate_limit: float | None = None
    disabled_reason: str | None = None
    signing_secrets: tuple[SealedSecret, ...] = ()
    verified_at: str | None = None
    ends_at: int | None = None
    paused_at: str | None = None
    pauses: int = 0
    skipped_pauses: int = 0
    backlog_replay_id: str | None = None
    schema_version: int | None = None

    @property
    def limited(self) -> bool:
        """Whether it has a limit of its own."""
        return self.max_in_flight is not None or self.rate_limit is not None

    @property
    def signed(self) -> bool:
        """Whether what is delivered to it is signed."""
        return self.target.signed


def received_since(created_at: str) -> str:
    """The time at which the first event was stored that a subscription receives, at the earliest.

    Args:
        created_at: When the subscription was registered, RFC 3339.
    """
    return times.at(times.seconds(created_at) - RECEIVED_BEFORE_SECONDS)


def check_limits(subscription: Subscription) -> None:
    """Refuses limits that a subscription cannot have.

    Raises:
        InvalidRequest: They are refused; the fault is named by its JSON pointer.
    """
    for member in ("max_in_flight", "rate_limit"):
        if getattr(subscription, member) is None:
            continue
        if not subscription.target.paced:
            raise InvalidRequest.at(
                f"/{member}", "must be left out where the target is neither a URL nor a function"
            )
        if member == "rate_limit" and subscription.ordered:
            raise InvalidRequest.at(
                "/rate_limit",
                "must be left out where ordered is true: several events of a stream are delivered "
                "in one turn; set max_in_flight instead",
            )
