"""Behind a refused message, only the stream of an ordered subscription continues."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from event_bus.maintenance.refused import CONTINUED_SECONDS, RefusedMessages
from event_bus.model.delivery import Delivery
from event_bus.model.registration import Subscription

from tests.builders import delivery, subscription

IN_STREAM = replace(delivery("retrying", attempts=3), stream="planner\ntask/1")
REPLAYED = replace(IN_STREAM, key=replace(IN_STREAM.key, replay_id="rep_1"))


def refused_by(stored: Subscription | None, following: str | None) -> RefusedMessages:
    """What knows one subscription, and one event that waits for `evt_1`."""

    def first(subscription_id: str, _: Any, stream: Any, but: str) -> str | None:
        assert (subscription_id, stream.stream_id, but) == ("sub_1", "task/1", "evt_1")
        return following

    store: Any = SimpleNamespace(get=lambda _: stored)
    waiting: Any = SimpleNamespace(first=first)
    return RefusedMessages(store, waiting)


@pytest.mark.parametrize("stored", [subscription(ordered=True), None], ids=["ordered", "deleted"])
def test_the_first_event_that_waits_is_sent(stored: Subscription | None) -> None:
    message = refused_by(stored, "evt_2").following(IN_STREAM)
    assert message
    assert (message.event_id, message.subscription_id) == ("evt_2", "sub_1")
    assert (message.attempt, message.round_start, message.delay) == (1, 0, CONTINUED_SECONDS)


@pytest.mark.parametrize(
    ("stored", "refused", "waits"),
    [
        (subscription(ordered=False), IN_STREAM, "evt_2"),
        (subscription(ordered=True), delivery("retrying"), "evt_2"),
        (subscription(ordered=True), REPLAYED, "evt_2"),
        (subscription(ordered=True), IN_STREAM, None),
    ],
    ids=["unordered", "no stream", "replayed", "none waits"],
)
def test_nothing_else_is_sent(stored: Subscription, refused: Delivery, waits: str | None) -> None:
    assert refused_by(stored, waits).following(refused) is None
