"""A message is attempted as often as the guarantee allows, and always leaves a record."""

import math
import random
from dataclasses import replace

import pytest
from event_bus import times
from event_bus.delivery.queue_message import QueueMessage
from event_bus.delivery.steps import AttemptResult, OwedDelivery, StepOrder
from event_bus.model.circuit import Circuit
from event_bus.model.delivery import DeliveryKey
from event_bus.model.outcome import Outcome
from event_bus.model.retry_policy import RetryPolicy

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import LARGE_PAYLOAD, LATER, NOON, delivery, event, message, subscription
from tests.unit.event_bus.delivery.lanes import REFUSED, LaneRun, queue_message, run

__all__ = ["run"]

SOON = RetryPolicy(schedule=[5], max_attempts=3)
LATE = RetryPolicy(schedule=[3_600], max_attempts=3)


def test_an_accepted_delivery_has_ended(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription())
    assert run.take(message(event(), to)) == []
    done = run.outcome()
    assert (done.status, done.attempts, done.service_id) == ("delivered", 1, "worker")
    assert (done.last_error, done.next_retry_at, done.dead_letter_id) == (None, None, None)
    [attempt] = done.log
    assert (attempt.number, attempt.code, attempt.status_code) == (1, None, 204)
    assert run.sent() == []


