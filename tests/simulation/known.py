"""The knowledge of clients and subscribers, apart from the bus's own data."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from event_bus.model.delivery import DeliveryKey
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome

DELETED = 10**9
"""The version before which a deleted stream is hidden."""


class Violation(BaseException):
    """A promise that was broken while the world ran.

    It is not an `Exception`, because a function that survives any failure of one message must not
    survive this one.
    """


@dataclass(eq=False)
class FunctionCall:
    """A call of a function that may overlap with others.

    Attributes:
        begun: A number that grows from call to call.
        ended: The number at its end; None while it runs.
    """

    begun: int
    ended: int | None = None

    def precedes(self, other: "FunctionCall") -> bool:
        """Whether it ended before another began."""
        return self.ended is not None and self.ended < other.begun


@dataclass(frozen=True)
class ReceivedAttempt:
    """An attempt as the subscriber saw it.

    Attributes:
        key: The delivery.
        taken: Whether the subscriber acted on it.
        answered: Whether the bus saw that.
        at: When, in Unix seconds.
        replied: Whether its answer was a reply.
        call: The call of a function that made it; None if calls do not overlap.
    """

    key: DeliveryKey
    taken: bool
    answered: bool
    at: float
    replied: bool = False
    call: FunctionCall | None = None


@dataclass
class Subscriber:
    """A subscriber behind a callback URL.

    Attributes:
        answer: Its answer to the n-th attempt of a delivery.
        log: The attempts, in order.
        lies: How many of its successful answers are lost.
        seconds: How long it takes to answer.
    """

    answer: Callable[[Event, int], Outcome] = lambda _event, _number: Outcome(status_code=204)
    log: list[ReceivedAttempt] = field(default_factory=list)
    lies: int = 0
    seconds: float = 0.05


@dataclass(frozen=True)
class KnownEvent:
    """The knowledge of a client about an event that it published.

    Attributes:
        event: The event as it was sent.
        status: The status of the last answer; 0 if none came.
        began: The number of the step at which it was first sent.
    """

    event: dict[str, Any]
    status: int
    began: int


@dataclass(frozen=True)
class KnownSubscription:
    """The knowledge of a client about a subscription that it registered.

    Attributes:
        id: Its identifier.
        request: What was sent.
        answered: The number of the step at which the 201 came.
        at: When it was registered, in Unix seconds.
    """

    id: str
    request: dict[str, Any]
    answered: int
    at: float


@dataclass(frozen=True)
class KnownGrant:
    """The types that an admin gave to a service.

    Attributes:
        service_id: The service.
        event_types: The type patterns; None for the default, which is everything.
        began: When the request was sent first, in Unix seconds.
        answered: When it was answered, in Unix seconds.
    """

    service_id: str
    event_types: list[str] | None
    began: float
    answered: float


class Knowledge:
    """The knowledge of all clients and subscribers.

    Attributes:
        published: What clients published, by id.
        deduplicated: The event that was answered instead of one with the same deduplication key.
        versions: The version that each event got in its stream, by the id of the event.
        subscribed: What clients subscribed, by id.
        unsettled: Subscriptions that were changed or deleted, so what they are owed is uncertain.
        gone: Subscriptions that were deleted.
        given: What admins gave to services, in order.
        subscribers: The subscriber behind each callback URL.
        bodies: What was sent of each delivery, by the version of its subscription.
        pulled: The events that consumers have pulled from inboxes, in order, by subscription.
        done: The place up to which they have acknowledged it.
        paused: When the pause of each paused subscription was answered, in Unix seconds.
        pauses: How often each subscription was paused.
        skipped: Up to which pause a subscription was resumed from now, or disabled.
        hiding: The versions before which clients have begun to hide each stream of an admin.
        hidden: The highest of them that was answered.
    """

    def __init__(self) -> None:
        self.published: dict[str, KnownEvent] = {}
        self.deduplicated: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.subscribed: dict[str, KnownSubscription] = {}
        self.unsettled: set[str] = set()
        self.gone: set[str] = set()
        self.given: list[KnownGrant] = []
        self.subscribers: dict[str, Subscriber] = {}
        self.bodies: dict[tuple[DeliveryKey, int], bytes] = {}
        self.pulled: dict[str, list[str]] = {}
        self.done: dict[str, int] = {}
        self.paused: dict[str, float] = {}
        self.pauses: Counter[str] = Counter()
        self.skipped: dict[str, int] = {}
        self.hiding: dict[str, set[int]] = {}
        self.hidden: dict[str, int] = {}
