"""How things stand at the moment, for Prometheus."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar, get_args

from event_bus import times
from event_bus.model.circuit import CircuitState
from event_bus.model.figures import MAX_SERIES, OTHER
from event_bus.observing.lag import oldest_due, router_lag
from event_bus.stores.circuits import CircuitStore
from event_bus.stores.deliveries import SHARDS, DeliveryStore
from event_bus.stores.events import EventStore
from event_bus.stores.replays import ReplayStore
from event_bus.stores.subscriptions import Interest

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

MAX_REPLAYS = 20
"""How many running replays are told of."""

_STATES: dict["QueueAttributeNameType", str] = {
    "ApproximateNumberOfMessages": "visible",
    "ApproximateNumberOfMessagesNotVisible": "in_flight",
    "ApproximateNumberOfMessagesDelayed": "delayed",
}


@dataclass(frozen=True, slots=True)
class Gauge:
    """A figure that may go up and down.

    Attributes:
        name: Its name, without the prefix of the bus.
        help: What it is.
        labels: The names of its labels.
        values: The values, by those of the labels.
    """

    name: str
    help: str
    labels: tuple[str, ...]
    values: Mapping[tuple[str, ...], float]


_Read = TypeVar("_Read")


@dataclass(slots=True)
class Remembered(Generic[_Read]):
    """What is read at most once in a while.

    Attributes:
        read: Reads it.
        seconds: How long it stands.
        clock: Seconds that only grow.
    """

    read: Callable[[], _Read]
    seconds: float
    clock: Callable[[], float] = times.steady
    _known: tuple[_Read, float] | None = None

    def __call__(self) -> _Read:
        """What was read last, or is read now."""
        if self._known is None or self.clock() >= self._known[1]:
            self._known = self.read(), self.clock() + self.seconds
        return self._known[0]


@dataclass(frozen=True, slots=True)
class Gauges:
    """Reads how things stand.

    Attributes:
        interests: Finds what every subscription is for.
        queues: The URLs of the queues, by name.
        sqs: The client of the queues.
        circuits: The circuit breakers.
        replays: The replays.
        events: The events.
        deliveries: What became of them.
        executor: Reads side by side.
    """

    interests: Callable[[], Iterable[Interest]]
    queues: Mapping[str, str]
    sqs: "SQSClient"
    circuits: CircuitStore
    replays: ReplayStore
    events: EventStore
    deliveries: DeliveryStore
    executor: Executor

    def subscriptions(self) -> Gauge:
        """How many are active, of each type."""
        active: Counter[tuple[str, ...]] = Counter()
        for interest in self.interests():
            if interest.active:
                for pattern in interest.event_types:
                    known = (pattern,) in active or len(active) < MAX_SERIES
                    active[(pattern,) if known else (OTHER,)] += 1
        said = "Active subscriptions, by type or type pattern."
        return Gauge("active_subscriptions", said, ("type",), active)

    def others(self) -> list[Gauge]:
        """All other gauges."""
        return [
            self._queues(),
            self._circuits(),
            Gauge(
                "replay_progress_ratio",
                "How much of its time each running replay has gone through.",
                ("replay",),
                {(each.id,): each.progress for each in self.replays.running(MAX_REPLAYS)},
            ),
            Gauge(
                "router_lag_seconds",
                "How old the newest routed events are, rounded up to a power of two.",
                (),
                {(): router_lag(self.events, self.deliveries, self.executor)},
            ),
            Gauge(
                "oldest_due_delivery_seconds",
                "For how long the delivery is overdue that should be tried again first.",
                (),
                {(): oldest_due(self.deliveries, SHARDS, self.executor)},
            ),
        ]

    def _circuits(self) -> Gauge:
        states: Counter[tuple[str, ...]] = Counter({(each,): 0 for each in get_args(CircuitState)})
        states.update((each.state,) for each in self.circuits.all())
        said = "Circuit breakers of subscriptions that have failed lately, by state."
        return Gauge("circuits", said, ("state",), states)

    def _queues(self) -> Gauge:
        def depths(named: tuple[str, str]) -> dict[tuple[str, ...], float]:
            name, url = named
            found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(_STATES))[
                "Attributes"
            ]
            return {(name, _STATES[each]): float(found[each]) for each in _STATES}

        values: dict[tuple[str, ...], float] = {}
        for each in self.executor.map(depths, self.queues.items()):
            values |= each
        return Gauge("queue_messages", "Messages in queues.", ("queue", "state"), values)