def test_an_attempt_is_recorded_with_its_time_and_duration(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, now = aws.subscriptions.create(subscription(retry_policy=SOON)), [5.0]

    def take_long() -> None:
        now[0] += 1.2345
        monkeypatch.setattr(times, "now", lambda: LATER)

    run.target.meet = take_long
    run.target.script["evt_1"] = replace(REFUSED, response="no")
    monkeypatch.setattr(times, "now", lambda: NOON)
    runner = replace(run.lane.runner, clock=lambda: now[0])
    replace(run.lane, runner=runner).process([queue_message(message(event(), to))])
    [attempt] = run.outcome().log
    assert (attempt.at, attempt.duration_ms) == (NOON, 1_234)
    assert (attempt.code, attempt.message) == (REFUSED.code, REFUSED.message)
    assert (attempt.status_code, attempt.response) == (500, "no")


def test_a_failure_is_followed_by_a_message_until_the_last_attempt(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription(retry_policy=SOON))
    run.target.script["evt_1"] = REFUSED
    for attempt in (1, 2):
        run.take(message(event(), to, attempt=attempt))
        failed = run.outcome()
        assert (failed.status, failed.attempts) == ("retrying", attempt)
        assert failed.next_retry_at
        assert 3 < times.seconds(failed.next_retry_at) - times.unix() < 7
        assert not failed.dead_letter_id
    run.take(message(event(), to, attempt=3))
    last = run.outcome()
    assert (last.status, last.attempts, last.next_retry_at) == ("exhausted", 3, None)
    assert last.dead_letter_id
    assert [each.number for each in last.log] == [1, 2, 3]


def test_a_retry_beyond_the_longest_delay_waits_as_a_dead_letter(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription(retry_policy=LATE))
    run.target.script["evt_1"] = REFUSED
    run.take(message(event(), to))
    waiting = run.outcome()
    assert (waiting.status, waiting.waiting) == ("retrying", True)
    assert waiting.dead_letter_id
    assert run.sent() == []


def test_a_subscriber_that_asks_to_be_left_alone_is_until_then(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription(retry_policy=SOON))
    run.target.script["evt_1"] = replace(REFUSED, status_code=429, retry_after=600.0)
    run.take(message(event(), to))
    asked = run.outcome()
    assert asked.next_retry_at
    assert 595 < times.seconds(asked.next_retry_at) - times.unix() <= 720
    [retry] = run.sent()
    assert 595 < retry.delay <= 720


@pytest.mark.parametrize("seconds", [0.01, 1.2, 7.49, 7.51, 899.9999, 900.0])
def test_no_attempt_comes_before_the_time_that_a_subscriber_asked_for(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr(times, "unix", lambda: 1_800_000_000.0)
    # The shortest wait of those that chance permits.
    monkeypatch.setattr(random, "uniform", lambda shortest, _: shortest)
    to = aws.subscriptions.create(subscription(retry_policy=RetryPolicy(schedule=[0])))
    run.target.script["evt_1"] = replace(REFUSED, status_code=429, retry_after=seconds)
    run.take(message(event(), to))
    [retry] = run.sent()
    assert retry.delay == math.ceil(seconds)


@pytest.mark.parametrize(
    ("status", "errors", "ended"),
    [
        (404, "final", "exhausted"),
        (302, "final", "exhausted"),
        (404, "retry", "retrying"),
        (409, "final", "retrying"),
        (429, "final", "retrying"),
        (500, "final", "retrying"),
    ],
)
def test_a_client_error_is_final_where_the_policy_says_so(
    run: LaneRun, aws: Aws, status: int, errors: str, ended: str
) -> None:
    policy = replace(SOON, client_errors=errors)  # type: ignore[arg-type]
    to = aws.subscriptions.create(subscription(retry_policy=policy))
    run.target.script["evt_1"] = replace(REFUSED, status_code=status)
    run.take(message(event(), to))
    assert run.outcome().status == ended


def test_a_message_that_was_not_finished_is_not_attempted_again(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription(retry_policy=SOON))
    run.target.script["evt_1"] = REFUSED
    own = delivery("retrying", written_by="m-evt_1-1", next_retry_at=times.now())
    aws.deliveries.record(own, 1)
    run.take(message(event(), to), receives=2)
    assert run.target.attempted == []
    assert [each.attempt for each in run.sent()] == [2]


@pytest.mark.parametrize("status", ["delivered", "exhausted", "dropped"])
@pytest.mark.parametrize(("attempt", "receives"), [(1, 2), (2, 1)])
def test_a_settled_delivery_is_not_attempted_again(
    run: LaneRun, aws: Aws, status: str, attempt: int, receives: int
) -> None:
    to = aws.subscriptions.create(subscription())
    aws.deliveries.record(delivery(status), 1)  # type: ignore[arg-type]
    assert run.take(message(event(), to, attempt=attempt), receives=receives) == []
    assert run.target.attempted == []
    assert run.sent() == []


def test_of_two_messages_about_one_attempt_only_one_is_followed(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription(retry_policy=SOON))
    run.target.script["evt_1"] = REFUSED
    made = delivery("retrying", written_by="another", next_retry_at=times.now())
    aws.deliveries.record(made, 1)
    run.take(message(event(), to))
    assert run.target.events == ["evt_1"]
    assert run.sent() == []
    assert run.outcome().written_by == "another"


def test_the_attempt_of_another_message_is_followed_by_none_of_this(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription(retry_policy=SOON))
    made = delivery("retrying", written_by="another", next_retry_at=times.now())
    aws.deliveries.record(made, 1)
    for receives in (2, 3):
        assert run.take(message(event(), to), receives=receives) == []
    assert run.target.attempted == []
    assert run.sent() == []


def test_a_large_event_is_read_from_where_it_lies(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription())
    large = event(payload=LARGE_PAYLOAD)
    aws.events.put(large, RETENTION_DAYS)
    assert run.take(message(large, to)) == []
    assert run.outcome().status == "delivered"


def test_no_step_has_an_event_without_its_payload(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription())
    large = event(payload=LARGE_PAYLOAD)
    aws.events.put(large, RETENTION_DAYS)
    order = StepOrder(QueueMessage("msg_1", 1, ""), message(large, to), to)
    owed = run.lane.runner.owed(order, replace(large, payload=None), None)
    assert isinstance(owed, OwedDelivery)
    assert owed.event.payload == large.payload
    aws.lose_payload(large.id)
    ended = run.lane.runner.owed(order, replace(large, payload=None), None)
    assert isinstance(ended, AttemptResult)
    assert run.error() == ("event_expired", "the event's retention ended")


def test_an_event_whose_payload_is_lost_has_expired(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription())
    large = event(payload=LARGE_PAYLOAD)
    aws.events.put(large, RETENTION_DAYS)
    aws.lose_payload(large.id)
    assert run.take(message(large, to)) == []
    assert run.outcome().status == "dropped"
    assert run.error() == ("event_expired", "the event's retention ended")
    assert run.target.attempted == []


def test_an_unowed_delivery_is_dropped(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription())
    run.take(replace(message(event("evt_2"), to), event=None))
    aws.subscriptions.delete(to)
    run.now[0] += 60
    run.take(message(event(), to))
    assert run.target.attempted == []
    assert run.outcome("evt_1").status == run.outcome("evt_2").status == "dropped"
    assert run.error("evt_1") == ("subscription_deleted", "the subscription was deleted")
    assert run.error("evt_2") == ("event_expired", "the event's retention ended")


def test_a_delivery_of_a_disabled_subscription_waits_for_a_person(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription(status="disabled"))
    run.take(message(event(), to))
    assert run.target.attempted == []
    assert run.outcome().status == "exhausted"
    assert run.outcome().dead_letter_id
    assert run.error() == ("subscription_disabled", "the subscription is disabled")


def test_an_attempt_records_what_was_not_known_of_its_event(run: LaneRun, aws: Aws) -> None:
    # A function that kept crashing left its message to another one, which knew only its ids.
    to = aws.subscriptions.create(subscription(retry_policy=SOON))
    aws.deliveries.record(delivery("retrying", stored_at="", stream=""), 1)
    about = event(metadata={"stream_id": "task/1"})
    run.target.script["evt_1"] = REFUSED
    run.take(message(about, to, attempt=2))
    failed = run.outcome()
    assert (failed.stored_at, failed.stream) == (about.created_at, "planner\ntask/1")


def test_a_retry_without_a_record_counts_the_attempts_before_it(run: LaneRun, aws: Aws) -> None:
    # The record of the first attempt may have expired.
    to = aws.subscriptions.create(subscription(retry_policy=SOON))
    aws.subscriptions.update(replace(to, status="disabled"))
    run.take(message(event(), to, attempt=3))
    assert (run.outcome().status, run.outcome().attempts) == ("exhausted", 2)


class TestAtMostOnce:
    def test_a_failure_is_dropped_and_no_dead_letter(self, run: LaneRun, aws: Aws) -> None:
        to = aws.subscriptions.create(subscription(delivery_guarantee="at_most_once"))
        run.target.script["evt_1"] = REFUSED
        run.take(message(event(), to))
        dropped = run.outcome()
        assert (dropped.status, dropped.attempts) == ("dropped", 1)
        assert dropped.dead_letter_id is None
        assert run.sent() == []

    def test_an_attempt_that_was_cut_off_is_not_repeated(self, run: LaneRun, aws: Aws) -> None:
        to = aws.subscriptions.create(subscription(delivery_guarantee="at_most_once"))
        aws.claims.take(delivery("pending"), "another", 60, once=True)
        run.take(message(event(), to), receives=2)
        # It may still be under way, so its message comes again when the claim has ended.
        [again] = run.sent()
        assert (again.attempt, 0 < again.delay <= 61) == (1, True)
        assert run.outcome().status == "pending"
        aws.claims.take(delivery("pending", event_id="evt_2"), "another", -1, once=True)
        run.take(message(event("evt_2"), to), receives=2)
        assert run.outcome("evt_2").status == "dropped"
        assert run.error("evt_2") == ("interrupted", "the only attempt was cut off")

    def test_an_attempt_may_last_until_the_very_end_of_its_claim(
        self, run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        to = aws.subscriptions.create(subscription(delivery_guarantee="at_most_once"))
        claim = aws.claims.take(delivery("pending"), "another", 60, once=True)
        assert claim
        monkeypatch.setattr(times, "unix", lambda: claim.lease_until - 0.5)
        run.take(message(event(), to), receives=2)
        assert run.outcome().status == "pending"
        assert run.target.attempted == []

    def test_an_open_circuit_drops_it(self, run: LaneRun, aws: Aws) -> None:
        to = aws.subscriptions.create(subscription(delivery_guarantee="at_most_once"))
        assert aws.circuits.put("sub_1", Circuit("open", until=times.unix() + 60, version=1))
        assert run.take(message(event(), to)) == []
        assert (run.outcome().status, run.outcome().attempts) == ("dropped", 0)
        assert run.error() == (
            "circuit_open",
            "too many attempts failed, so the circuit of the subscription is open",
        )
        assert run.target.attempted == []


class TestExactlyOnce:
    def test_a_repeated_first_message_is_not_attempted(
        self, run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        to = aws.subscriptions.create(subscription(delivery_guarantee="exactly_once"))
        # Nothing need be sent, even while the claim holds.
        monkeypatch.setattr(aws.sqs, "send_message_batch", None)
        for _ in range(3):
            assert run.take(message(event(), to)) == []
        assert run.target.events == ["evt_1"]

    def test_a_failure_is_tried_again_under_the_same_id(self, run: LaneRun, aws: Aws) -> None:
        to = aws.subscriptions.create(
            subscription(delivery_guarantee="exactly_once", retry_policy=SOON)
        )
        run.target.script["evt_1"] = REFUSED
        run.take(message(event(), to))
        run.target.script.clear()
        run.take(message(event(), to, attempt=2))
        assert run.outcome().status == "delivered"
        assert {key.webhook_id for key in run.target.attempted} == {"evt_1"}

    @pytest.mark.moto
    def test_a_message_of_a_claimed_delivery_comes_again(self, run: LaneRun, aws: Aws) -> None:
        to = aws.subscriptions.create(subscription(delivery_guarantee="exactly_once"))
        aws.claims.take(delivery("pending"), "another", 600, once=False)
        assert run.take(message(event(), to)) == []
        assert run.target.attempted == []
        [again] = run.sent()
        assert 0 < again.delay <= 601

    @pytest.mark.moto
    def test_a_stale_failure_neither_counts_nor_is_lost(self, run: LaneRun, aws: Aws) -> None:
        to = aws.subscriptions.create(
            subscription(delivery_guarantee="exactly_once", retry_policy=SOON)
        )
        run.target.script["evt_1"] = REFUSED
        run.target.meet = lambda: (
            aws.dynamodb.update_item(
                TableName=aws.tables["deliveries"],
                Key={"event_id": {"S": "evt_1"}, "subscription_id": {"S": "sub_1"}},
                UpdateExpression="SET lease_until = :zero",
                ExpressionAttributeValues={":zero": {"N": "0"}},
            ),
            aws.claims.take(delivery("pending"), "another", 600, once=False),
        )
        run.take(message(event(), to))
        assert (run.outcome().status, run.outcome().attempts) == ("pending", 0)
        # Should the other one crash, this message is still there.
        [again] = run.sent()
        assert 0 < again.delay <= 601


def test_a_replay_is_a_delivery_of_its_own(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription())
    run.take(message(event(), to))
    run.take(message(event(), to, replay_id="rpl_1"))
    assert run.target.attempted == [
        DeliveryKey("evt_1", "sub_1"),
        DeliveryKey("evt_1", "sub_1", "rpl_1"),
    ]
    assert run.outcome(replay="rpl_1").status == "delivered"


def test_a_delivery_that_cannot_be_sent_is_a_dead_letter_at_once(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription(retry_policy=SOON))
    said = "the expression yields no value"
    run.target.script["evt_1"] = Outcome("transform_failed", said, unsendable=True)
    run.take(message(event(), to))
    failed = run.outcome()
    assert (failed.status, failed.attempts, failed.next_retry_at) == ("exhausted", 1, None)
    assert failed.last_error
    assert (failed.last_error.code, failed.last_error.message) == ("transform_failed", said)
    assert failed.dead_letter_id
    # The subscriber is not at fault.
    assert aws.circuits.get_many(["sub_1"]) == {}
