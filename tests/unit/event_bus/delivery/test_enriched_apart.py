"""An enriched event is sent on without waiting for the slowest source of its batch."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from event_bus.model.pace import SLOW_SECONDS
from event_bus.model.subscription import Subscription

from tests.aws import Aws
from tests.faults import broken, not_sent
from tests.unit.event_bus.delivery.enriching_batches import Batches, batches
from tests.unit.event_bus.delivery.enrichments import subscribed
from tests.waiting import PATIENCE_SECONDS, join

__all__ = ["batches"]


@pytest.fixture
def to(aws: Aws) -> Subscription:
    return subscribed(aws)


@pytest.fixture
def requests(aws: Aws) -> Iterator[list[str]]:
    """The requests that send messages."""
    made: list[str] = []

    def counted(**_: Any) -> None:
        made.append("SendMessageBatch")

    aws.sqs.meta.events.register("before-send.sqs.SendMessageBatch", counted)
    yield made
    aws.sqs.meta.events.unregister("before-send.sqs.SendMessageBatch", counted)


def test_what_is_enriched_within_a_second_is_sent_in_one_request(
    batches: Batches, to: Subscription, requests: list[str]
) -> None:
    assert batches.take(*batches.messages(to, "evt_1", "evt_2", "evt_3")) == []
    assert batches.timers.asked == [SLOW_SECONDS]
    assert requests == ["SendMessageBatch"]
    assert batches.onward() == ["evt_1", "evt_2", "evt_3"]


def test_a_slow_source_delays_the_others_of_its_batch_by_a_second_at_most(
    batches: Batches, to: Subscription
) -> None:
    seen: list[list[str]] = []

    def slow() -> None:
        batches.timers.pass_all()
        seen.append(batches.onward())

    batches.meanwhile["evt_3"] = slow
    batches.meanwhile["evt_4"] = lambda: seen.append(batches.onward())
    assert batches.take(*batches.messages(to, "evt_1", "evt_2", "evt_3", "evt_4")) == []
    assert seen == [["evt_1", "evt_2"], ["evt_3"]]
    assert batches.onward() == ["evt_4"]


def test_each_request_that_fails_keeps_its_own_messages_alone(
    batches: Batches, to: Subscription
) -> None:
    batches.meanwhile["evt_3"] = batches.timers.pass_all
    with not_sent(batches.aws.sqs, "SendMessageBatch"):
        assert batches.take(*batches.messages(to, "evt_1", "evt_2", "evt_3")) == [
            "m-evt_1-1",
            "m-evt_2-1",
        ]
    assert batches.onward() == ["evt_3"]


def test_late_events_are_sent_side_by_side(batches: Batches, to: Subscription) -> None:
    names = [f"evt_{number}" for number in range(10)]
    batches.meanwhile = dict.fromkeys(names, batches.timers.pass_all)
    with ThreadPoolExecutor(10) as executor:
        assert batches.take(*batches.messages(to, *names), executor=executor) == []
    assert batches.onward() == names


def test_the_function_does_not_return_while_a_request_is_in_progress(
    batches: Batches, to: Subscription, aws: Aws
) -> None:
    began, returned = threading.Event(), threading.Event()

    def fails(**_: Any) -> None:
        aws.sqs.meta.events.unregister("before-send.sqs.SendMessageBatch", fails)
        began.set()
        # It ends by itself, because the function waits for it.
        returned.wait(0.2)
        raise broken()

    late = threading.Thread(target=batches.timers.pass_all, daemon=True)

    def slow() -> None:
        late.start()
        assert began.wait(PATIENCE_SECONDS)

    batches.meanwhile["evt_2"] = slow
    aws.sqs.meta.events.register("before-send.sqs.SendMessageBatch", fails)
    kept = batches.take(*batches.messages(to, "evt_1", "evt_2"))
    returned.set()
    join(late)
    assert (kept, batches.onward()) == (["m-evt_1-1"], ["evt_2"])
