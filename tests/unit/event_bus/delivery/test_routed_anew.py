"""Ordered delivery of events that were routed again after their subscription had changed."""

from dataclasses import replace
from typing import Any

import pytest

from tests.aws import Aws
from tests.builders import message, routing
from tests.unit.event_bus.delivery.lanes import Trial, trial
from tests.unit.event_bus.delivery.ordered_streams import ordered, store

__all__ = ["trial"]


@pytest.mark.parametrize(
    ("guarantee", "end"), [("at_least_once", "exhausted"), ("at_most_once", "dropped")]
)
def test_an_event_that_was_routed_anew_and_matches_too_late_is_a_dead_letter(
    trial: Trial, aws: Aws, guarantee: Any, end: str
) -> None:
    # Its batch was routed again after the subscription had gained the type.
    to = aws.subscriptions.update(replace(ordered(aws), delivery_guarantee=guarantee))
    gained, second, third = store(aws, "evt_1", "evt_2", "evt_3", routed=False)
    later = [routing(each.id, sub_1="x") for each in (second, third)]
    aws.routings.record([routing("evt_1"), *later])
    trial.take(message(third, to))
    aws.routings.record([routing("evt_1", sub_1="x")])
    for _ in range(2):
        trial.take(message(gained, to))
    assert trial.target.events == ["evt_2", "evt_3"]
    assert trial.outcome("evt_1").status == end
    said = "the event matched only after later events of its stream had been delivered"
    assert trial.error("evt_1") == ("stream_passed", said)


def test_an_event_that_matches_late_is_attempted_if_no_later_one_was(
    trial: Trial, aws: Aws
) -> None:
    to = ordered(aws)
    gained, second = store(aws, "evt_1", "evt_2", routed=False)
    aws.routings.record([routing("evt_1"), routing("evt_2")])
    trial.take(message(second, to))
    aws.routings.record([routing("evt_1", sub_1="x")])
    trial.take(message(gained, to))
    assert trial.target.events == ["evt_1"]
