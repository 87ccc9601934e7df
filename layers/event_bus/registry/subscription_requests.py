"""Requests that register and change subscriptions."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Union

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

from event_bus.enrichment.requests import EnrichmentRequest, without_shown_sources
from event_bus.model.followed_streams import FollowedStreams
from event_bus.model.schemas import MAX_VERSIONS
from event_bus.model.subscription import DeliveryGuarantee, ResumeFrom, SubscriptionStatus
from event_bus.model.target import Target
from event_bus.requests.credentials import Authentication
from event_bus.requests.filters import SentFilters
from event_bus.requests.followed_streams import FollowedStreamsRequest
from event_bus.requests.publisher import BY_THE_BUS
from event_bus.requests.retry_policy import RetryPolicyRequest
from event_bus.requests.transform import TransformRequest
from event_bus.requests.type_patterns import TypePatterns
from event_bus.requests.validation import Name, RequestModel, ServiceId, Time, not_with, one_of_two
from event_bus.targets.http import HttpTarget
from event_bus.targets.registry import TARGETS
from event_bus.targets.requests.http import CallbackUrl, HttpTargetRequest
from event_bus.targets.requests.target_request import TargetRequest

if TYPE_CHECKING:
    AnyTarget = TargetRequest
else:
    # Schemas call a type by its name, which a bare union does not have.
    AnyTarget = TypeAliasType(
        "TargetRequest",
        Annotated[
            Union[tuple(TARGETS.requests())],  # noqa: UP007
            Field(discriminator="type"),
        ],
    )
"""A target of any type, as a client sends it."""

MaxInFlight = Annotated[int, Field(ge=1, le=1000)]
"""How many attempts may be in flight to a subscriber."""

SchemaVersion = Annotated[int, Field(ge=1, le=MAX_VERSIONS)]
"""The schema version to which events of older versions are converted."""

RateLimit = Annotated[float, Field(ge=0.01, le=1000)]
"""How many attempts may be made a second; 0.01 is one in 100 seconds."""


class SubscriptionRegistration(RequestModel):
    """The registration of a subscription.

    Attributes:
        service_id: The service that owns it; required from an admin.
        name: A name for people; by default the service.
        event_types: The types and patterns that it receives.
        callback_url: The URL that events are posted to; it excludes `target`.
        target: Another way to receive events.
        verify: Whether the bus first asks the callback if it wants events.
        stream: The event streams to follow.
        filters: An event pattern for each type or type pattern that it narrows.
        enrichment: What the bus adds to each event, by the name of each part.
        transform: How each event is shaped before it is sent.
        handles: Whether it is the handler of the commands that it receives.
        delivery_guarantee: What happens if an attempt fails or its answer is lost; of a handler by
            default `exactly_once`.
        ordered: Whether the events of each stream arrive in their order; with `stream` they always
            do.
        retry_policy: When failed attempts are repeated.
        max_in_flight: The most attempts in flight; null for no limit.
        rate_limit: The most attempts a second; null for no limit.
        schema_version: The schema version to which events of older versions are converted.
        replay_from: A time in the past, RFC 3339; events since then are replayed to it.
        authentication: A further credential of the service.
    """

    service_id: ServiceId | None = None
    name: Name | None = None
    event_types: TypePatterns
    callback_url: CallbackUrl | None = None
    target: Annotated[AnyTarget | None, Field(validate_default=True)] = None
    verify: Annotated[bool, Field(validate_default=True)] = False
    stream: FollowedStreamsRequest | None = None
    filters: SentFilters = Field(default_factory=dict)
    enrichment: EnrichmentRequest | None = None
    transform: TransformRequest | None = None
    handles: bool = False
    delivery_guarantee: DeliveryGuarantee = "at_least_once"
    ordered: bool = False
    retry_policy: RetryPolicyRequest = Field(default_factory=RetryPolicyRequest)
    max_in_flight: MaxInFlight | None = None
    rate_limit: RateLimit | None = None
    schema_version: SchemaVersion | None = None
    replay_from: Time | None = None
    authentication: Authentication | None = None

    @field_validator("target")
    @classmethod
    def _one_target(cls, target: Any, info: ValidationInfo) -> Any:
        return one_of_two(target, info, "callback_url")

    @field_validator("verify")
    @classmethod
    def _is_a_callback(cls, verify: bool, info: ValidationInfo) -> bool:
        target = info.data.get("target")
        if verify and target is not None and not isinstance(target, HttpTargetRequest):
            raise PydanticCustomError("verify", "must be left out if the target is not a URL")
        return verify

    def guarantee(self) -> DeliveryGuarantee:
        """Returns the delivery guarantee: a handler acts once, unless the client says otherwise."""
        named = "delivery_guarantee" in self.model_fields_set
        return "exactly_once" if self.handles and not named else self.delivery_guarantee

    @model_validator(mode="after")
    def _in_order(self) -> "SubscriptionRegistration":
        if self.stream and "ordered" in self.model_fields_set and not self.ordered:
            raise PydanticCustomError("order", "must be ordered, because it follows a stream")
        if self.stream and self.stream.from_version is not None and self.replay_from is not None:
            said = "must have either stream.from_version or replay_from"
            raise PydanticCustomError("history", said)
        return self

    def followed(self) -> FollowedStreams | None:
        """Returns the event streams that the subscription follows; None if it follows none."""
        return self.stream.followed() if self.stream else None

    @property
    def in_order(self) -> bool:
        """Whether it receives the events of each stream in their order."""
        return self.ordered or self.stream is not None

    def chosen_target(self) -> Target:
        """Returns where events are delivered."""
        return _target(self.callback_url, self.target)


REMOVABLE = ("enrichment", "transform", "max_in_flight", "rate_limit", "schema_version")
"""The members of a subscription that null removes."""


class SubscriptionChange(RequestModel):
    """The change of a subscription: a JSON merge patch (RFC 7396) of these members.

    `filters`, `enrichment`, `transform` and `retry_policy` are replaced as a whole: an event
    pattern gives null a meaning of its own, and the members of a policy belong together. Null
    removes an enrichment, a transform, a limit or the schema version, as in `{"rate_limit": null}`.
    `ordered` cannot change, because the order of waiting events depends on it. The type of the
    target cannot change either, because deliveries under way are on the lane of one protocol.

    Attributes:
        name: A name for people.
        event_types: The types and patterns that it receives.
        callback_url: The URL that events are posted to; it excludes `target`.
        target: Another target of the same type.
        verify: Whether the bus first asks the callback if it wants events.
        filters: An event pattern for each type or type pattern that it narrows.
        enrichment: What the bus adds to each event, by the name of each part.
        transform: How each event is shaped before it is sent.
        handles: Whether it is the handler of the commands that it receives.
        delivery_guarantee: What happens if an attempt fails or its answer is lost.
        retry_policy: When failed attempts are repeated.
        max_in_flight: The most attempts in flight.
        rate_limit: The most attempts a second.
        schema_version: The schema version to which events of older versions are converted.
        status: `active` receives events, `paused` keeps them for later, `disabled` gets none.
        resume_from: With the status `active`: whether a paused subscription receives what it
            matched during the pause (`backlog`, the default) or not (`now`).
    """

    fixed: ClassVar[Mapping[str, str]] = {
        "id": BY_THE_BUS,
        "service_id": "register another subscription for the other service instead",
        "ordered": "register another subscription instead",
        "stream": "register another subscription instead",
        "replay_from": "start a replay by POST /replays instead",
        "authentication": "keys are changed by /subscribers/{id}/keys",
        "signing_secret": "replace it by POST /subscriptions/{id}/secret/rotate",
        "circuit": BY_THE_BUS,
        "pace": BY_THE_BUS,
        "disabled_reason": BY_THE_BUS,
        "paused_at": BY_THE_BUS,
        "backlog": BY_THE_BUS,
        "verified_at": BY_THE_BUS,
        "created_at": BY_THE_BUS,
        "updated_at": BY_THE_BUS,
    }
    # An answer shows a null URL beside a target of another type; it may be sent back.
    nullable: ClassVar[Collection[str]] = (*REMOVABLE, "callback_url")

    name: Name | None = None
    event_types: TypePatterns | None = None
    callback_url: CallbackUrl | None = None
    target: AnyTarget | None = None
    verify: bool | None = None
    filters: SentFilters | None = None
    enrichment: EnrichmentRequest | None = None
    transform: TransformRequest | None = None
    handles: bool | None = None
    delivery_guarantee: DeliveryGuarantee | None = None
    retry_policy: RetryPolicyRequest | None = None
    max_in_flight: MaxInFlight | None = None
    rate_limit: RateLimit | None = None
    schema_version: SchemaVersion | None = None
    status: SubscriptionStatus | None = None
    resume_from: ResumeFrom | None = None

    @field_validator("resume_from")
    @classmethod
    def _resumes(cls, resume_from: Any, info: ValidationInfo) -> Any:
        if resume_from is not None and info.data.get("status") != "active":
            raise PydanticCustomError("resume", 'must be left out without `"status": "active"`')
        return resume_from

    @model_validator(mode="before")
    @classmethod
    def _as_it_is_shown(cls, change: Any) -> Any:
        return _without_shown_members(change)

    @field_validator("target")
    @classmethod
    def _one_target(cls, target: Any, info: ValidationInfo) -> Any:
        return not_with(target, info, "callback_url")

    def chosen_target(self, former: Target | None = None) -> Target | None:
        """Returns where events are delivered from now on; None if that stays.

        Args:
            former: The former target. If only the URL changes, its other settings stay.
        """
        if self.callback_url and isinstance(former, HttpTarget):
            return replace(former, url=self.callback_url)
        if self.callback_url or self.target:
            return _target(self.callback_url, self.target)
        return None


def _without_shown_members(change: Any) -> Any:
    """Removes the members that only answers have.

    A client may send back what it has read: an answer names a callback twice, and shows members of
    targets that the bus sets.
    """
    if not isinstance(change, dict):
        return change
    kept = {**change}
    if kept.get("enrichment"):
        kept["enrichment"] = without_shown_sources(kept["enrichment"])
    target = kept.get("target")
    if isinstance(target, dict):
        if found := TARGETS.request_of(target.get("type")):
            kept["target"] = target = found.without_shown(target)
        if "callback_url" in kept and kept["callback_url"] == target.get("url"):
            del kept["callback_url"]
    return kept


def _target(callback_url: str | None, target: TargetRequest | None) -> Target:
    return target.target() if target else HttpTarget(callback_url or "")
