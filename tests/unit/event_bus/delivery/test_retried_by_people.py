"""The retry of a person is ended by nothing that began before it, except by a success."""

from dataclasses import replace
from typing import Any

import pytest
from event_bus.maintenance.due import DueSweep
from event_bus.model import transitions
from event_bus.model.delivery import Delivery, DeliveryKey
from event_bus.model.retry_policy import RetryPolicy
from event_bus.model.subscription import Subscription
from event_bus.queues.message import next_message
from event_bus.stores.due_deliveries import DueDeliveries

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import delivery, event, message, subscription
from tests.interference import before_next
from tests.unit.event_bus.delivery.lanes import REFUSED, LaneRun, run

__all__ = ["run"]

KEY = DeliveryKey("evt_1", "sub_1")


def store(aws: Aws, **members: Any) -> Subscription:
    """Stores an event, and a subscription whose first attempt is the last."""
    aws.events.put(event(), RETENTION_DAYS)
    return aws.subscriptions.create(
        subscription(retry_policy=RetryPolicy(schedule=[1], max_attempts=1), **members)
    )


def retried(aws: Aws, times: int = 1) -> Delivery:
    """Ends a delivery before its first attempt, and has a person retry it."""
    reopened = None
    for _ in range(times):
        before = aws.deliveries.get(KEY) or delivery("pending", attempts=0)
        aws.deliveries.record(transitions.exhausted(before, "not_permitted", "not any more"), 1)
        letter = aws.deliveries.get(KEY)
        assert letter
        reopened = aws.retried(letter)
    assert reopened
    return reopened


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("status", ["disabled", "paused"])
def test_a_late_function_that_makes_no_attempt(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch, status: str, times: int
) -> None:
    to = store(aws, status=status)
    retries: list[Delivery] = []
    before_next(aws, monkeypatch, "update_item", lambda: retries.append(retried(aws, times)))
    assert run.take(message(event(), to)) == []
    assert run.outcome() == retries[0]
    assert run.sent() == []


def test_a_late_function_whose_attempt_failed_tries_again(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = message(event(), store(aws))
    retries: list[Delivery] = []
    run.target.script["evt_1"] = REFUSED
    before_next(aws, monkeypatch, "update_item", lambda: retries.append(retried(aws)))
    assert run.take(asked) == []
    assert run.outcome() == retries[0]
    [again] = run.sent()
    assert again == replace(asked, recorded=True, delay=90)
    # The attempt of the person's retry comes first.
    assert run.take(next_message(retries[0])) == []
    ended = run.outcome()
    assert (ended.status, ended.attempts, ended.reopened) == ("exhausted", 1, 1)
    assert run.take(again) == []
    assert run.outcome() == ended


def test_a_late_success_counts(run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    to = store(aws)
    before_next(aws, monkeypatch, "update_item", lambda: retried(aws))
    assert run.take(message(event(), to)) == []
    assert run.outcome().status == "delivered"


@pytest.mark.parametrize("times", [1, 3])
def test_the_message_of_the_sweep_makes_the_attempt_of_the_retry(
    run: LaneRun, aws: Aws, times: int
) -> None:
    store(aws)
    aws.dead_letters.leave_to_sweep(retried(aws, times))
    due = DueDeliveries(aws.table("deliveries"))
    assert DueSweep(due, aws.deliveries, aws.circuits, run.lane.lanes).run(30.0) == 1
    [sent] = run.sent()
    run.target.script["evt_1"] = REFUSED
    assert run.take(sent) == []
    ended = run.outcome()
    assert (ended.status, ended.attempts, ended.reopened) == ("exhausted", 1, times)


def test_a_retry_that_an_earlier_release_recorded_counts_once(run: LaneRun, aws: Aws) -> None:
    store(aws)
    sent = next_message(retried(aws))
    aws.dynamodb.update_item(
        TableName=aws.tables["deliveries"],
        Key={"event_id": {"S": "evt_1"}, "subscription_id": {"S": "sub_1"}},
        UpdateExpression="SET reopened = :yes",
        ExpressionAttributeValues={":yes": {"BOOL": True}},
    )
    run.target.script["evt_1"] = REFUSED
    assert run.take(sent) == []
    assert run.outcome().status == "exhausted"
    letter = aws.deliveries.get(KEY)
    assert letter
    assert aws.retried(letter).reopened == 2
