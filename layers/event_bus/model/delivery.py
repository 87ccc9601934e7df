"""Routing records, and deliveries of events to subscriptions."""

from dataclasses import dataclass, field, replace
from typing import Literal

DeliveryStatus = Literal["pending", "held", "delivered", "retrying", "exhausted", "dropped"]
"""Pending: no attempt has ended yet. Held: the event matched while the subscription was paused, so
that no message was sent; no record has this status. Retrying: it failed or has to wait, and another
attempt follows. Exhausted: its last attempt failed, and it waits for a person. Dropped: it ended
without success, because its guarantee allows that or it is no longer owed."""

DeadLetterStatus = Literal["retrying", "exhausted", "resolved"]

SETTLED: frozenset[DeliveryStatus] = frozenset({"delivered", "exhausted", "dropped"})
"""Statuses without a further attempt."""

ON_LANE_SECONDS = 1_800
"""The time after which a message on a lane without an attempt counts as lost, in seconds."""

LANE_FUNCTION_SECONDS = 60
"""How long a function of a lane may run, in seconds. Everything that it leases ends later, so that
only a function that has ended can lose a lease."""

KEPT_ATTEMPTS = 50
"""How many of a delivery's last attempts are kept."""


@dataclass(frozen=True, slots=True)
class Routing:
    """The routing record of an event.

    Attributes:
        event_id: The event.
        matched: The service of each subscription that it matched, by subscription.
        routed_at: When it was routed, RFC 3339.
        event_type: The event's type.
        source: The service that published it.
        limited: Whether a limit of matching left out a part of the event or a filter.
        held: The number of the pause that holds the event, by paused subscription.
        schema_invalid: Whether the schema of the event's type refuses its payload.
        handler: The subscription that handles the event, if it is a command with a handler.
        released: The number of the pause that held the event, by subscription to which the router
            has sent it after the pause.
        kept: Whether the record never expires, because its event does not; not read from the store.
        stored_at: When the event was stored, RFC 3339; not read from the store.
    """

    event_id: str
    matched: dict[str, str]
    routed_at: str
    event_type: str = ""
    source: str = ""
    limited: bool = False
    held: dict[str, int] = field(default_factory=dict)
    schema_invalid: bool = False
    handler: str | None = None
    released: dict[str, int] = field(default_factory=dict, compare=False)
    kept: bool = field(default=False, compare=False)
    stored_at: str = field(default="", compare=False)

    def to(self, service_id: str) -> "Routing":
        """Returns the part of the record about one service."""
        own = {each: service for each, service in self.matched.items() if service == service_id}
        held = {each: pause for each, pause in self.held.items() if each in own}
        handler = self.handler if self.handler in own else None
        return replace(self, matched=own, held=held, handler=handler)


@dataclass(frozen=True, slots=True)
class DeliveryKey:
    """The key of a delivery: an event and a subscription, and the replay if it is one.

    Attributes:
        event_id: The event.
        subscription_id: The subscription.
        replay_id: The replay that it belongs to, if any.
    """

    event_id: str
    subscription_id: str
    replay_id: str | None = None

    @property
    def webhook_id(self) -> str:
        """The id of every attempt of this delivery, and of no other delivery to its subscriber.

        A replayed delivery has its own id, so that receivers do not ignore it as a repetition.
        """
        return self.event_id if self.replay_id is None else f"{self.event_id}:{self.replay_id}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One ended attempt of a delivery.

    Attributes:
        number: Its number, from 1 on.
        at: Its start, RFC 3339.
        duration_ms: Its duration in milliseconds.
        code: The error code, which is stable; None after a success.
        message: The error in a sentence; None after a success.
        status_code: The HTTP status of the answer, if there was one.
        response: The beginning of the answer.
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
    """The last error of a delivery.

    Attributes:
        code: The error code, which is stable.
        message: The error in a sentence.
        timestamp: When it happened, RFC 3339.
    """

    code: str
    message: str
    timestamp: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """A recorded delivery.

    Attributes:
        key: Its key.
        service_id: The service that the subscription belongs to.
        event_type: The event's type.
        status: Its status.
        attempts: The number of attempts.
        round_start: The number of attempts before a person retried it.
        reopened: How often a person has retried it, including before its first attempt.
        last_error: The last error, while it is not delivered.
        next_retry_at: The time of the next attempt while it is retrying, RFC 3339.
        waiting: Whether it waits in the table instead of as a message on its lane.
        continues: Whether it has ended, and the sweep will send the message that continues its
            stream.
        dead_letter_id: Its id as a dead letter, if it ever became one.
        log: The last attempts.
        delivered_at: When it was delivered, RFC 3339.
        stored_at: When the event was stored, RFC 3339, if known.
        created_at: When it was first recorded, RFC 3339.
        updated_at: When it was last recorded, RFC 3339.
        written_by: The queue message that caused the last write.
        protocol: Its lane.
        stream: The key of the event's stream, if it has one. It is stored while the delivery waits.
    """

    key: DeliveryKey
    service_id: str
    event_type: str
    status: DeliveryStatus
    attempts: int
    created_at: str
    updated_at: str
    round_start: int = 0
    reopened: int = 0
    last_error: DeliveryError | None = None
    next_retry_at: str | None = None
    waiting: bool = False
    continues: bool = False
    dead_letter_id: str | None = None
    log: tuple[Attempt, ...] = ()
    delivered_at: str | None = None
    stored_at: str = ""
    written_by: str = ""
    protocol: str = "http"
    stream: str = ""

    @property
    def retriable(self) -> bool:
        """Whether it can be retried: it has no message on a lane."""
        return self.status == "exhausted" or (self.status == "retrying" and self.waiting)

    @property
    def dead_letter_status(self) -> DeadLetterStatus:
        """Its status as a dead letter."""
        if self.status in ("delivered", "dropped"):
            return "resolved"
        return "exhausted" if self.status == "exhausted" else "retrying"
