"""A walk that meets an event which is not routed yet: whether its message comes again."""

from dataclasses import replace
from typing import Any

import pytest
from event_bus.model.event import Event
from event_bus.model.followed_streams import FollowedStreams
from event_bus.model.stream_name import StreamName
from event_bus.model.subscription import Subscription
from event_bus.queues.message import Message

from tests.aws import Aws
from tests.builders import message, routing
from tests.unit.event_bus.delivery.lanes import REFUSED, LaneRun, run
from tests.unit.event_bus.delivery.ordered_streams import ordered, overtaken, store

__all__ = ["run"]


def new(about: Event, to: Subscription, **members: Any) -> Message:
    """A message as the router sends it."""
    return message(about, to, from_router=True, **members)


def position(aws: Aws) -> str:
    return aws.cursors.position("sub_1", StreamName("planner", "task/1").key)


def test_the_message_of_a_settled_event_does_not_wait_for_the_router(
    run: LaneRun, aws: Aws
) -> None:
    to, [first] = ordered(aws), store(aws, "evt_1")
    [late] = store(aws, "evt_2", routed=False)
    assert run.take(new(first, to)) == []
    assert run.sent() == []
    assert position(aws) == "1"
    # The router sends the message of the other event when it routes it.
    aws.routings.record([routing(late.id, sub_1="worker")])
    assert run.take(new(late, to)) == []
    assert run.target.events == ["evt_1", "evt_2"]


def test_a_message_waits_for_the_router_before_its_own_event(run: LaneRun, aws: Aws) -> None:
    to, [_] = ordered(aws), store(aws, "evt_1", routed=False)
    [own] = store(aws, "evt_2")
    assert run.take(new(own, to)) == []
    [again] = run.sent()
    assert again.event_id == own.id
    # Other messages of the stream may rely on it from now on.
    assert not again.from_router
    store(aws, "evt_3", routed=False)
    aws.routings.record([routing("evt_1")])
    assert run.take(replace(again, delay=0)) == []
    assert run.target.events == ["evt_2"]
    assert [each.event_id for each in run.sent()] == [own.id]


def test_a_message_that_came_before_waits_for_the_router(run: LaneRun, aws: Aws) -> None:
    to, [first] = ordered(aws), store(aws, "evt_1")
    store(aws, "evt_2", routed=False)
    # Messages that relied on it may be gone since its first receipt.
    assert run.take(new(first, to), receives=2) == []
    assert [each.event_id for each in run.sent()] == ["evt_1"]


def test_one_message_waits_if_others_of_its_batch_are_behind(run: LaneRun, aws: Aws) -> None:
    to, [first] = ordered(aws), store(aws, "evt_1")
    store(aws, "evt_2", routed=False)
    behind = store(aws, "evt_3", "evt_4")
    assert run.take(*(new(each, to) for each in (first, *behind))) == []
    assert run.target.events == ["evt_1"]
    assert [each.event_id for each in run.sent()] == ["evt_1"]


def test_a_message_without_its_event_is_not_ended_by_another_that_does_not_wait(
    run: LaneRun, aws: Aws
) -> None:
    to, [first] = ordered(aws), store(aws, "evt_1")
    store(aws, "evt_2", routed=False)
    [behind] = store(aws, "evt_3")
    large = replace(new(behind, to), event=None)
    assert run.take(new(first, to), large) == []
    assert [each.event_id for each in run.sent()] == ["evt_3"]


def test_a_message_that_may_stand_for_past_events_waits_for_the_router(
    run: LaneRun, aws: Aws
) -> None:
    followed = FollowedStreams("planner", "task/1", None, 1)
    to = ordered(aws, stream=followed, filters=followed.narrowed({}))
    [first] = store(aws, "evt_1")
    store(aws, "evt_2", routed=False)
    assert run.take(new(first, to)) == []
    assert run.target.events == ["evt_1"]
    assert [each.event_id for each in run.sent()] == ["evt_1"]


@pytest.mark.parametrize("at", [0, 8, 9])
def test_a_message_that_finds_its_stream_held_is_still_as_the_router_sent_it(
    run: LaneRun, aws: Aws, at: int
) -> None:
    to, [first] = ordered(aws), store(aws, "evt_1")
    assert aws.cursors.hold("sub_1", StreamName("planner", "task/1").key, "another", 60)
    assert run.take(new(first, to, times_held=at)) == []
    [again] = run.sent()
    # At the highest count, nothing tells it from a message that was handled.
    assert again.from_router is (at < 9)


def test_a_retry_is_not_as_the_router_sent_it(run: LaneRun, aws: Aws) -> None:
    to, [first] = ordered(aws), store(aws, "evt_1")
    run.target.script["evt_1"] = REFUSED
    assert run.take(new(first, to, times_held=3)) == []
    [retry] = run.sent()
    assert (retry.attempt, retry.from_router) == (2, False)


def test_a_walk_that_lost_its_cursor_sends_a_message_all_the_same(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, [first] = ordered(aws), store(aws, "evt_1")
    store(aws, "evt_2", routed=False)
    monkeypatch.setattr("event_bus.stores.cursors.CursorStore.release", overtaken())
    assert run.take(new(first, to)) == []
    [again] = run.sent()
    assert (again.event_id, again.from_router) == ("evt_1", False)
