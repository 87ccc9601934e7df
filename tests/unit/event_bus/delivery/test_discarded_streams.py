"""The message of the sweep continues the stream of a discarded delivery, and ends what is due."""

from collections.abc import Callable
from typing import Any

import pytest
from event_bus.model import transitions
from event_bus.model.delivery import Delivery
from event_bus.model.subscription import Subscription
from event_bus.queues.message import next_message

from tests.aws import Aws
from tests.builders import LATER, delivery, subscription
from tests.unit.event_bus.delivery.lanes import LaneRun, run
from tests.unit.event_bus.delivery.ordered_streams import ordered, store

__all__ = ["run"]


def discarded(aws: Aws, attempts: int) -> Delivery:
    """Discards the delivery of the first event, whose function ends before it sends a message."""
    before = delivery(
        "retrying",
        attempts=attempts,
        next_retry_at=LATER,
        waiting=True,
        dead_letter_id="dl_1",
        stream="planner\ntask/1",
    )
    aws.deliveries.record(before, attempts + 1)
    ended = aws.dead_letters.discard(transitions.discarded(before, "worker"))
    assert ended
    assert ended.continues
    return ended


def plain(aws: Aws) -> Subscription:
    return aws.subscriptions.create(subscription())


@pytest.mark.parametrize("attempts", [0, 1])
@pytest.mark.parametrize("subscribed", [ordered, plain])
def test_a_message_of_the_sweep(
    run: LaneRun, aws: Aws, subscribed: Callable[[Aws], Any], attempts: int
) -> None:
    to = subscribed(aws)
    store(aws, "evt_1", "evt_2")
    ended = discarded(aws, attempts)
    assert run.take(next_message(ended)) == []
    assert run.target.events == (["evt_2"] if to.ordered else [])
    assert run.outcome().status == "dropped"
    assert not run.outcome().continues
    assert aws.due.page(0, "9", 10) == aws.due.page(1, "9", 10) == []


def test_the_subscription_was_deleted(run: LaneRun, aws: Aws) -> None:
    to = ordered(aws)
    store(aws, "evt_1", "evt_2")
    ended = discarded(aws, 1)
    aws.subscriptions.delete(to)
    run.take(next_message(ended))
    assert not run.outcome().continues
