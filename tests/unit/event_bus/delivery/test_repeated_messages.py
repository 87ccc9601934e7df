"""Messages that the queue hands over again: an attempt is made once, and its retry follows."""

from concurrent.futures import Executor
from dataclasses import replace
from itertools import cycle

import pytest
from event_bus import times
from event_bus.delivery.circuits import Circuits
from event_bus.delivery.hand_over import HandOver
from event_bus.delivery.lane import LaneRunner
from event_bus.delivery.pacing import Turns
from event_bus.delivery.queue_message import QueueMessage
from event_bus.model.enrichment import StaticSource
from event_bus.model.pace import Pace
from event_bus.model.retry_policy import RetryPolicy
from event_bus.queues.lanes import MAX_RECEIVES, Lanes
from event_bus.targets.answer_times import AnswerTimes

from tests.aws import Aws
from tests.builders import delivery, event, message, subscription
from tests.unit.event_bus.delivery.lanes import REFUSED, LaneRun, queue_message, run
from tests.unit.event_bus.delivery.ordered_streams import ordered, store

__all__ = ["run"]

RECORDS = pytest.mark.parametrize(
    ("status", "attempts", "made"),
    [
        (None, 0, False),
        ("retrying", 1, False),
        ("retrying", 2, True),
        ("delivered", 2, True),
        ("delivered", 1, True),
    ],
)


def record(aws: Aws, status: str | None, attempts: int) -> None:
    """Records the delivery of evt_1 as it stands when the message of its second attempt comes."""
    if status is not None:
        aws.deliveries.record(delivery(status, attempts=attempts), attempts)  # type: ignore[arg-type]


@RECORDS
def test_a_repeated_message_is_enriched_unless_its_attempt_was_made(
    run: LaneRun, aws: Aws, executor: Executor, status: str | None, attempts: int, made: bool
) -> None:
    to = aws.subscriptions.create(subscription(enrichment={"region": StaticSource(json='"eu"')}))
    record(aws, status, attempts)
    own = aws.queue()
    lanes = Lanes(aws.sqs, {"http": run.url, "enrich": own}, executor)
    sent = queue_message(message(event(), to, attempt=2), receives=2)
    assert replace(run.lane, lanes=lanes).process([sent]) == []
    assert run.target.events == []
    assert len(aws.sent_on(own)) == (0 if made else 1)


@RECORDS
def test_a_repeated_message_moves_to_the_paced_lane_unless_its_attempt_was_made(
    aws: Aws, status: str | None, attempts: int, made: bool
) -> None:
    to = aws.subscriptions.create(subscription(max_in_flight=1))
    record(aws, status, attempts)
    circuits, asked = Circuits(aws.circuits), message(event(), to, attempt=2, delay=7)
    circuits.look_up([to.id])
    batch = [(queue_message(asked, receives=2), asked)]
    moved = HandOver(circuits, aws.paces, aws.deliveries).plan(batch, {to.id: to}).moved
    assert moved == ({} if made else {0: replace(asked, lane_kind="paced", delay=0)})


@RECORDS
def test_a_repeated_message_takes_a_turn_unless_its_attempt_was_made(
    aws: Aws, status: str | None, attempts: int, made: bool
) -> None:
    to = aws.subscriptions.create(subscription(max_in_flight=1))
    record(aws, status, attempts)
    circuits, asked = Circuits(aws.circuits), message(event(), to, attempt=2)
    circuits.look_up([to.id])
    turns = Turns(circuits, aws.paces, aws.deliveries, AnswerTimes(), functions=2)
    plan = turns.plan([(queue_message(asked, receives=2), asked)], {to.id: to})
    assert (plan.moved, plan.side_by_side) == ({}, {} if made else {to.id: 1})


class ProcessExit(BaseException):
    """The process of the function has ended."""


def test_a_message_that_crashes_and_waits_by_turns_is_given_up(
    run: LaneRun, aws: Aws, executor: Executor
) -> None:
    def crash() -> None:
        raise ProcessExit

    run.target.meet = crash
    to = aws.subscriptions.create(subscription(max_in_flight=1))
    asked, receives, crashes = message(event(), to), 1, 0
    for occupied in cycle((False, True)):
        leases = {"fn_1": (times.unix() + 60, 1)} if occupied else {}
        aws.paces.put_anew(to.id, Pace(leases=leases, version=1))
        try:
            kept = _paced(run, aws, executor).process([queue_message(asked, receives)])
        except ProcessExit:
            crashes += 1
            kept = ["m-evt_1-1"]
        if kept:
            receives += 1
        else:
            [asked], receives = run.sent(), 1
        assert crashes <= 2 * MAX_RECEIVES
        if receives > MAX_RECEIVES:
            # The queue moves it to the redrive queue.
            break
    assert crashes >= MAX_RECEIVES


