"""A replay in order goes on while its subscription is changed, paused or deleted."""

from dataclasses import replace
from typing import Any

import pytest
from event_bus import times
from event_bus.model import transitions
from event_bus.model.stream_name import StreamName

from tests.aws import Aws
from tests.unit.event_bus.delivery.lanes import REFUSED, LaneRun, run
from tests.unit.event_bus.delivery.ordered_streams import GONE, ordered
from tests.unit.event_bus.delivery.replaying import (
    make_due,
    replayed,
    start,
    status,
    store,
)

__all__ = ["run"]


@pytest.mark.parametrize(
    ("guarantee", "end"), [("at_least_once", "exhausted"), ("at_most_once", "dropped")]
)
def test_an_event_that_matched_too_late_becomes_a_dead_letter(
    run: LaneRun, aws: Aws, guarantee: Any, end: str
) -> None:
    to = ordered(aws, filters={"task.created": {"size": [1]}}, delivery_guarantee=guarantee)
    [first], [second] = store(aws, "evt_1"), store(aws, "evt_2", payload={"size": 1})
    start(aws)
    run.take(replayed(second, to))
    to = aws.subscriptions.update(replace(to, filters={}))
    run.take(replayed(first, to))
    assert run.target.events == ["evt_2"]
    assert status(run, "evt_1") == end
    said = "the event matched only after the replay had sent later events of its stream"
    assert run.error("evt_1", replay="rpl_1") == ("stream_passed", said)


def test_a_pause_does_not_hide_that_an_event_matched_too_late(run: LaneRun, aws: Aws) -> None:
    to = ordered(aws, filters={"task.created": {"size": [1]}})
    [first], [second] = store(aws, "evt_1"), store(aws, "evt_2", payload={"size": 1})
    start(aws)
    run.take(replayed(second, to))
    to = replace(to, filters={}, status="paused", paused_at=times.now(), pauses=1)
    run.take(replayed(first, aws.subscriptions.update(to)))
    found = run.outcome("evt_1", replay="rpl_1")
    code = found.last_error and found.last_error.code
    assert (found.status, code) == ("exhausted", "stream_passed")
    # A person who retries it during the pause accepts that it arrives out of order.
    aws.retried(found)
    paused = aws.subscriptions.get("sub_1")
    assert paused
    again = replayed(first, paused, attempt=1)
    run.take(again, receives=2)
    assert status(run, "evt_1") == "retrying"
    active = aws.subscriptions.update(replace(paused, status="active", paused_at=None))
    run.take(replayed(first, active), receives=2)
    assert run.target.events == ["evt_2", "evt_1"]


def test_a_walk_does_not_judge_by_an_older_subscription(run: LaneRun, aws: Aws) -> None:
    to = ordered(aws, filters={"task.created": {"size": [1]}})
    first, second, third = store(aws, "evt_1", "evt_2", "evt_3")
    start(aws)
    run.target.script["evt_1"] = REFUSED
    run.take(replayed(first, to))
    newer = aws.subscriptions.update(replace(to, filters={}))
    # Another function, which knows the newer one, keeps the third event for later.
    name = f"rpl_1#{StreamName('planner', 'task/1').key}"
    cursor = aws.cursors.hold("sub_1", name, "another", 60)
    assert cursor
    aws.cursors.release(cursor, f"0 3 {newer.version}")
    make_due(aws, "evt_1")
    run.target.script.clear()
    retried = replace(replayed(first, to, attempt=2), subscription_version=0)
    run.sent()
    assert run.take(retried) == []
    assert run.target.events == ["evt_1"]
    assert run.sent() == [replace(retried, subscription_version=newer.version, delay=1)]
    run.take(replace(retried, subscription_version=newer.version))
    assert run.target.events == ["evt_1", "evt_1", "evt_2", "evt_3"]
    assert status(run, third.id) == status(run, second.id) == "delivered"


def test_the_events_behind_one_after_which_the_subscriber_was_gone_end(
    run: LaneRun, aws: Aws
) -> None:
    to, stored = ordered(aws), store(aws, "evt_1", "evt_2", "evt_3")
    start(aws)
    run.target.script["evt_1"] = GONE
    run.take(replayed(stored[2], to))
    run.now[0] += 15
    run.take(replayed(stored[2], to))
    assert run.target.events == ["evt_1"]
    assert {status(run, each.id) for each in stored} == {"exhausted"}


def test_a_deleted_subscription_is_owed_nothing(run: LaneRun, aws: Aws) -> None:
    to, (first, _) = ordered(aws), store(aws, "evt_1", "evt_2")
    start(aws)
    found = aws.subscriptions.get(to.id)
    assert found
    aws.subscriptions.delete(found)
    run.take(replayed(first, to))
    assert status(run, "evt_1") == "dropped"
    assert run.target.events == []


def test_a_pause_keeps_the_order(run: LaneRun, aws: Aws) -> None:
    to, (first, second) = ordered(aws), store(aws, "evt_1", "evt_2")
    start(aws)
    paused = aws.subscriptions.update(replace(to, status="paused", paused_at=times.now(), pauses=1))
    for each in (second, first):
        run.take(replayed(each, paused))
    assert run.target.events == []
    assert status(run, "evt_1") == "retrying"
    resumed = aws.subscriptions.update(replace(paused, status="active", paused_at=None))
    run.take(replayed(first, resumed))
    assert run.target.events == ["evt_1", "evt_2"]


def test_a_delivery_discarded_during_a_pause_does_not_block_its_replay(
    run: LaneRun, aws: Aws
) -> None:
    to, (first, second) = ordered(aws), store(aws, "evt_1", "evt_2")
    start(aws)
    run.target.script["evt_1"] = REFUSED
    run.take(replayed(second, to))
    aws.dead_letters.discard(transitions.discarded(run.outcome("evt_1", replay="rpl_1"), "me"))
    paused = aws.subscriptions.update(replace(to, status="paused", paused_at=times.now(), pauses=1))
    # The message that has the stream continue comes during the pause.
    run.take(replayed(first, paused, attempt=2))
    assert status(run, "evt_2") == "retrying"
    assert run.target.events == ["evt_1"]
