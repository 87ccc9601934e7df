"""What becomes of deliveries that wait while their subscription changes."""

from dataclasses import replace

import pytest
from event_bus.delivery.subscription_cache import CACHE_SECONDS
from event_bus.model.delivery import Delivery
from event_bus.model.retry_policy import RetryPolicy
from event_bus.model.subscription import DeliveryGuarantee, Subscription
from event_bus.queues.message import next_message
from event_bus.targets.http import HttpTarget
from event_bus.transforms.transform import Transform

from tests.aws import Aws
from tests.builders import event, message, subscription
from tests.unit.event_bus.delivery.lanes import REFUSED, LaneRun, run

__all__ = ["run"]

OTHER = HttpTarget("https://other.example/events")


def fail_once(run: LaneRun, aws: Aws, to: Subscription) -> Subscription:
    """Has the first attempt of a delivery fail; its message for the next one is not taken yet."""
    made = aws.subscriptions.create(to)
    sent = event()
    aws.events.put(sent, 30)
    run.target.script["evt_1"] = REFUSED
    assert run.take(message(sent, made)) == []
    assert run.outcome().status == "retrying"
    run.target.requests.clear()
    run.target.targets.clear()
    return made


def change(run: LaneRun, aws: Aws, changed: Subscription) -> None:
    """Changes a subscription, and waits until its copies are old."""
    aws.subscriptions.update(changed)
    run.now[0] += CACHE_SECONDS


def next_attempt(run: LaneRun, to: Subscription) -> Delivery:
    assert run.take(message(event(), to, attempt=2)) == []
    return run.outcome()


@pytest.mark.parametrize(
    "narrowed",
    [
        {"filters": {"task.*": {"priority": ["high"]}}},
        {"event_types": ["user.*"]},
    ],
)
def test_a_routed_event_is_delivered_even_if_it_no_longer_matches(
    run: LaneRun, aws: Aws, narrowed: dict[str, object]
) -> None:
    made = fail_once(run, aws, subscription())
    change(run, aws, replace(made, **narrowed))  # type: ignore[arg-type]
    run.target.script.clear()
    assert next_attempt(run, made).status == "delivered"


def test_a_retry_is_sent_to_the_new_target(run: LaneRun, aws: Aws) -> None:
    made = fail_once(run, aws, subscription())
    change(run, aws, replace(made, target=OTHER))
    run.target.script.clear()
    assert next_attempt(run, made).status == "delivered"
    assert run.target.targets == [OTHER]


@pytest.mark.parametrize("before", [None, Transform(format="payload")])
@pytest.mark.parametrize("now", [None, Transform(format="cloudevents")])
def test_a_retry_is_sent_in_the_new_form(
    run: LaneRun, aws: Aws, before: Transform | None, now: Transform | None
) -> None:
    made = fail_once(run, aws, subscription(transform=before, schema_version=1))
    change(run, aws, replace(made, transform=now, schema_version=4))
    run.target.script.clear()
    assert next_attempt(run, made).status == "delivered"
    sent = run.target.subscriptions[-1]
    assert (sent.transform, sent.schema_version) == (now, 4)


def test_it_follows_the_new_policy(run: LaneRun, aws: Aws) -> None:
    made = fail_once(run, aws, subscription(retry_policy=RetryPolicy(max_attempts=5)))
    change(run, aws, replace(made, retry_policy=RetryPolicy(max_attempts=2)))
    outcome = next_attempt(run, made)
    assert (outcome.status, outcome.attempts) == ("exhausted", 2)


@pytest.mark.parametrize("before", ["at_least_once", "exactly_once"])
def test_an_attempted_delivery_is_dropped_under_at_most_once(
    run: LaneRun, aws: Aws, before: DeliveryGuarantee
) -> None:
    made = fail_once(run, aws, subscription(delivery_guarantee=before))
    change(run, aws, replace(made, delivery_guarantee="at_most_once"))
    run.target.script.clear()
    outcome = next_attempt(run, made)
    assert run.target.attempted == []
    assert (outcome.status, outcome.attempts) == ("dropped", 1)
    said = "an attempt was made before the subscription became at_most_once"
    assert run.error() == ("already_attempted", said)
    assert run.sent()[1:] == []


def test_an_unattempted_delivery_keeps_its_one_attempt(run: LaneRun, aws: Aws) -> None:
    made = aws.subscriptions.create(subscription())
    changed = replace(made, delivery_guarantee="at_most_once")
    change(run, aws, changed)
    run.target.script["evt_1"] = REFUSED
    assert run.take(message(event(), made)) == []
    assert (run.outcome().status, run.outcome().attempts) == ("dropped", 1)


def test_a_delivery_of_a_disabled_subscription_waits_for_a_person(run: LaneRun, aws: Aws) -> None:
    made = fail_once(run, aws, subscription())
    change(run, aws, replace(made, status="disabled"))
    outcome = next_attempt(run, made)
    assert run.target.attempted == []
    assert (outcome.status, outcome.attempts) == ("exhausted", 1)


def test_a_delivery_of_a_deleted_subscription_is_dropped(run: LaneRun, aws: Aws) -> None:
    made = fail_once(run, aws, subscription())
    aws.subscriptions.delete(made)
    run.now[0] += CACHE_SECONDS
    outcome = next_attempt(run, made)
    assert run.target.attempted == []
    assert outcome.status == "dropped"
    assert outcome.last_error
    assert outcome.last_error.code == "subscription_deleted"


def test_a_person_may_retry_after_the_guarantee_became_at_most_once(run: LaneRun, aws: Aws) -> None:
    policy = RetryPolicy(max_attempts=1)
    aws.events.put(event(), 30)
    made = aws.subscriptions.create(
        subscription(delivery_guarantee="exactly_once", retry_policy=policy)
    )
    run.target.script["evt_1"] = REFUSED
    assert run.take(message(event(), made)) == []
    changed = aws.subscriptions.update(replace(made, delivery_guarantee="at_most_once"))
    reopened = aws.retried(run.outcome())
    run.target.script.clear()
    retry = replace(next_message(reopened), subscription_version=changed.version)
    assert run.take(retry) == []
    assert run.outcome().status == "delivered"
    assert run.take(retry) == []
    assert len(run.target.events) == 2
