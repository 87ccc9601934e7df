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
from tests.unit.event_bus.delivery.lanes import REFUSED, LaneRun, run
from tests.unit.event_bus.delivery.ordered_streams import make_due

__all__ = ["run"]


def test_a_stream_is_enriched_in_its_order(run: LaneRun, aws: Aws) -> None:
    to = subscribed(aws, ordered=True)
    run = in_turn(run, answering([b'{"n":1}', b'{"n":2}', b'{"n":3}']))
    events = of_a_stream(aws, "evt_1", "evt_2", "evt_3")
    for each in reversed(events):
        assert run.take(message(each, to)) == []
    assert run.target.events == ["evt_1", "evt_2", "evt_3"]
    assert run.target.enrichments == [b'{"n":1}', b'{"n":2}', b'{"n":3}']


def test_a_stream_waits_for_an_enrichment_that_fails(run: LaneRun, aws: Aws) -> None:
    to = subscribed(aws, ordered=True)
    run = in_turn(run, answering([FAILED, ADDED, ADDED]))
    first, second = of_a_stream(aws, "evt_1", "evt_2")
    run.take(message(second, to))
    assert run.target.events == []
    assert run.outcome().status == "retrying"
    assert run.aws.circuits.get_many(["sub_1"]) == {}
    run.take(message(first, to, attempt=2))
    assert run.target.events == []  # It waits for its time.


def test_each_attempt_asks_the_sources(run: LaneRun, aws: Aws) -> None:
    to = subscribed(aws, ordered=True)
    run = in_turn(run, answering([b'{"n":1}', b'{"n":2}']))
    [first] = of_a_stream(aws, "evt_1")
    run.target.script["evt_1"] = REFUSED
    run.take(message(first, to))
    [retry] = run.sent()
    make_due(aws, "evt_1")
    run.target.script.clear()
    run.take(retry)
    assert run.outcome().status == "delivered"
    assert run.target.enrichments == [b'{"n":1}', b'{"n":2}']


def test_a_stream_continues_behind_an_enrichment_that_failed_for_good(
    run: LaneRun, aws: Aws
) -> None:
    to = subscribed(aws, ordered=True, retry_policy=RetryPolicy(max_attempts=1))
    run = in_turn(run, answering([FAILED, ADDED]))
    first, _second = of_a_stream(aws, "evt_1", "evt_2")
    run.take(message(first, to))
    assert run.outcome().last_error.code == "enrichment_failed"  # type: ignore[union-attr]
    assert run.outcome().status == "exhausted"
    assert run.target.events == ["evt_2"]


def test_a_claim_is_taken_behind_the_enrichment(run: LaneRun, aws: Aws) -> None:
    to = subscribed(aws, ordered=True, delivery_guarantee="exactly_once")
    run = in_turn(run, answering([FAILED]))
    run.take(message(stored(aws), to))
    assert run.outcome().status == "retrying"
    item = aws.dynamodb.get_item(
        TableName=aws.tables["deliveries"],
        Key={"event_id": {"S": "evt_1"}, "subscription_id": {"S": "sub_1"}},
    )["Item"]
    assert "epoch" not in item
