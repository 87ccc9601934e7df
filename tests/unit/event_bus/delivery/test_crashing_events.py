"""An event of a stream at which the function of another message crashes each time."""

from dataclasses import replace
from itertools import cycle
from typing import Any

import pytest
from event_bus.model.retry_policy import RetryPolicy
from event_bus.queues.lanes import MAX_RECEIVES

from tests.aws import Aws
from tests.builders import message, routing, subscription
from tests.unit.event_bus.delivery.lanes import LaneRun, queue_message, run
from tests.unit.event_bus.delivery.replaying import replayed, start, store

__all__ = ["run"]


@pytest.mark.parametrize(("attempts", "end"), [(1, "exhausted"), (3, "retrying")])
def test_an_event_of_a_replay_that_crashes_its_function_becomes_a_dead_letter(
    run: LaneRun, aws: Aws, attempts: int, end: str
) -> None:
    policy = RetryPolicy(schedule=[5], max_attempts=attempts)
    to = aws.subscriptions.create(subscription(ordered=True, retry_policy=policy))
    events = store(aws, "evt_1", "evt_2", "evt_3")
    start(aws)
    # The first receipt delivered an event, and every one crashed at the next.
    aws.deliveries.record(delivered_of(events[0], to), 1)
    asked = replayed(events[2], to)
    assert run.take(asked, receives=MAX_RECEIVES) == []
    letter = run.outcome("evt_2", replay="rpl_1")
    assert (letter.status, letter.attempts) == (end, 1)
    assert run.error("evt_2", replay="rpl_1")[0] == "function_crashed"
    assert letter.dead_letter_id
    assert run.target.events == []
    sent = run.sent()
    if end == "retrying":
        # It waits in the table, and its next attempt continues the replay.
        assert letter.waiting
        assert sent == []
    else:
        assert [(each.event_id, each.delay) for each in sent] == [("evt_3", 0)]
        run.take(*sent)
        assert run.target.events == ["evt_3"]


def delivered_of(event: Any, to: Any) -> Any:
    first = replayed(event, to).first_record(event)
    return replace(first, status="delivered", attempts=1)


@pytest.mark.parametrize("receives", [1, MAX_RECEIVES - 1])
def test_earlier_receipts_make_the_attempt(run: LaneRun, aws: Aws, receives: int) -> None:
    to = aws.subscriptions.create(subscription(ordered=True))
    events = store(aws, "evt_1", "evt_2")
    start(aws)
    run.take(replayed(events[1], to), receives=receives)
    assert run.target.events == ["evt_1", "evt_2"]


def test_the_last_receipt_attempts_the_event_of_the_message(run: LaneRun, aws: Aws) -> None:
    # The redrive queue records this one.
    to = aws.subscriptions.create(subscription(ordered=True))
    [only] = store(aws, "evt_1")
    start(aws)
    run.take(replayed(only, to), receives=MAX_RECEIVES)
    assert run.target.events == ["evt_1"]


def test_an_event_without_a_message_of_its_own_becomes_a_dead_letter(
    run: LaneRun, aws: Aws
) -> None:
    # While the first event waited for its retry, the messages of the others ended.
    once = RetryPolicy(max_attempts=1)
    to = aws.subscriptions.create(subscription(ordered=True, retry_policy=once))
    first, *_ = stored = store(aws, "evt_1", "evt_2", "evt_3")
    aws.routings.record([routing(each.id, sub_1="worker") for each in stored])
    aws.deliveries.record(replace(message(first, to).first_record(first), status="delivered"), 1)
    assert run.take(message(first, to), receives=MAX_RECEIVES) == []
    assert run.error("evt_2")[0] == "function_crashed"
    assert run.take(*run.sent()) == []
    assert run.target.events == ["evt_3"]


def test_an_event_that_no_earlier_receipt_has_reached_is_attempted(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription(ordered=True))
    first, second = store(aws, "evt_1", "evt_2")
    aws.routings.record([routing(each.id, sub_1="worker") for each in (first, second)])
    assert run.take(message(first, to), receives=MAX_RECEIVES) == []
    assert run.target.events == ["evt_1", "evt_2"]


class ProcessExit(BaseException):
    """The process of the function has ended."""


@pytest.mark.parametrize("own", [False, True])
def test_a_crash_is_recorded_if_another_function_holds_the_cursor_by_turns(
    run: LaneRun, aws: Aws, own: bool
) -> None:
    def crash() -> None:
        raise ProcessExit

    run.target.meet = crash
    to = aws.subscriptions.create(subscription(ordered=True))
    first, second = store(aws, "evt_1", "evt_2")
    aws.routings.record([routing(each.id, sub_1="worker") for each in (first, second)])
    stream = first.stream
    assert stream
    asked, receives, crashes = message(first if own else second, to), 1, 0
    for is_held in cycle((False, True)):
        # The lease of a function that crashed ends before its message comes again.
        _free(aws, to.id, stream.key)
        if is_held:
            assert aws.cursors.hold(to.id, stream.key, "another", 60)
        try:
            assert run.lane.process([queue_message(asked, receives)]) == []
        except ProcessExit:
            crashes += 1
            receives += 1
            assert crashes <= MAX_RECEIVES
            continue
        if not is_held:
            break
        [asked], receives = run.sent(), 1
    assert run.error("evt_1")[0] == "function_crashed"


def _free(aws: Aws, subscription_id: str, stream: str) -> None:
    """Ends the lease of a cursor."""
    aws.dynamodb.update_item(
        TableName=aws.tables["cursors"],
        Key={"owner": {"S": subscription_id}, "name": {"S": stream}},
        UpdateExpression="REMOVE held_until",
    )
