"""An ordered stream waits for routing, and goes on when an event's retention has ended."""

from dataclasses import replace

import pytest
from event_bus import times
from event_bus.delivery import waiting_events
from event_bus.model.followed_streams import FollowedStreams

from tests.aws import Aws
from tests.builders import NOON, delivery, message, routing, subscription
from tests.unit.event_bus.delivery.lanes import REFUSED, LaneRun, run
from tests.unit.event_bus.delivery.ordered_streams import ordered, store

__all__ = ["run"]


def test_a_message_that_is_repeated_during_a_pause_waits_once(run: LaneRun, aws: Aws) -> None:
    to, [first] = ordered(aws), store(aws, "evt_1")
    paused = aws.subscriptions.update(replace(to, status="paused", paused_at=NOON, pauses=1))
    for receives in (1, 2):
        assert run.take(message(first, paused), receives=receives) == []
        assert (run.outcome().status, run.outcome().waiting) == ("retrying", True)
    assert (run.target.events, run.sent()) == ([], [])


@pytest.mark.parametrize(("waited", "delay"), [(0, 3), (100, 25), (7_200, 900)])
def test_the_wait_for_the_routing_of_an_event_grows(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch, waited: int, delay: int
) -> None:
    to = ordered(aws)
    [first] = store(aws, "evt_1", routed=False)
    stored = times.seconds(first.created_at)
    monkeypatch.setattr(times, "unix", lambda: stored + waited)
    assert run.take(message(first, to)) == []
    assert [(each.event_id, each.delay) for each in run.sent()] == [("evt_1", delay)]


def test_a_stream_continues_behind_an_event_whose_retention_has_ended(
    run: LaneRun, aws: Aws
) -> None:
    # Reads that need not be consistent know of none of it.
    aws.dynamodb.age = lambda: 5.0  # type: ignore[attr-defined]
    to = ordered(aws)
    first, second = store(aws, "evt_1", "evt_2")
    run.target.script["evt_1"] = REFUSED
    assert run.take(message(first, to)) == []
    aws.dynamodb.delete_item(TableName=aws.tables["events"], Key={"id": {"S": "evt_1"}})
    run.sent()
    retry = replace(message(first, to, attempt=2), event=None, delay=5)
    assert run.take(retry) == []
    assert run.outcome("evt_1").status in ("dropped", "exhausted")
    [following] = run.sent()
    assert following == replace(message(second, to), event=None)
    run.take(following)
    assert run.target.events == ["evt_1", "evt_2"]
    # Nothing is left behind the second one.
    run.sent()
    aws.dynamodb.delete_item(TableName=aws.tables["events"], Key={"id": {"S": "evt_2"}})
    assert run.take(retry) == []
    assert run.sent() == []


def test_a_stream_continues_however_many_of_its_events_are_for_others(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_events, "_PAGE", 2)
    monkeypatch.setattr(waiting_events, "_PAGES", 3)
    to = ordered(aws)
    [first] = store(aws, "evt_1")
    others = store(aws, *(f"evt_{number}" for number in range(2, 20)), routed=False)
    aws.routings.record([routing(each.id, sub_2="x") for each in others])
    [last] = store(aws, "evt_20")
    run.target.script["evt_1"] = REFUSED
    assert run.take(message(first, to), message(last, to)) == []
    aws.dynamodb.delete_item(TableName=aws.tables["events"], Key={"id": {"S": "evt_1"}})
    run.sent()
    assert run.take(replace(message(first, to, attempt=2), event=None)) == []
    [following] = run.sent()
    assert run.take(following) == []
    assert run.target.events == ["evt_1", "evt_20"]
    assert run.sent() == []


def test_a_stream_that_was_never_walked_continues_with_its_first_event(
    run: LaneRun, aws: Aws
) -> None:
    to = ordered(aws)
    first, second = store(aws, "evt_1", "evt_2")
    # A function that kept crashing left a record of the second event. The message of the first one
    # has ended, because this one continued the stream.
    aws.deliveries.record(delivery("retrying", "evt_2", stream="planner\ntask/1"), 1)
    aws.dynamodb.delete_item(TableName=aws.tables["events"], Key={"id": {"S": "evt_2"}})
    assert run.take(replace(message(second, to, attempt=2), event=None)) == []
    [following] = run.sent()
    assert following == replace(message(first, to), event=None)


def test_the_stream_of_a_subscription_with_a_history_continues_with_an_event_of_it(
    run: LaneRun, aws: Aws
) -> None:
    stream = FollowedStreams("planner", "task/1", None, 1)
    to = aws.subscriptions.create(
        subscription(ordered=True, stream=stream, filters=stream.narrowed({}))
    )
    first, second = store(aws, "evt_1", "evt_2", routed=False)
    # No event was routed to the subscription, because it was registered later.
    aws.routings.record([routing(each.id) for each in (first, second)])
    aws.deliveries.record(delivery("retrying", "evt_1", stream="planner\ntask/1"), 1)
    aws.dynamodb.delete_item(TableName=aws.tables["events"], Key={"id": {"S": "evt_1"}})
    assert run.take(replace(message(first, to, attempt=2), event=None)) == []
    [following] = run.sent()
    assert following == replace(message(second, to), event=None)


def test_the_message_of_a_made_attempt_leaves_an_expired_event_to_the_next(
    run: LaneRun, aws: Aws
) -> None:
    to, [first] = ordered(aws), store(aws, "evt_1")
    aws.deliveries.record(delivery("retrying", stream="planner\ntask/1", written_by="another"), 1)
    aws.dynamodb.delete_item(TableName=aws.tables["events"], Key={"id": {"S": "evt_1"}})
    assert run.take(replace(message(first, to), event=None)) == []
    assert (run.outcome().status, run.sent()) == ("retrying", [])