@pytest.mark.parametrize(("before", "receives", "then"), [(0, 1, 0), (0, 4, 3), (2, 3, 4)])
def test_a_message_that_waits_keeps_count_of_its_receipts(
    run: LaneRun, aws: Aws, executor: Executor, before: int, receives: int, then: int
) -> None:
    to = aws.subscriptions.create(subscription(max_in_flight=1))
    assert aws.paces.put(to.id, Pace(leases={"fn_1": (times.unix() + 60, 1)}, version=1))
    sent = queue_message(message(event(), to, receives=before), receives)
    assert _paced(run, aws, executor).process([sent]) == []
    assert [each.receives for each in run.sent()] == [then]


def test_the_queue_keeps_a_message_that_was_received_too_often_to_wait(
    run: LaneRun, aws: Aws, executor: Executor
) -> None:
    to = aws.subscriptions.create(subscription(max_in_flight=1))
    assert aws.paces.put(to.id, Pace(leases={"fn_1": (times.unix() + 60, 1)}, version=1))
    sent = queue_message(message(event(), to, receives=MAX_RECEIVES))
    assert _paced(run, aws, executor).process([sent]) == [sent.id]
    assert run.sent() == []


def test_a_message_that_was_sent_back_sends_the_retry_of_an_earlier_event(
    run: LaneRun, aws: Aws
) -> None:
    to = ordered(aws, retry_policy=RetryPolicy(schedule=[600], max_attempts=2))
    _, second = store(aws, "evt_1", "evt_2")
    stream = second.stream
    assert stream
    run.target.script["evt_1"] = REFUSED
    asked = message(second, to)
    assert run.take(asked) == []
    # The function crashes here, so the queue hands the message over again.
    [unsent] = run.sent()
    receives = 2
    for number in range(3):
        held = aws.cursors.hold(to.id, stream.key, "another", 60)
        assert held
        waits = QueueMessage(
            queue_message(asked).id if number == 0 else f"m-{number}", receives, asked.to_json()
        )
        assert run.lane.process([waits]) == []
        [asked], receives = run.sent(), 1
        assert aws.cursors.release(held, held.position)
    assert run.lane.process([QueueMessage("m-last", receives, asked.to_json())]) == []
    [retry] = run.sent()
    assert (unsent.event_id, unsent.attempt) == ("evt_1", 2)
    assert (retry.event_id, retry.attempt, retry.delay > 0) == ("evt_1", 2, True)


def test_a_walk_of_the_same_batch_does_not_send_the_retry_of_another_message(
    run: LaneRun, aws: Aws
) -> None:
    to = ordered(aws, retry_policy=RetryPolicy(schedule=[600], max_attempts=2))
    _, second, third = store(aws, "evt_1", "evt_2", "evt_3")
    run.target.script["evt_1"] = REFUSED
    asked = message(second, to)
    assert run.take(asked) == []
    run.sent()
    # Its function lost the cursor before it sent the retry, and sent this message instead.
    again = replace(asked, origin=queue_message(asked).id)
    batch = [queue_message(message(third, to)), QueueMessage("m-again", 1, again.to_json())]
    assert run.lane.process(batch) == []
    assert [(each.event_id, each.attempt) for each in run.sent()] == [("evt_1", 2)]


def test_a_message_that_waits_for_a_newer_subscription_keeps_its_history(
    run: LaneRun, aws: Aws
) -> None:
    to, [first] = ordered(aws), store(aws, "evt_1")
    assert first.stream
    # Another function has seen a newer version than this one has cached.
    held = aws.cursors.hold(to.id, f"rpl_1#{first.stream.key}", "another", 60)
    assert held
    aws.cursors.release(held, f"0 1 {to.version + 1}")
    sent = queue_message(message(first, to, replay_id="rpl_1"), receives=3)
    assert run.lane.process([sent]) == []
    [again] = run.sent()
    assert (again.subscription_version, again.delay) == (to.version + 1, 1)
    assert (again.receives, again.origin) == (2, sent.id)


def test_a_message_that_was_sent_back_at_its_first_receipt_knows_no_record(
    run: LaneRun, aws: Aws
) -> None:
    to, [only] = ordered(aws), store(aws, "evt_1")
    stream = only.stream
    assert stream
    assert aws.cursors.hold(to.id, stream.key, "another", 60)
    assert run.take(message(only, to)) == []
    assert [(each.receives, each.origin) for each in run.sent()] == [(0, "")]


def _paced(run: LaneRun, aws: Aws, executor: Executor) -> LaneRunner:
    """The paced lane in a function that has just started."""
    circuits = Circuits(aws.circuits)
    turns = Turns(circuits, aws.paces, aws.deliveries, AnswerTimes(), functions=1)
    lanes = Lanes(aws.sqs, {"http_paced": run.url}, executor)
    return replace(run.lane, pacing=turns, circuits=circuits, lanes=lanes)
