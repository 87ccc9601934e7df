"""Subscriptions as they are stored."""

from dataclasses import dataclass
from typing import Literal

from event_bus import times
from event_bus.errors import InvalidRequest
from event_bus.model.enrichment import Enrichment
from event_bus.model.filters import Filters
from event_bus.model.followed_streams import FollowedStreams
from event_bus.model.retry_policy import DEFAULT_POLICY, RetryPolicy
from event_bus.model.target import Target
from event_bus.transforms.transform import Transform

RECEIVED_BEFORE_SECONDS = 2
"""A subscription receives events stored up to this long before its registration, in seconds.

Two functions write the two times. Their clocks may differ by this much without an event being lost
to a new subscription.
"""

SubscriptionStatus = Literal["active", "paused", "disabled"]
"""Active: it receives matching events. Paused: they are kept for it. Disabled: it gets none."""

ResumeFrom = Literal["backlog", "now"]
"""Where a paused subscription continues: with the events of the pause, or without them."""

DeliveryGuarantee = Literal["at_least_once", "at_most_once", "exactly_once"]


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A stored signing secret.

    Attributes:
        sealed: The sealed secret, in base64.
        until: When it stops signing, in Unix seconds, if it was replaced.
    """

    sealed: str
    until: int | None = None

    def signs(self, now: float) -> bool:
        """Returns whether it signs at a time in Unix seconds."""
        return self.until is None or now < self.until

    def ending(self, until: int) -> "SealedSecret":
        """Returns a copy that stops signing at this time, or earlier, in Unix seconds."""
        return SealedSecret(self.sealed, until if self.until is None else min(self.until, until))


@dataclass(frozen=True, slots=True)
class Subscription:
    """A service's registration to receive events.

    Attributes:
        id: Its identifier.
        service_id: The service that it belongs to.
        name: What people call it.
        event_types: The type patterns that it receives.
        filters: The event patterns of its filters.
        target: Where events are delivered.
        status: Its status.
        version: The number of the change that last wrote it.
        created_at: When it was registered, RFC 3339.
        updated_at: When it last changed, RFC 3339.
        delivery_guarantee: Its delivery guarantee.
        ordered: Whether it receives the events of each stream in their order.
        retry_policy: When failed deliveries are tried again.
        schema_version: The schema version to which older events are brought; None for the version
            of each event.
        max_in_flight: The most attempts in flight; None for no limit.
        rate_limit: How many attempts may be made a second; None for no limit.
        disabled_reason: Why the bus disabled it, if it did.
        signing_secrets: Its signing secrets, latest first, if its target is signed.
        verified_at: When its callback agreed to receive events, RFC 3339, if it was asked.
        ends_at: When it ends, in Unix seconds, if it is that of a listener.
        paused_at: When its present pause began, RFC 3339; None if it is not paused.
        pauses: How often it was paused: the number of its present pause, or of its last one.
        skipped_pauses: The number of the last pause after which it was resumed from `now`. It does
            not receive the events of that pause and of earlier ones.
        backlog_replay_id: The replay that brings what it matched during its last pause, if one was
            started.
        catch_up_replay_id: The replay that starts the delivery of the streams that it follows from
            a version.
        transform: How each event is shaped before it is sent; None to send it unchanged.
        stream: The event streams that it follows; None if it receives events of any.
        handles: Whether it is the handler of the commands that it receives.
        enrichment: What is added to each event before the transform; None for nothing.
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
    catch_up_replay_id: str | None = None
    schema_version: int | None = None
    transform: Transform | None = None
    stream: FollowedStreams | None = None
    handles: bool = False
    enrichment: Enrichment | None = None

    @property
    def at_most_once(self) -> bool:
        """Whether no second attempt may follow one that may have reached the subscriber."""
        return self.delivery_guarantee == "at_most_once"

    @property
    def enriched_first(self) -> bool:
        """Whether its events pass the enrichment lane on their way to the target's lane.

        An ordered subscription has its events enriched in the turn of their stream.
        """
        return self.enrichment is not None and not self.ordered

    @property
    def catches_up(self) -> bool:
        """Whether it receives events of its streams that are older than it is."""
        return self.stream is not None and self.stream.from_version is not None

    @property
    def limited(self) -> bool:
        """Whether it has a limit of its own."""
        return self.max_in_flight is not None or self.rate_limit is not None

    @property
    def signed(self) -> bool:
        """Whether its deliveries are signed."""
        return self.target.signed


def received_since(created_at: str) -> str:
    """Returns the time from which on a subscription receives stored events, RFC 3339.

    Args:
        created_at: When the subscription was registered, RFC 3339.
    """
    return times.at(times.seconds(created_at) - RECEIVED_BEFORE_SECONDS)


def check_limits(subscription: Subscription) -> None:
    """Refuses invalid limits of a subscription.

    Raises:
        InvalidRequest: They are refused; the fault is named by its JSON pointer.
    """
    for member in ("max_in_flight", "rate_limit"):
        if getattr(subscription, member) is None:
            continue
        if not subscription.target.paced:
            raise InvalidRequest.at(
                f"/{member}", "must be left out if the target is neither a URL nor a function"
            )
        if member == "rate_limit" and subscription.ordered:
            raise InvalidRequest.at(
                "/rate_limit",
                "must be left out if ordered is true: several events of a stream are delivered "
                "in one turn; set max_in_flight instead",
            )
