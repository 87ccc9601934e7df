"""Events of an ordered stream are enriched in its order."""

from event_bus.model.retry_policy import RetryPolicy

from tests.aws import Aws
from tests.builders import message
from tests.unit.event_bus.delivery.enrichments import (
    ADDED,
    FAILED,
    answering,
    in_turn,
    of_a_stream,
    stored,
    subscribed,
)
from tests.unit.event_bus.delivery.lanes import Trial, trial

__all__ = ["trial"]


def test_a_stream_is_enriched_in_its_order(trial: Trial, aws: Aws) -> None:
    to = subscribed(aws, ordered=True)
    trial = in_turn(trial, answering([b'{"n":1}', b'{"n":2}', b'{"n":3}']))
    events = of_a_stream(aws, "evt_1", "evt_2", "evt_3")
    for each in reversed(events):
        assert trial.take(message(each, to)) == []
    assert trial.target.events == ["evt_1", "evt_2", "evt_3"]
    assert trial.target.enrichments == [b'{"n":1}', b'{"n":2}', b'{"n":3}']


def test_a_stream_waits_for_an_enrichment_that_fails(trial: Trial, aws: Aws) -> None:
    to = subscribed(aws, ordered=True)
    trial = in_turn(trial, answering([FAILED, ADDED, ADDED]))
    first, second = of_a_stream(aws, "evt_1", "evt_2")
    trial.take(message(second, to))
    assert trial.target.events == []
    assert trial.outcome().status == "retrying"
    assert trial.aws.circuits.get_many(["sub_1"]) == {}
    trial.take(message(first, to, attempt=2))
    assert trial.target.events == []  # It waits for its time.


def test_a_stream_continues_behind_an_enrichment_that_failed_for_good(
    trial: Trial, aws: Aws
) -> None:
    to = subscribed(aws, ordered=True, retry_policy=RetryPolicy(max_attempts=1))
    trial = in_turn(trial, answering([FAILED, ADDED]))
    first, _second = of_a_stream(aws, "evt_1", "evt_2")
    trial.take(message(first, to))
    assert trial.outcome().last_error.code == "enrichment_failed"  # type: ignore[union-attr]
    assert trial.outcome().status == "exhausted"
    assert trial.target.events == ["evt_2"]


def test_a_claim_is_taken_behind_the_enrichment(trial: Trial, aws: Aws) -> None:
    to = subscribed(aws, ordered=True, delivery_guarantee="exactly_once")
    trial = in_turn(trial, answering([FAILED]))
    trial.take(message(stored(aws), to))
    assert trial.outcome().status == "retrying"
    item = aws.dynamodb.get_item(
        TableName=aws.tables["deliveries"],
        Key={"event_id": {"S": "evt_1"}, "subscription_id": {"S": "sub_1"}},
    )["Item"]
    assert "epoch" not in item
