"""A function that stood still for long ends nothing that continues a stream, and repeats nothing.

Another function has received its message meanwhile, has let the event wait in the table, and so has
deleted the message.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from event_bus import times
from event_bus.delivery.circuits import CACHE_SECONDS
from event_bus.delivery.queue_message import QueueMessage
from event_bus.delivery.steps import LEASE_SECONDS
from event_bus.model.circuit import Circuit
from event_bus.model.retry_policy import RetryPolicy
from event_bus.model.subscription import DeliveryGuarantee, Subscription
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import Message
from event_bus.queues.sending import NotSent
from event_bus.stores.cursors import CursorStore
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.streams import StreamStore
from event_bus.targets.inbox import InboxTarget, InboxTransport

from tests.aws import Aws
from tests.builders import event, message, replay, subscription
from tests.unit.event_bus.delivery.lanes import REFUSED, LaneRun, queue_message, run
from tests.unit.event_bus.delivery.ordered_streams import make_due, ordered, overtaken, store

__all__ = ["run"]

LATE = RetryPolicy(schedule=[3_600], max_attempts=3)

SLOW = RetryPolicy(schedule=[600], max_attempts=3)


def _broken(*_: object, **__: object) -> Any:
    raise ConnectionError("no answer")


def _lapsed(aws: Aws) -> None:
    """Ends the leases of all cursors."""
    for item in aws.dynamodb.scan(TableName=aws.tables["cursors"])["Items"]:
        aws.dynamodb.update_item(
            TableName=aws.tables["cursors"],
            Key={"owner": item["owner"], "name": item["name"]},
            UpdateExpression="SET held_until = :past",
            ExpressionAttributeValues={":past": {"N": "0"}},
        )


def _fails(run: LaneRun, aws: Aws, asked: Message, _to: Subscription) -> None:
    run.target.script[asked.event_id] = REFUSED
    assert run.take(asked) == []
    del run.target.script[asked.event_id]


def _pauses(run: LaneRun, aws: Aws, asked: Message, to: Subscription) -> None:
    paused = aws.subscriptions.update(replace(to, status="paused"))
    assert run.take(replace(asked, subscription_version=paused.version)) == []


def _stands_still(
    run: LaneRun,
    aws: Aws,
    asked: Message,
    to: Subscription,
    other: Callable[[LaneRun, Aws, Message, Subscription], None],
    then: Callable[[], None],
) -> None:
    """Lets another function take a message while the attempt of that message is made."""

    def meet() -> None:
        run.target.meet = lambda: None
        _lapsed(aws)
        other(run, aws, asked, to)
        assert run.outcome(asked.event_id, replay=asked.replay_id).waiting
        assert run.sent() == []
        then()

    run.target.meet = meet


@pytest.mark.parametrize("other", [_fails, _pauses])
def test_a_message_is_sent_before_a_wait_ends(
    run: LaneRun,
    aws: Aws,
    monkeypatch: pytest.MonkeyPatch,
    other: Callable[[LaneRun, Aws, Message, Subscription], None],
) -> None:
    to, (first, _) = ordered(aws, retry_policy=LATE), store(aws, "evt_1", "evt_2")
    asked = message(first, to)
    with monkeypatch.context() as patch:
        # The function fails before it continues the stream, or sends what follows.
        fail = partial(patch.setattr, CursorStore, "release", _broken)
        _stands_still(run, aws, asked, to, other, fail)
        assert run.take(asked) == [queue_message(asked).id]
    assert run.outcome("evt_1").status == "delivered"
    [following] = run.sent()
    assert (following.event_id, following.delay) == ("evt_1", 60)
    _lapsed(aws)
    current = aws.subscriptions.get("sub_1")
    assert current
    aws.subscriptions.update(replace(current, status="active"))
    run.now[0] += 60
    assert run.take(following) == []
    assert run.outcome("evt_2").status == "delivered"


@pytest.mark.parametrize("guarantee", ["exactly_once", "at_most_once", "at_least_once"])
def test_an_attempt_is_not_made_if_another_function_may_repeat_it(
    run: LaneRun,
    aws: Aws,
    monkeypatch: pytest.MonkeyPatch,
    guarantee: DeliveryGuarantee,
) -> None:
    to = aws.subscriptions.create(subscription(delivery_guarantee=guarantee))
    probed = Circuit("open", until=times.unix() - 1, version=1)
    assert aws.circuits.put(to.id, probed)
    later = times.unix() + LEASE_SECONDS

    def stand_still(_: object) -> str:
        monkeypatch.setattr(times, "unix", lambda: later)
        return "between its claim and its attempt"

    monkeypatch.setattr(run.target, "batch_key", stand_still)
    assert run.take(message(event(), to)) == []
    if guarantee != "exactly_once":
        assert run.target.events == ["evt_1"]
        return
    assert run.target.events == []
    assert run.outcome().status == "pending"
    [again] = run.sent()
    assert (again.attempt, again.delay) == (1, LEASE_SECONDS)
    # The next attempt may probe the circuit.
    assert aws.circuits.get_many([to.id])[to.id].until == later
    later += LEASE_SECONDS
    monkeypatch.setattr(run.target, "batch_key", lambda request: request.key)
    run.now[0] += CACHE_SECONDS
    assert run.take(again) == []
    assert (run.outcome().status, run.target.events) == ("delivered", ["evt_1"])


def test_a_replay_continues_up_to_its_last_message(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, (first, second) = ordered(aws, retry_policy=LATE), store(aws, "evt_1", "evt_2")
    aws.replays.add(replay())
    asked = replace(message(first, to), replay_id="rpl_1")

    def other(run: LaneRun, aws: Aws, asked: Message, to: Subscription) -> None:
        _fails(run, aws, asked, to)
        assert run.take(replace(message(second, to), replay_id="rpl_1")) == []

    with monkeypatch.context() as patch:
        fail = partial(patch.setattr, CursorStore, "release", _broken)
        _stands_still(run, aws, asked, to, other, fail)
        run.take(asked)
    _lapsed(aws)
    [following] = run.sent()
    assert run.take(following) == []
    assert run.outcome("evt_2", replay="rpl_1").status == "delivered"


def test_a_wait_does_not_end_if_the_message_cannot_be_sent(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, (first, _) = ordered(aws, retry_policy=LATE), store(aws, "evt_1", "evt_2")
    asked = message(first, to)

    def refuse(_lanes: Lanes, messages: list[Message]) -> list[Message]:
        if messages:
            raise NotSent("throttled")
        return []

    with monkeypatch.context() as patch:
        _stands_still(*(run, aws, asked, to, _fails), partial(patch.setattr, Lanes, "send", refuse))
        run.take(asked)
    stands = run.outcome("evt_1")
    assert (stands.status, stands.waiting) == ("retrying", True)


def test_no_message_is_sent_if_its_own_message_continues_a_stream(run: LaneRun, aws: Aws) -> None:
    to, (first, _) = ordered(aws), store(aws, "evt_1", "evt_2")
    run.target.script["evt_1"] = REFUSED
    run.take(message(first, to))
    [retry] = run.sent()
    run.target.script.clear()
    make_due(aws, "evt_1")
    run.take(retry)
    assert run.outcome("evt_1").status == "delivered"
    assert run.sent() == []


def test_a_new_message_follows_a_walk_that_fails_after_its_lease(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, (_, second) = ordered(aws), store(aws, "evt_1", "evt_2")
    asked = message(second, to)
    with monkeypatch.context() as patch:
        patch.setattr(CursorStore, "release", overtaken())
        patch.setattr(StreamStore, "after", _broken)
        assert run.take(asked) == []
    assert run.sent() == [replace(asked, origin=queue_message(asked).id)]


def test_a_new_message_sends_the_retry_that_a_walk_recorded_after_its_lease(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = DeliveryStore.record

    def answer_lost(*arguments: Any, **named: Any) -> Any:
        record(*arguments, **named)
        raise ConnectionError("no answer")

    to, (_, second) = ordered(aws, retry_policy=SLOW), store(aws, "evt_1", "evt_2")
    run.target.script["evt_1"] = REFUSED
    with monkeypatch.context() as patch:
        patch.setattr(CursorStore, "release", overtaken())
        patch.setattr(DeliveryStore, "record", answer_lost)
        assert run.take(message(second, to)) == []
    [again] = run.sent()
    _lapsed(aws)
    assert run.lane.process([QueueMessage("m-again", 1, again.to_json())]) == []
    [retry] = run.sent()
    assert (retry.event_id, retry.attempt, retry.delay > 0) == ("evt_1", 2, True)


def test_the_retry_of_a_walk_follows_although_its_lease_has_ended(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without it, the failed delivery would wait until its message counts as lost.
    to, (_, second) = ordered(aws), store(aws, "evt_1", "evt_2")
    run.target.script["evt_1"] = REFUSED
    with monkeypatch.context() as patch:
        patch.setattr(CursorStore, "release", overtaken())
        assert run.take(message(second, to)) == []
    [retry] = run.sent()
    assert (retry.event_id, retry.attempt, retry.delay > 0) == ("evt_1", 2, True)


@pytest.mark.parametrize(("late", "entries"), [(LEASE_SECONDS - 5, 1), (LEASE_SECONDS + 5, 0)])
def test_a_function_fills_no_inbox_after_its_claim_has_ended(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch, late: float, entries: int
) -> None:
    """Another function may have filled it with later events meanwhile."""
    to = aws.subscriptions.create(
        subscription(
            delivery_guarantee="exactly_once", target=InboxTarget("pull"), retry_policy=SLOW
        )
    )
    deliver, unix = InboxTransport.deliver, times.unix

    def stand_still(*arguments: Any) -> Any:
        monkeypatch.setattr(times, "unix", lambda: unix() + late)
        return deliver(*arguments)

    monkeypatch.setattr(InboxTransport, "deliver", stand_still)
    runner = replace(run.lane.runner, transport=InboxTransport(aws.inboxes))
    assert replace(run.lane, runner=runner).process([queue_message(message(event(), to))]) == []
    assert len(aws.inboxes.after(to.id, 0, 10)) == entries
