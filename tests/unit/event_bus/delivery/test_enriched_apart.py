"""An enriched event is sent on without waiting for the slowest source of its batch."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from event_bus.callbacks.deadlines import Deadline, Deadlines
from event_bus.delivery.enriching import EnrichmentLane, EnrichmentStep
from event_bus.delivery.subscription_cache import SubscriptionCache
from event_bus.model.delivery import DeliveryKey
from event_bus.model.event import Event
from event_bus.model.pace import SLOW_SECONDS
from event_bus.model.registration import Subscription
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import Message

from tests.aws import Aws
from tests.builders import message
from tests.faults import not_sent
from tests.unit.event_bus.delivery.enrichments import ADDED, stored, subscribed
from tests.unit.event_bus.delivery.lanes import received


class OneByOne:
    """An executor that does one task after the other, in their order."""

    def map(self, function: Callable[..., Any], *arguments: Iterable[Any]) -> Iterator[Any]:
        return iter([function(*each) for each in zip(*arguments, strict=True)])


@dataclass
class HeldDeadlines(Deadlines):
    """Deadlines that pass when a test says so."""

    waiting: list[Deadline] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)

    def after(self, seconds: float, act: Callable[[], None]) -> Deadline:
        deadline = Deadline(act)
        self.asked.append(seconds)
        self.waiting.append(deadline)
        return deadline

    def pass_all(self) -> None:
        for each in self.waiting:
            each.run()
        self.waiting.clear()


@dataclass
class Batches:
    """The enrichment lane, and what it sends while sources are asked."""

    aws: Aws
    own: str
    target: str
    to: Subscription
    deadlines: HeldDeadlines = field(default_factory=HeldDeadlines)
    meanwhile: dict[str, Callable[[], object]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    def take(self, *names: str, executor: Any = None) -> list[str]:
        messages = [message(stored(self.aws, name), self.to, enriches=True) for name in names]
        # None may wait for the other's threads.
        with ThreadPoolExecutor(2) as sending:
            lane = EnrichmentLane(
                EnrichmentStep(self._enrich, self.aws.events, self.aws.deliveries, lambda *_: True),
                SubscriptionCache(self.aws.subscriptions),
                Lanes(self.aws.sqs, {"http": self.target, "enrich": self.own}, sending),
                executor or cast("Executor", OneByOne()),
                self.deadlines,
            )
            return lane.process([received(each) for each in messages])

    def _enrich(self, key: DeliveryKey, _event: Event, _to: Subscription) -> bytes:
        if act := self.meanwhile.get(key.event_id):
            act()
        return ADDED

    def sent(self) -> list[str]:
        found: list[Message] = self.aws.sent_on(self.target)
        return sorted(each.event_id for each in found)


@pytest.fixture
def batches(aws: Aws) -> Iterator[Batches]:
    made = Batches(aws, aws.queue(), aws.queue(), subscribed(aws))

    def counted(**_: Any) -> None:
        made.requests.append("SendMessageBatch")

    aws.sqs.meta.events.register("before-send.sqs.SendMessageBatch", counted)
    yield made
    aws.sqs.meta.events.unregister("before-send.sqs.SendMessageBatch", counted)


def test_what_is_enriched_within_a_second_is_sent_in_one_request(batches: Batches) -> None:
    assert batches.take("evt_1", "evt_2", "evt_3") == []
    assert batches.deadlines.asked == [SLOW_SECONDS]
    assert batches.requests == ["SendMessageBatch"]
    assert batches.sent() == ["evt_1", "evt_2", "evt_3"]


def test_a_slow_source_delays_the_others_of_its_batch_by_a_second_at_most(
    batches: Batches,
) -> None:
    seen: list[list[str]] = []

    def slow() -> None:
        batches.deadlines.pass_all()
        seen.append(batches.sent())

    batches.meanwhile["evt_3"] = slow
    batches.meanwhile["evt_4"] = lambda: seen.append(batches.sent())
    assert batches.take("evt_1", "evt_2", "evt_3", "evt_4") == []
    assert seen == [["evt_1", "evt_2"], ["evt_3"]]
    assert batches.sent() == ["evt_4"]


def test_each_request_that_fails_keeps_its_own_messages_alone(batches: Batches) -> None:
    batches.meanwhile["evt_3"] = batches.deadlines.pass_all
    with not_sent(batches.aws.sqs, "SendMessageBatch"):
        assert batches.take("evt_1", "evt_2", "evt_3") == ["m-evt_1-1", "m-evt_2-1"]
    assert batches.sent() == ["evt_3"]


def test_late_events_are_sent_side_by_side(batches: Batches) -> None:
    names = [f"evt_{number}" for number in range(10)]
    batches.meanwhile = dict.fromkeys(names, batches.deadlines.pass_all)
    with ThreadPoolExecutor(10) as executor:
        assert batches.take(*names, executor=executor) == []
    assert batches.sent() == names
