"""A refused message ends, and only the stream of an ordered subscription continues behind it."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from event_bus.maintenance.due import DueSweep
from event_bus.maintenance.refused import CONTINUED_SECONDS, RefusedMessages
from event_bus.model import transitions
from event_bus.model.delivery import Delivery
from event_bus.model.subscription import Subscription
from event_bus.queues.message import Message
from event_bus.stores.due_deliveries import DueDeliveries

from tests.aws import Aws
from tests.builders import LATER, delivery, subscription

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


def test_a_discarded_delivery_whose_message_is_refused_is_due_no_more(aws: Aws) -> None:
    waiting = replace(
        IN_STREAM, attempts=0, next_retry_at=LATER, waiting=True, dead_letter_id="dl_1"
    )
    aws.deliveries.record(waiting, 1)
    discarded = aws.dead_letters.discard(transitions.discarded(waiting, "worker"))
    assert discarded
    assert discarded.continues
    sent: list[str] = []

    def refuses_first(messages: list[Message]) -> list[Message]:
        sent.extend(each.event_id for each in messages)
        return [each for each in messages if each.event_id == "evt_1"]

    lanes: Any = SimpleNamespace(send=refuses_first)
    behind = refused_by(subscription(ordered=True), "evt_2")
    due = DueDeliveries(aws.table("deliveries"))
    sweep = DueSweep(due, aws.deliveries, aws.circuits, lanes, behind.following)
    for _ in range(2):
        sweep.run(60)
        assert sent == ["evt_1", "evt_2"]
    assert aws.deliveries.get(discarded.key) == replace(discarded, continues=False)
