"""A delivery of a paused subscription looks less and less often whether the pause is over."""

import random

import pytest
from event_bus import times
from event_bus.model.delivery import DeliveryError
from event_bus.model.pauses import look_again_at, waits_for_resume

from tests.builders import NOON, delivery, subscription


@pytest.mark.parametrize(
    ("lasted", "longest"), [(None, 60), (0, 60), (60, 60), (61, 61), (300, 300), (86_400, 900)]
)
def test_the_next_look_is_at_most_as_far_away_as_the_pause_has_lasted(
    monkeypatch: pytest.MonkeyPatch, lasted: int | None, longest: int
) -> None:
    now = times.seconds(NOON)
    monkeypatch.setattr(times, "unix", lambda: now)
    paused_at = None if lasted is None else times.at(now - lasted)
    paused = subscription(status="paused", paused_at=paused_at)
    looks = []
    for share in (0.0, 1.0):
        monkeypatch.setattr(random, "uniform", lambda a, b, share=share: a + share * (b - a))
        looks.append(look_again_at(paused) - now)
    assert looks == [longest / 2, longest]


def test_only_a_delivery_that_a_pause_holds_waits_for_the_resume() -> None:
    paused = DeliveryError("subscription_paused", "the subscription is paused", NOON)
    assert waits_for_resume(delivery("retrying", last_error=paused))
    assert not waits_for_resume(delivery("retrying"))
    assert not waits_for_resume(delivery("delivered"))
