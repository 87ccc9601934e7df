"""What becomes of deliveries that wait while their subscription changes."""

from dataclasses import replace

import pytest
from event_bus.delivery.subscription_cache import CACHE_SECONDS
from event_bus.model.delivery import Delivery
from event_bus.model.registration import DeliveryGuarantee, Subscription
from event_bus.model.retry_policy import RetryPolicy
from event_bus.targets.http import HttpTarget
from event_bus.transforms.transform import Transform

from tests.aws import Aws
from tests.builders import event, message, subscription
from tests.unit.event_bus.delivery.lanes import REFUSED, Trial, trial

__all__ = ["trial"]

OTHER = HttpTarget("https://other.example/events")


def fail_once(trial: Trial, aws: Aws, to: Subscription) -> Subscription:
    """Has the first attempt of a delivery fail; its message for the next one is not taken yet."""
    made = aws.subscriptions.create(to)
    sent = event()
    aws.events.put(sent, 30)
    trial.target.script["evt_1"] = REFUSED
    assert trial.take(message(sent, made)) == []
    assert trial.outcome().status == "retrying"
    trial.target.requests.clear()
    trial.target.targets.clear()
    return made


def change(trial: Trial, aws: Aws, changed: Subscription) -> None:
    """Changes a subscription, and waits until its copies are old."""
    aws.subscriptions.update(changed)
    trial.now[0] += CACHE_SECONDS


def next_attempt(trial: Trial, to: Subscription) -> Delivery:
    assert trial.take(message(event(), to, attempt=2)) == []
    return trial.outcome()


@pytest.mark.parametrize(
    "narrowed",
    [
        {"filters": {"task.*": {"priority": ["high"]}}},
        {"event_types": ["user.*"]},
    ],
)
def test_a_routed_event_is_delivered_even_if_it_no_longer_matches(
    trial: Trial, aws: Aws, narrowed: dict[str, object]
) -> None:
    made = fail_once(trial, aws, subscription())
    change(trial, aws, replace(made, **narrowed))  # type: ignore[arg-type]
    trial.target.script.clear()
    assert next_attempt(trial, made).status == "delivered"


def test_a_retry_is_sent_to_the_new_target(trial: Trial, aws: Aws) -> None:
    made = fail_once(trial, aws, subscription())
    change(trial, aws, replace(made, target=OTHER))
    trial.target.script.clear()
    assert next_attempt(trial, made).status == "delivered"
    assert trial.target.targets == [OTHER]


@pytest.mark.parametrize("before", [None, Transform(format="payload")])
@pytest.mark.parametrize("now", [None, Transform(format="cloudevents")])
def test_a_retry_is_sent_in_the_new_form(
    trial: Trial, aws: Aws, before: Transform | None, now: Transform | None
) -> None:
    made = fail_once(trial, aws, subscription(transform=before, schema_version=1))
    change(trial, aws, replace(made, transform=now, schema_version=4))
    trial.target.script.clear()
    assert next_attempt(trial, made).status == "delivered"
    sent = trial.target.subscriptions[-1]
    assert (sent.transform, sent.schema_version) == (now, 4)


def test_it_follows_the_new_policy(trial: Trial, aws: Aws) -> None:
    made = fail_once(trial, aws, subscription(retry_policy=RetryPolicy(max_attempts=5)))
    change(trial, aws, replace(made, retry_policy=RetryPolicy(max_attempts=2)))
    outcome = next_attempt(trial, made)
    assert (outcome.status, outcome.attempts) == ("exhausted", 2)


@pytest.mark.parametrize("before", ["at_least_once", "exactly_once"])
def test_an_attempted_delivery_is_dropped_under_at_most_once(
    trial: Trial, aws: Aws, before: DeliveryGuarantee
) -> None:
    made = fail_once(trial, aws, subscription(delivery_guarantee=before))
    change(trial, aws, replace(made, delivery_guarantee="at_most_once"))
    trial.target.script.clear()
    outcome = next_attempt(trial, made)
    assert trial.target.attempted == []
    assert (outcome.status, outcome.attempts) == ("dropped", 1)
    said = "an attempt was made before the subscription became at_most_once"
    assert trial.error() == ("already_attempted", said)
    assert trial.sent()[1:] == []


def test_an_unattempted_delivery_keeps_its_one_attempt(trial: Trial, aws: Aws) -> None:
    made = aws.subscriptions.create(subscription())
    changed = replace(made, delivery_guarantee="at_most_once")
    change(trial, aws, changed)
    trial.target.script["evt_1"] = REFUSED
    assert trial.take(message(event(), made)) == []
    assert (trial.outcome().status, trial.outcome().attempts) == ("dropped", 1)


def test_a_delivery_of_a_disabled_subscription_waits_for_a_person(trial: Trial, aws: Aws) -> None:
    made = fail_once(trial, aws, subscription())
    change(trial, aws, replace(made, status="disabled"))
    outcome = next_attempt(trial, made)
    assert trial.target.attempted == []
    assert (outcome.status, outcome.attempts) == ("exhausted", 1)


def test_a_delivery_of_a_deleted_subscription_is_dropped(trial: Trial, aws: Aws) -> None:
    made = fail_once(trial, aws, subscription())
    aws.subscriptions.delete(made)
    trial.now[0] += CACHE_SECONDS
    outcome = next_attempt(trial, made)
    assert trial.target.attempted == []
    assert outcome.status == "dropped"
    assert outcome.last_error
    assert outcome.last_error.code == "subscription_deleted"
