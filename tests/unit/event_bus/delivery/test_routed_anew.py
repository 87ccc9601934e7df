"""Ordered delivery of events that were routed again after their subscription had changed."""

from dataclasses import replace
from typing import Any

import pytest
from event_bus import times
from event_bus.delivery import live_stream
from event_bus.model.event import Event
from event_bus.model.subscription import Subscription
from event_bus.model.transitions import exhausted, reopened

from tests.aws import Aws
from tests.builders import message, routing
from tests.unit.event_bus.delivery.lanes import REFUSED, LaneRun, run
from tests.unit.event_bus.delivery.ordered_streams import ordered, store

__all__ = ["run"]


def matching_late(run: LaneRun, aws: Aws, to: Subscription) -> Event:
    """The first event of a stream, which matches only after the walk has passed it."""
    gained, second = store(aws, "evt_1", "evt_2", routed=False)
    aws.routings.record([routing("evt_1"), routing("evt_2")])
    run.take(message(second, to))
    aws.routings.record([routing("evt_1", sub_1="x")])
    return gained


@pytest.mark.parametrize(
    ("guarantee", "end"), [("at_least_once", "exhausted"), ("at_most_once", "dropped")]
)
def test_an_event_that_was_routed_anew_and_matches_too_late_is_a_dead_letter(
    run: LaneRun, aws: Aws, guarantee: Any, end: str
) -> None:
    # Its batch was routed again after the subscription had gained the type.
    to = aws.subscriptions.update(replace(ordered(aws), delivery_guarantee=guarantee))
    gained, second, third = store(aws, "evt_1", "evt_2", "evt_3", routed=False)
    later = [routing(each.id, sub_1="x") for each in (second, third)]
    aws.routings.record([routing("evt_1"), *later])
    run.take(message(third, to))
    aws.routings.record([routing("evt_1", sub_1="x")])
    for _ in range(2):
        run.take(message(gained, to))
    assert run.target.events == ["evt_2", "evt_3"]
    assert run.outcome("evt_1").status == end
    said = "the event matched only after later events of its stream had been delivered"
    assert run.error("evt_1") == ("stream_passed", said)


def test_an_event_that_matches_late_is_attempted_if_no_later_one_was(
    run: LaneRun, aws: Aws
) -> None:
    to = ordered(aws)
    gained = matching_late(run, aws, to)
    run.take(message(gained, to))
    assert run.target.events == ["evt_1"]


@pytest.mark.parametrize("retried", [False, True])
def test_a_pause_does_not_hide_that_an_event_was_routed_anew_too_late(
    run: LaneRun, aws: Aws, retried: bool
) -> None:
    to = ordered(aws)
    gained, second = store(aws, "evt_1", "evt_2", routed=False)
    aws.routings.record([routing("evt_1"), routing("evt_2", sub_1="x")])
    run.take(message(second, to))
    paused = aws.subscriptions.update(replace(to, status="paused", paused_at=times.now(), pauses=1))
    aws.routings.record([routing("evt_1", sub_1="x")])
    run.take(message(gained, paused))
    waiting = run.outcome("evt_1")
    assert run.error("evt_1")[0] == "subscription_paused"
    if retried:
        # A person who retries it during the pause accepts that it arrives out of order.
        assert aws.dead_letters.reopen(reopened(waiting))
        run.take(message(gained, paused))
    resumed = aws.subscriptions.update(replace(paused, status="active", paused_at=None))
    run.take(message(gained, resumed))
    found = run.outcome("evt_1")
    assert found.dead_letter_id == waiting.dead_letter_id
    if retried:
        assert run.target.events == ["evt_2", "evt_1"]
        assert found.status == "delivered"
    else:
        assert run.target.events == ["evt_2"]
        assert (found.status, run.error("evt_1")[0]) == ("exhausted", "stream_passed")


def test_a_retry_of_an_event_that_matched_late_comes_behind_no_later_one(
    run: LaneRun, aws: Aws
) -> None:
    to = ordered(aws)
    gained = matching_late(run, aws, to)
    run.target.script["evt_1"] = REFUSED
    run.take(message(gained, to))
    [third] = store(aws, "evt_3")
    run.take(message(third, to))
    run.take(message(gained, to, attempt=2))
    assert run.target.events == ["evt_1", "evt_3"]
    assert (run.outcome("evt_1").status, run.error("evt_1")[0]) == (
        "exhausted",
        "stream_passed",
    )


@pytest.mark.parametrize("matches", [True, False])
def test_a_dead_letter_without_an_attempt_is_attempted_if_a_person_retries_it(
    run: LaneRun, aws: Aws, matches: bool
) -> None:
    to = ordered(aws)
    first, second = store(aws, "evt_1", "evt_2", routed=False)
    aws.routings.record([routing("evt_1", **({"sub_1": "x"} if matches else {}))])
    aws.routings.record([routing("evt_2", sub_1="x")])
    dead = exhausted(message(first, to).first_record(first), "not_permitted", "forbidden")
    aws.deliveries.record(dead, 1)
    run.take(message(second, to))
    assert aws.dead_letters.reopen(reopened(run.outcome("evt_1")))
    run.take(message(first, to))
    assert run.target.events == ["evt_2", "evt_1"]


@pytest.mark.parametrize(("passed", "status"), [(3, "delivered"), (4, "exhausted")])
def test_a_long_stream_is_searched_up_to_a_bound(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch, passed: int, status: str
) -> None:
    monkeypatch.setattr(live_stream, "_SEARCHED_PAGE", 2)
    monkeypatch.setattr(live_stream, "_SEARCHED_PAGES", 2)
    to = ordered(aws)
    gained, *later = store(aws, *(f"evt_{each}" for each in range(passed + 1)), routed=False)
    aws.routings.record([routing(each.id) for each in (gained, *later)])
    run.take(message(later[-1], to))
    aws.routings.record([routing(gained.id, sub_1="x")])
    run.take(message(gained, to))
    assert run.outcome(gained.id).status == status
    if status == "exhausted":
        said = "the event matched only after its stream had continued by 4 events"
        assert run.error(gained.id) == ("stream_passed", said)
