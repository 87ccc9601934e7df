"""A lane delivers its batch side by side, records every outcome, and keeps what must come again."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from event_bus.delivery.lane import Lane, Received, backoff
from event_bus.delivery.message import Message
from event_bus.delivery.outcome import Outcome
from event_bus.delivery.subscription_cache import SubscriptionCache
from event_bus.model.delivery import Delivery
from event_bus.model.event import Event
from event_bus.model.registration import Subscription

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import LARGE_PAYLOAD, event, message, subscription
from tests.faults import not_sent

ATTEMPTS = 3
REFUSED = Outcome("http_status", "the subscriber answered 500")


@dataclass
class ScriptedTarget:
    """Answers each event as the script says; what is not in it is delivered."""

    script: dict[str, Outcome | Exception] = field(default_factory=dict)
    meet: Callable[[], object] = lambda: None
    delivered: list[tuple[Event, Subscription]] = field(default_factory=list)

    def deliver(self, event: Event, subscription: Subscription) -> Outcome:
        self.meet()
        self.delivered.append((event, subscription))
        scripted = self.script.get(event.id, Outcome())
        if isinstance(scripted, Exception):
            raise scripted
        return scripted


@dataclass(frozen=True)
class Trial:
    """A lane with a scripted target, and what it asked of its queue."""

    aws: Aws
    target: ScriptedTarget
    lane: Lane
    delays: list[tuple[str, int]]

    def outcome(self, event_id: str = "evt_1", subscription_id: str = "sub_1") -> Delivery:
        _, deliveries = self.aws.deliveries.of_event(event_id)
        return next(each for each in deliveries if each.subscription_id == subscription_id)


@pytest.fixture
def trial(aws: Aws, executor: Executor) -> Trial:
    target = ScriptedTarget()
    delays: list[tuple[str, int]] = []
    lane = Lane(
        target=target,
        subscriptions=SubscriptionCache(aws.subscriptions),
        events=aws.events,
        deliveries=aws.deliveries,
        delay=lambda receipt, seconds: delays.append((receipt, seconds)),
        attempts=ATTEMPTS,
        executor=executor,
    )
    return Trial(aws, target, lane, delays)


@pytest.fixture
def subscribed(aws: Aws) -> Subscription:
    return aws.subscriptions.create(subscription())


def received(carried: Message | str, attempt: int = 1) -> Received:
    if isinstance(carried, str):
        return Received(f"m-{carried}", f"r-{carried}", attempt, carried)
    return Received(f"m-{carried.event_id}", f"r-{carried.event_id}", attempt, carried.to_json())


def test_what_the_subscriber_took_is_done(trial: Trial, subscribed: Subscription) -> None:
    sent = event(payload={"a": 1})
    assert trial.lane.process([received(message(sent, subscribed))]) == []
    assert trial.target.delivered == [(sent, subscribed)]
    outcome = trial.outcome()
    assert (outcome.status, outcome.attempts, outcome.service_id) == ("delivered", 1, "worker")
    assert outcome.delivered_at == outcome.updated_at
    assert outcome.last_error is None
    assert trial.delays == []


@pytest.mark.parametrize(
    ("attempt", "status"), [(1, "retrying"), (2, "retrying"), (3, "exhausted"), (4, "exhausted")]
)
def test_a_failure_comes_again_until_the_last_attempt(
    trial: Trial, subscribed: Subscription, attempt: int, status: str
) -> None:
    trial.target.script["evt_1"] = REFUSED
    kept = trial.lane.process([received(message(event(), subscribed), attempt)])
    assert kept == ["m-evt_1"]
    outcome = trial.outcome()
    assert (outcome.status, outcome.attempts) == (status, attempt)
    assert outcome.last_error == {"code": REFUSED.code, "message": REFUSED.message}
    assert outcome.delivered_at is None
    [(receipt, delay)] = trial.delays
    assert receipt == "r-evt_1"
    assert (delay == 0) is (status == "exhausted")


def test_a_success_after_failures_is_a_success(trial: Trial, subscribed: Subscription) -> None:
    trial.target.script["evt_1"] = REFUSED
    trial.lane.process([received(message(event(), subscribed), 1)])
    trial.target.script.clear()
    assert trial.lane.process([received(message(event(), subscribed), 2)]) == []
    outcome = trial.outcome()
    assert (outcome.status, outcome.attempts, outcome.last_error) == ("delivered", 2, None)


def test_a_repeated_message_does_not_undo_a_success(trial: Trial, subscribed: Subscription) -> None:
    trial.lane.process([received(message(event(), subscribed), 1)])
    trial.target.script["evt_1"] = REFUSED
    trial.lane.process([received(message(event(), subscribed), 2)])
    assert trial.outcome().status == "delivered"


def test_what_nobody_waits_for_any_more_is_dropped(
    trial: Trial, aws: Aws, subscribed: Subscription
) -> None:
    aws.subscriptions.delete(subscribed)
    assert trial.lane.process([received(message(event(), subscribed))]) == []
    assert trial.target.delivered == []
    outcome = trial.outcome()
    assert outcome.status == "dropped"
    assert outcome.last_error is not None
    assert outcome.last_error["code"] == "subscription_deleted"


def test_a_large_event_is_read_from_where_it_lies(
    trial: Trial, aws: Aws, subscribed: Subscription
) -> None:
    large = event(payload=LARGE_PAYLOAD)
    aws.events.put(large, RETENTION_DAYS)
    assert trial.lane.process([received(message(large, subscribed))]) == []
    assert trial.target.delivered == [(large, subscribed)]


def test_an_event_that_expired_is_dropped(trial: Trial, subscribed: Subscription) -> None:
    assert trial.lane.process([received(message(event(payload=LARGE_PAYLOAD), subscribed))]) == []
    outcome = trial.outcome()
    assert outcome.status == "dropped"
    assert outcome.last_error is not None
    assert outcome.last_error["code"] == "event_expired"


def test_a_disabled_subscription_waits(trial: Trial, aws: Aws, subscribed: Subscription) -> None:
    disabled = aws.subscriptions.update(replace(subscribed, status="disabled"))
    assert trial.lane.process([received(message(event(), disabled))]) == ["m-evt_1"]
    assert trial.target.delivered == []
    outcome = trial.outcome()
    assert outcome.status == "retrying"
    assert outcome.last_error is not None
    assert outcome.last_error["code"] == "subscription_disabled"


@pytest.mark.parametrize("body", ["", "{}", "null", "not json"])
def test_an_unreadable_message_is_kept_and_the_others_delivered(
    trial: Trial, subscribed: Subscription, body: str
) -> None:
    batch = [received(body), received(message(event(), subscribed))]
    assert trial.lane.process(batch) == [f"m-{body}"]
    assert trial.outcome().status == "delivered"


def test_a_batch_of_unreadable_messages_is_kept(trial: Trial) -> None:
    assert trial.lane.process([received("a"), received("b")]) == ["m-a", "m-b"]


def test_a_target_that_raises_harms_its_own_message_alone(
    trial: Trial, subscribed: Subscription
) -> None:
    trial.target.script["evt_2"] = ZeroDivisionError()
    batch = [received(message(event(f"evt_{number}"), subscribed)) for number in (1, 2, 3)]
    assert trial.lane.process(batch) == ["m-evt_2"]
    assert trial.outcome("evt_1").status == trial.outcome("evt_3").status == "delivered"


def test_a_record_that_fails_has_its_message_come_again(
    trial: Trial, aws: Aws, subscribed: Subscription
) -> None:
    batch = [received(message(event(f"evt_{number}"), subscribed)) for number in (1, 2, 3)]
    with not_sent(aws.dynamodb, "UpdateItem"):
        [kept] = trial.lane.process(batch)
    again = next(each for each in batch if each.id == kept)
    assert trial.lane.process([again]) == []
    assert {trial.outcome(f"evt_{number}").status for number in (1, 2, 3)} == {"delivered"}


def test_a_delay_that_fails_leaves_the_others_alone(trial: Trial, subscribed: Subscription) -> None:
    def refuse(receipt: str, seconds: int) -> None:
        raise ConnectionError

    trial.target.script["evt_1"] = REFUSED
    batch = [received(message(event(name), subscribed)) for name in ("evt_1", "evt_2")]
    assert replace(trial.lane, delay=refuse).process(batch) == ["m-evt_1"]
    assert trial.outcome("evt_2").status == "delivered"


def test_the_messages_of_a_batch_are_delivered_side_by_side(
    trial: Trial, subscribed: Subscription
) -> None:
    all_there = threading.Barrier(10)
    trial.target.meet = lambda: all_there.wait(5)
    batch = [received(message(event(f"evt_{number}"), subscribed)) for number in range(10)]
    assert trial.lane.process(batch) == []


def test_one_batch_serves_several_subscriptions(trial: Trial, aws: Aws) -> None:
    both = [aws.subscriptions.create(subscription(name)) for name in ("sub_1", "sub_2")]
    assert trial.lane.process([received(message(event(), each)) for each in both]) == []
    assert {to.id for _, to in trial.target.delivered} == {"sub_1", "sub_2"}
    assert trial.outcome(subscription_id="sub_2").status == "delivered"


@pytest.mark.parametrize("attempt", [1, 2, 5, 9, 10, 50, 5_000])
def test_the_wait_grows_within_its_bounds(attempt: int) -> None:
    ceiling: Any = min(900, 2**attempt)
    waits = {backoff(attempt) for _ in range(200)}
    assert min(waits) >= ceiling // 2
    assert max(waits) <= ceiling
    assert len(waits) > 1
