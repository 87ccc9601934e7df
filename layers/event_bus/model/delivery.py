"""What becomes of an event: its routing, and a delivery for each subscription that it matched."""

from dataclasses import dataclass, field, replace
from typing import Literal

DeliveryStatus = Literal["pending", "held", "delivered", "retrying", "exhausted", "dropped"]
"""Pending: no attempt has ended yet. Held: the event matched while the subscription was paused, so
that no message was sent; no record has this status. Retrying: it failed or has to wait, and will be
tried again. Exhausted: it failed for good and waits for a person. Dropped: nobody is owed it any
more."""

DeadLetterStatus = Literal["retrying", "exhausted", "resolved"]

SETTLED: frozenset[DeliveryStatus] = frozenset({"delivered", "exhausted", "dropped"})
"""The statuses after which no attempt follows by itself."""

ON_LANE_SECONDS = 1_800
"""After how long a message that was sent to a lane, and made no attempt, counts as lost."""

KEPT_ATTEMPTS = 50
"""How many attempts of a delivery are remembered, the last ones."""


@dataclass(frozen=True, slots=True)
class Routing:
    """Whom an event was routed to.

    Attributes:
        event_id: The event.
        matched: The service of each subscription that it matched, by subscription.
        routed_at: When, RFC 3339.
        event_type: The event's type.
        source: The service that published it.
        limited: Whether a limit of matching left something of the event, or a filter, out.
        held: The pause that the event is held by, by the paused subscriptions that it matched.
        schema_invalid: Whether the schema of the event's type refuses its payload.
    """

    event_id: str
    matched: dict[str, str]
    routed_at: str
    event_type: str = ""
    source: str = ""
    limited: bool = False
    held: dict[str, int] = field(default_factory=dict)
    schema_invalid: bool = False

    def to(self, service_id: str) -> "Routing":
        """The part of the record that is about one service."""
        own = {each: service for each, service in self.matched.items() if service == service_id}
        held = {each: pause for each, pause in self.held.items() if each in own}
        return replace(self, matched=own, held=held)


@dataclass(frozen=True, slots=True)
class DeliveryKey:
    """What one delivery is: an event for a subscription, once as it came and once a replay.

    Attributes:
        event_id: The event.
        subscription_id: The subscription.
        replay_id: The replay that it is part of, if it is.
    """

    event_id: str
    subscription_id: str
    replay_id: str | None = None

    @property
    def webhook_id(self) -> str:
        """The id that every attempt of this delivery has, and no other delivery to its subscriber.

        A replay has one of its own: it is asked for, and must not be taken for a repetition.
        """
        return self.event_id if self.replay_id is None else f"{self.event_id}:{self.replay_id}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a delivery, after it ended.

    Attributes:
        number: Which attempt of the delivery, from 1 on.
        at: When it began, RFC 3339.
        duration_ms: How long it took.
        code: What went wrong, in a word that does not change; None where nothing did.
        message: What went wrong, for people.
        status_code: The HTTP status of the answer, if there was one.
        response: How the answer began.
    """

    number: int
    at: str
    duration_ms: int
    code: str | None = None
    message: str = ""
    status_code: int | None = None
    response: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryError:
    """Why a delivery has not succeeded.

    Attributes:
        code: A word that does not change.
        message: The same for people.
        timestamp: When it happened, RFC 3339.
    """

    code: str
    message: str
    timestamp: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far a delivery has come.

    Attributes:
        key: Which delivery.
        service_id: The service that the subscription belongs to.
        event_type: The event's type.
        status: Where it stands.
        attempts: How many attempts were made.
        round_start: How many of them were made before a person had it tried anew.
        last_error: What went wrong last, while it is not delivered.
        next_retry_at: When it is tried again, RFC 3339, while it is retrying.
        waiting: Whether it waits for that in the table, and not as a message on its lane.
        dead_letter_id: Its id as a dead letter, if it ever became one.
        log: The last attempts.
        delivered_at: When the subscriber took it, RFC 3339.
        stored_at: When the event was accepted, RFC 3339, where that is known.
        created_at: When it was first recorded, RFC 3339.
        updated_at: When it was last recorded, RFC 3339.
        written_by: The message that was in hand then.
        protocol: The lane that it is on.
    """

    key: DeliveryKey
    service_id: str
    event_type: str
    status: DeliveryStatus
    attempts: int
    created_at: str
    updated_at: str
    round_start: int = 0
    last_error: DeliveryError | None = None
    next_retry_at: str | None = None
    waiting: bool = False
    dead_letter_id: str | None = None
    log: tuple[Attempt, ...] = ()
    delivered_at: str | None = None
    stored_at: str = ""
    written_by: str = ""
    protocol: str = "http"

    @property
    def retriable(self) -> bool:
        """Whether it can be tried anew: no message of it is on its way."""
        return self.status == "exhausted" or (self.status == "retrying" and self.waiting)

    @property
    def dead_letter_status(self) -> DeadLetterStatus:
        """How it stands as a dead letter."""
        if self.status in ("delivered", "dropped"):
            return "resolved"
        return "exhausted" if self.status == "exhausted" else "retrying"
