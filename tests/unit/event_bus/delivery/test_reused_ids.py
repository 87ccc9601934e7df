"""An id is used again when the retention of its event has ended; old records may still be stored.

DynamoDB deletes expired items late, and a delivery expires later than its event.
"""

from dataclasses import replace

import pytest
from event_bus import times
from event_bus.model.delivery import Attempt, DeliveryStatus
from event_bus.model.outcome import Outcome
from event_bus.model.retry_policy import RetryPolicy
from event_bus.model.subscription import DeliveryGuarantee
from event_bus.queues.message import next_message

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import delivery, event, message, routing, subscription
from tests.unit.event_bus.delivery.lanes import REFUSED, LaneRun, run
from tests.unit.event_bus.delivery.ordered_streams import ordered, store

__all__ = ["run"]

FORMER = times.after(-86_400 * RETENTION_DAYS)

GUARANTEES: tuple[DeliveryGuarantee, ...] = ("at_least_once", "exactly_once", "at_most_once")


def settle_former(aws: Aws, status: DeliveryStatus, **members: object) -> None:
    """Records the delivery of the former event with the id."""
    former = delivery(status, attempts=3, log=(Attempt(3, FORMER, 1),), stored_at=FORMER)
    assert aws.deliveries.record(replace(former, **members), 3) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("guarantee", GUARANTEES)
@pytest.mark.parametrize("status", ["delivered", "exhausted", "dropped", "retrying", "pending"])
def test_an_event_with_the_id_of_a_former_one_is_delivered(
    run: LaneRun, aws: Aws, status: DeliveryStatus, guarantee: DeliveryGuarantee
) -> None:
    settle_former(aws, status)
    to = aws.subscriptions.create(subscription(delivery_guarantee=guarantee))
    assert run.take(message(event(), to)) == []
    assert run.target.events == ["evt_1"]
    ended = run.outcome()
    assert (ended.status, ended.attempts, len(ended.log)) == ("delivered", 1, 1)
    assert ended.created_at > FORMER


@pytest.mark.parametrize("guarantee", ["at_least_once", "exactly_once"])
def test_its_failures_are_tried_again(run: LaneRun, aws: Aws, guarantee: DeliveryGuarantee) -> None:
    settle_former(aws, "exhausted", dead_letter_id="dl_1", reopened=1, round_start=2)
    policy = RetryPolicy(schedule=[1])
    to = aws.subscriptions.create(subscription(delivery_guarantee=guarantee, retry_policy=policy))
    run.target.script["evt_1"] = REFUSED
    assert run.take(message(event(), to)) == []
    failed = run.outcome()
    assert (failed.status, failed.attempts, failed.reopened) == ("retrying", 1, 0)
    assert failed.dead_letter_id is None
    [retry] = run.sent()
    run.target.script["evt_1"] = Outcome(status_code=204)
    assert run.take(retry) == []
    assert run.outcome().status == "delivered"


@pytest.mark.parametrize("carried", [True, False], ids=["carried", "large"])
@pytest.mark.parametrize("limit", [None, 1])
def test_a_message_that_comes_again_is_not_taken_for_delivered(
    run: LaneRun, aws: Aws, carried: bool, limit: int | None
) -> None:
    settle_former(aws, "delivered")
    to = aws.subscriptions.create(subscription(max_in_flight=limit))
    sent = message(aws.events.put(event(), RETENTION_DAYS)[1], to)
    assert run.take(sent if carried else replace(sent, event=None), receives=3) == []
    assert run.target.events == ["evt_1"]


def test_an_only_attempt_is_made_once_after_an_unfinished_one_of_a_former_event(
    run: LaneRun, aws: Aws
) -> None:
    settle_former(aws, "retrying")
    to = aws.subscriptions.create(subscription(delivery_guarantee="at_most_once"))
    run.target.script["evt_1"] = REFUSED
    assert run.take(message(event(), to)) == []
    assert run.target.events == ["evt_1"]
    assert run.outcome().status == "dropped"
    assert run.sent() == []


@pytest.mark.parametrize("status", ["retrying", "pending"])
def test_a_retry_of_the_former_delivery_does_not_deliver_the_present_event(
    run: LaneRun, aws: Aws, status: DeliveryStatus
) -> None:
    settle_former(aws, status)
    record = aws.deliveries.get(delivery().key)
    assert record
    # The present event need not match the subscription.
    aws.subscriptions.create(subscription(event_types=["other"]))
    aws.events.put(event(), RETENTION_DAYS)
    assert run.take(next_message(record)) == []
    assert run.target.events == []
    assert run.outcome().status == "dropped"
    assert run.error()[0] == "event_expired"


def test_its_stream_waits_until_it_is_routed_itself(run: LaneRun, aws: Aws) -> None:
    to = ordered(aws)
    # The former event matched another subscription.
    aws.routings.record([replace(routing("evt_1", sub_2="other"), routed_at=FORMER)])
    [sent] = store(aws, "evt_1", routed=False)
    assert run.take(message(sent, to)) == []
    assert run.target.events == []
    [later] = run.sent()
    own = replace(routing("evt_1", sub_1="worker"), stored_at=sent.created_at)
    aws.routings.record([own])
    assert run.take(later) == []
    assert run.target.events == ["evt_1"]


def test_it_takes_no_place_in_the_stream_of_a_former_event(run: LaneRun, aws: Aws) -> None:
    to = ordered(aws)
    _, second = store(aws, "evt_1", "evt_2")
    aws.dynamodb.delete_item(TableName=aws.tables["events"], Key={"id": {"S": "evt_1"}})
    aws.events.put(replace(event("evt_1"), created_at=times.after(100)), RETENTION_DAYS)
    assert run.take(message(second, to)) == []
    assert run.target.events == ["evt_2"]
    assert aws.deliveries.of_event("evt_1")[1] == []


def test_its_stream_delivers_it_in_order(run: LaneRun, aws: Aws) -> None:
    settle_former(aws, "delivered")
    to = ordered(aws)
    [sent] = store(aws, "evt_1")
    assert run.take(message(sent, to)) == []
    assert run.target.events == ["evt_1"]
    assert (run.outcome().status, run.outcome().attempts) == ("delivered", 1)
