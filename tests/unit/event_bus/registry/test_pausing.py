"""How a change of its status begins and ends the pause of a subscription."""

from dataclasses import replace
from typing import Any

import pytest
from event_bus.queues.replays import ReplayQueue
from event_bus.registry.pausing import with_pause
from event_bus.registry.subscription_writes import SubscriptionWrites

from tests.aws import Aws
from tests.builders import subscription

ACTIVE = subscription(pauses=1)
PAUSED = subscription(status="paused", paused_at="2026-05-01T12:00:00.000Z", pauses=2)


def test_a_pause_has_a_time_and_the_next_number() -> None:
    paused, backlog = with_pause(ACTIVE, replace(ACTIVE, status="paused"), None)
    assert paused.paused_at
    assert (paused.pauses, backlog) == (2, None)


@pytest.mark.parametrize("before", [ACTIVE, PAUSED, subscription(status="disabled")])
def test_the_same_status_changes_nothing(before: Any) -> None:
    assert with_pause(before, before, "now") == (before, None)


@pytest.mark.parametrize("resume_from", [None, "backlog"])
def test_a_resume_brings_the_backlog_unless_it_says_otherwise(resume_from: Any) -> None:
    resumed, backlog = with_pause(PAUSED, replace(PAUSED, status="active"), resume_from)
    assert backlog
    assert (backlog.pause, backlog.since) == (2, PAUSED.paused_at)
    assert (backlog.subscription_id, backlog.service_id) == (PAUSED.id, PAUSED.service_id)
    assert (resumed.paused_at, resumed.skipped_pauses) == (None, 0)
    assert resumed.backlog_replay_id == backlog.id


@pytest.mark.parametrize(("status", "resume_from"), [("active", "now"), ("disabled", None)])
def test_a_backlog_is_given_up_from_now_on(status: Any, resume_from: Any) -> None:
    resumed, backlog = with_pause(PAUSED, replace(PAUSED, status=status), resume_from)
    assert backlog is None
    assert (resumed.paused_at, resumed.skipped_pauses) == (None, 2)


def test_an_enabled_subscription_begins_without_a_backlog() -> None:
    before = subscription(status="disabled", pauses=1)
    assert with_pause(before, replace(before, status="active"), None)[1] is None


@pytest.mark.parametrize(
    ("status", "resume_from", "restarted"),
    [("active", "backlog", 3), ("active", "now", 2), ("disabled", None, 2)],
)
def test_the_end_of_a_pause_continues_or_ends_the_replays_that_it_stopped(
    aws: Aws, status: Any, resume_from: Any, restarted: int
) -> None:
    queue = aws.queue()
    writes = SubscriptionWrites(aws.registrations, ReplayQueue(aws.sqs, queue), most=10)
    stopped = replace(PAUSED, catch_up_replay_id="rpl_0", backlog_replay_id="rpl_1")
    paused = aws.subscriptions.create(stopped)
    changed = writes.change(paused, replace(paused, status=status), resume_from)
    sent = aws.sent(queue)
    assert len(sent) == restarted
    assert {"rpl_0", "rpl_1", changed.backlog_replay_id} == {each.body for each in sent}
