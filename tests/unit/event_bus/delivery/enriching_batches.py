"""Batches of the enrichment lane, whose sources and timers do as a test says."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from event_bus import times
from event_bus.delivery.circuits import Circuits
from event_bus.delivery.enriching import EnrichmentRunner, EnrichmentStep
from event_bus.delivery.source_pacing import LEASES, SourcePacing, pace_name
from event_bus.delivery.subscription_cache import SubscriptionCache
from event_bus.model.delivery import DeliveryKey
from event_bus.model.enrichment import HttpSource
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.model.pace import Pace
from event_bus.model.subscription import Subscription
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import Message
from event_bus.timers import Timer, Timers

from tests.aws import Aws
from tests.builders import message, subscription
from tests.unit.event_bus.delivery.enrichments import ADDED, SOON, stored
from tests.unit.event_bus.delivery.lanes import queue_message

SHARE = 2
"""How many functions may wait for slow sources; half as many more for those on trial."""

EXTERNAL = {"price": HttpSource(url="https://prices.example/")}


class OneByOne:
    """An executor that does one task after the other, in their order."""

    def map(self, function: Callable[..., Any], *arguments: Iterable[Any]) -> Iterator[Any]:
        return iter([function(*each) for each in zip(*arguments, strict=True)])


@dataclass
class HeldTimers(Timers):
    """Timers that act when a test says so."""

    waiting: list[Timer] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)

    def after(self, seconds: float, act: Callable[[], None]) -> Timer:
        timer = Timer(act)
        self.asked.append(seconds)
        self.waiting.append(timer)
        return timer

    def pass_all(self) -> None:
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            each.run()


@dataclass
class Batches:
    """The enrichment lane in one function, and what it sends while sources are asked.

    Attributes:
        meanwhile: What happens while the sources are asked for an event.
        seconds: How long they take for it.
        found: What they return for it.
    """

    aws: Aws
    own: str
    target: str
    timers: HeldTimers = field(default_factory=HeldTimers)
    meanwhile: dict[str, Callable[[], object]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    found: dict[str, Outcome] = field(default_factory=dict)
    now: list[float] = field(default_factory=lambda: [1_000.0])
    asked: list[str] = field(default_factory=list)
    pacing: SourcePacing = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Starts the function anew: it knows no marks and no circuits."""
        clock = lambda: self.now[0]  # noqa: E731
        self.pacing = SourcePacing(
            Circuits(self.aws.circuits, clock),
            replace(self.aws.paces, sleep=lambda _: None),
            *(self.aws.deliveries, SHARE, self.timers, clock),
        )

    def take(self, *messages: Message, receives: int = 1, executor: Any = None) -> list[str]:
        # Threads that send must not be those that enrich.
        with ThreadPoolExecutor(2) as sending:
            lane = EnrichmentRunner(
                EnrichmentStep(
                    *(self._enrich, self.aws.events, self.aws.deliveries, lambda *_: True),
                    measured=self.pacing.measured,
                ),
                SubscriptionCache(self.aws.subscriptions),
                Lanes(self.aws.sqs, {"http": self.target, "enrich": self.own}, sending),
                executor or cast("Executor", OneByOne()),
                self.timers,
                self.pacing,
            )
            return lane.process([queue_message(each, receives) for each in messages])

    def messages(self, to: Subscription, *names: str) -> list[Message]:
        return [message(stored(self.aws, name), to, enriches=True) for name in names]

    def _enrich(self, key: DeliveryKey, _event: Event, _to: Subscription) -> bytes | Outcome:
        self.asked.append(key.event_id)
        self.now[0] += self.seconds.get(key.event_id, 0.0)
        if act := self.meanwhile.get(key.event_id):
            act()
        return self.found.get(key.event_id, ADDED)

    def onward(self) -> list[str]:
        """The events that were sent on since the last call."""
        return sorted(each.event_id for each in self.aws.sent_on(self.target))

    def back(self) -> list[Message]:
        """The messages that were sent back since the last call."""
        return self.aws.sent_on(self.own)

    def mark(self, subscription_id: str = "sub_1") -> Pace | None:
        """How fast the sources of a subscription are."""
        return self.aws.paces.get(pace_name(subscription_id))

    def put_mark(self, state: Any, subscription_id: str = "sub_1", **members: Any) -> None:
        pace = Pace(state, version=1, **members)
        self.aws.paces.put_anew(pace_name(subscription_id), pace)

    def leases(self) -> int:
        """How many functions have a lease."""
        leases = self.aws.paces.get(LEASES)
        return leases.in_flight(times.unix()) if leases else 0

    def occupy(self, functions: int, seconds: float = 60.0) -> None:
        """Gives leases to other functions, for some seconds from now on."""
        until = times.unix() + seconds
        leases = {f"fn_{number}": (until, 1) for number in range(functions)}
        self.aws.paces.put_anew(LEASES, Pace(leases=leases, version=1))


def external(aws: Aws, name: str = "sub_1", **members: Any) -> Subscription:
    """A subscription whose source is a URL."""
    made = subscription(name, enrichment=EXTERNAL, retry_policy=SOON, **members)
    return aws.subscriptions.create(made)


@pytest.fixture
def batches(aws: Aws) -> Batches:
    return Batches(aws, aws.queue(), aws.queue())
