"""Deliveries of past events that have begun when their subscription changes or is deleted."""

from dataclasses import replace
from typing import Any

import pytest
from event_bus import times
from event_bus.access.receive_rights import ReceiveRights
from event_bus.delivery.subscription_cache import CACHE_SECONDS
from event_bus.model.followed_streams import FollowedStreams
from event_bus.model.subscription import Subscription
from event_bus.queues.message import Message, next_message

from tests.aws import Aws
from tests.builders import message, routing
from tests.unit.event_bus.delivery.lanes import REFUSED, LaneRun, run
from tests.unit.event_bus.delivery.ordered_streams import make_due, ordered, store

__all__ = ["run"]


def begun(run: LaneRun, aws: Aws, *, routed: bool = True) -> tuple[Subscription, Message]:
    """A subscription whose first past event was refused once, and the message of its retry."""
    created_at = times.at(times.unix() - 1_000)
    first, _ = store(aws, "evt_0", "evt_1", routed=False, created_at=created_at)
    if routed:
        aws.routings.record([routing("evt_0"), routing("evt_1")])
    followed = FollowedStreams("planner", "task/1", None, 1)
    filters = followed.narrowed({})
    to = ordered(aws, stream=followed, filters=filters, created_at=times.now())
    run.target.script["evt_0"] = REFUSED
    assert run.take(message(first, to)) == []
    assert run.target.events == ["evt_0"]
    run.target.script.clear()
    run.target.requests.clear()
    run.sent()
    make_due(aws, "evt_0")
    return to, next_message(run.outcome("evt_0"))


def change(run: LaneRun, aws: Aws, to: Subscription, **members: Any) -> None:
    aws.subscriptions.update(replace(to, **members))
    run.now[0] += CACHE_SECONDS


@pytest.mark.parametrize("routed", [True, False])
def test_the_retry_for_a_deleted_subscription_ends_its_delivery(
    run: LaneRun, aws: Aws, routed: bool
) -> None:
    # The routing records of kept events expire.
    to, retry = begun(run, aws, routed=routed)
    aws.subscriptions.delete(to)
    run.now[0] += CACHE_SECONDS
    assert run.take(retry) == []
    assert (run.target.events, run.sent()) == ([], [])
    assert run.outcome("evt_0").status == "dropped"
    assert run.error("evt_0")[0] == "subscription_deleted"
    # It is settled for whatever comes again, too.
    assert run.take(retry, receives=2) == []
    assert run.sent() == []


def test_the_retry_for_a_disabled_subscription_becomes_a_dead_letter(
    run: LaneRun, aws: Aws
) -> None:
    to, retry = begun(run, aws)
    change(run, aws, to, status="disabled")
    assert run.take(retry) == []
    assert run.outcome("evt_0").status == "exhausted"
    assert run.error("evt_0")[0] == "subscription_disabled"
    # No attempt of the other event has been made, so a disabled subscription is not owed it.
    assert aws.deliveries.of_event("evt_1")[1] == []


def test_an_event_that_waited_for_a_resume_becomes_a_dead_letter(run: LaneRun, aws: Aws) -> None:
    to, retry = begun(run, aws)
    change(run, aws, to, status="paused", paused_at=times.now(), pauses=1)
    assert run.take(retry) == []
    assert run.error("evt_0")[0] == "subscription_paused"
    change(run, aws, to, status="disabled", pauses=1, version=to.version + 1)
    assert run.take(next_message(run.outcome("evt_0"))) == []
    assert run.outcome("evt_0").status == "exhausted"


@pytest.mark.parametrize("narrowed", [{"event_types": ["user.*"]}, {"filters": {"*": {"n": [7]}}}])
def test_a_begun_delivery_goes_on_even_if_its_event_no_longer_matches(
    run: LaneRun, aws: Aws, narrowed: dict[str, Any]
) -> None:
    to, retry = begun(run, aws)
    change(run, aws, to, **narrowed)
    assert run.take(retry) == []
    assert run.target.events == ["evt_0"]
    assert run.outcome("evt_0").status == "delivered"


def test_a_begun_delivery_ends_if_its_service_lost_the_right(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, retry = begun(run, aws)
    monkeypatch.setattr(ReceiveRights, "permits_event", lambda *_: False)
    assert run.take(retry) == []
    assert run.target.events == []
    assert run.outcome("evt_0").status == "exhausted"
    assert run.error("evt_0")[0] == "not_permitted"


def test_an_event_that_a_pause_recorded_ends_with_its_own_message(run: LaneRun, aws: Aws) -> None:
    # A router sent its message and crashed, and the event did not match when it was routed again.
    to = ordered(aws, status="paused", paused_at=times.now(), pauses=1)
    [lost] = store(aws, "evt_1", routed=False)
    aws.routings.record([routing("evt_1")])
    assert run.take(message(lost, to)) == []
    assert run.outcome("evt_1").status == "retrying"
    change(run, aws, to, status="active", paused_at=None)
    assert run.take(next_message(run.outcome("evt_1"))) == []
    assert run.target.events == []
    assert run.outcome("evt_1").status == "dropped"
    assert run.error("evt_1")[0] == "not_matched"


def test_a_message_after_a_walk_of_its_batch_ends_what_the_walk_left(
    run: LaneRun, aws: Aws
) -> None:
    to = ordered(aws)
    [first] = store(aws, "evt_1")
    [second] = store(aws, "evt_2", routed=False)
    aws.subscriptions.delete(to)
    # The router that knew the subscription sends the message before it records the match.
    assert run.take(message(first, to), message(second, to)) == []
    assert run.sent() == []
    assert [run.outcome(each).status for each in ("evt_1", "evt_2")] == ["dropped", "dropped"]
