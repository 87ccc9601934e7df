"""How a walk reads what it decides by: with few requests, and never too early."""

from collections import Counter
from typing import Any, cast

import pytest
from event_bus.model import transitions
from event_bus.model.delivery import DeliveryKey
from event_bus.model.retry_policy import RetryPolicy
from event_bus.model.stream_name import StreamName
from event_bus.model.subscription import Subscription
from event_bus.stores.placed_events import PlacedEvents

from tests.aws import Aws
from tests.builders import delivery, event, message
from tests.unit.event_bus.delivery.lanes import REFUSED, LaneRun, run
from tests.unit.event_bus.delivery.ordered_streams import ordered, store

__all__ = ["run"]

PLACE = Counter({("streams", "BatchGetItem"): 1, ("deliveries", "BatchGetItem"): 1})
"""What the place of an event, its routing record and its delivery take: one request."""

WALK = Counter({("cursors", "UpdateItem"): 2, ("streams", "Query"): 1})
"""What every walk takes: the cursor is taken and given back, and the end of the stream is seen."""


@pytest.fixture
def to(run: LaneRun, aws: Aws) -> Subscription:
    """A subscription that the lane knows from a first batch."""
    made = ordered(aws)
    [known] = store(aws, "evt_0", stream="task/0")
    run.take(message(known, made))
    return made


@pytest.fixture
def uses(aws: Aws, to: Subscription) -> Counter[tuple[str, str]]:
    """Counts how each table is used after that batch."""
    counted: Counter[tuple[str, str]] = Counter()
    dynamodb = cast("Any", aws.dynamodb)
    dynamodb.check = lambda action, table: counted.update([(table, action.partition(":")[2])])
    return counted


def test_a_new_event_of_a_known_stream_takes_five_requests(
    run: LaneRun, aws: Aws, to: Subscription, uses: Counter[tuple[str, str]]
) -> None:
    [first] = store(aws, "evt_1")
    run.take(message(first, to))
    [second] = store(aws, "evt_2")
    uses.clear()
    run.take(message(second, to))
    assert run.target.events == ["evt_0", "evt_1", "evt_2"]
    assert uses == WALK + PLACE + Counter({("deliveries", "UpdateItem"): 1})


def test_the_first_event_of_a_stream_needs_no_search_for_the_beginning(
    run: LaneRun, aws: Aws, to: Subscription, uses: Counter[tuple[str, str]]
) -> None:
    [first] = store(aws, "evt_1")
    uses.clear()
    run.take(message(first, to))
    assert uses == WALK + PLACE + Counter({("deliveries", "UpdateItem"): 1})


def test_events_that_come_together_are_not_read_one_by_one(
    run: LaneRun, aws: Aws, to: Subscription, uses: Counter[tuple[str, str]]
) -> None:
    stored = store(aws, *(f"evt_{number}" for number in range(1, 9)))
    uses.clear()
    run.take(*(message(each, to) for each in stored))
    assert run.target.events == ["evt_0", *(each.id for each in stored)]
    # Their messages carry them.
    assert not {use for use in uses if use[0] == "events"}
    # The routing records, and the deliveries of the second event and of those behind it.
    assert uses["deliveries", "BatchGetItem"] == 3
    assert uses["deliveries", "GetItem"] == 1
    assert uses["deliveries", "UpdateItem"] == 8


def test_events_without_a_message_in_the_batch_are_read_together(
    run: LaneRun, aws: Aws, to: Subscription, uses: Counter[tuple[str, str]]
) -> None:
    stored = store(aws, *(f"evt_{number}" for number in range(1, 9)))
    uses.clear()
    run.take(message(stored[0], to))
    assert run.target.events == ["evt_0", *(each.id for each in stored)]
    # The second event, and those behind it.
    assert uses["events", "BatchGetItem"] == 2


def test_behind_an_event_that_waits_nothing_is_read(
    run: LaneRun, aws: Aws, to: Subscription, uses: Counter[tuple[str, str]]
) -> None:
    first, *later = store(aws, *(f"evt_{number}" for number in range(1, 9)))
    run.target.script["evt_1"] = REFUSED
    run.take(message(first, to))
    uses.clear()
    run.take(message(later[-1], to))
    assert run.target.events == ["evt_0", "evt_1"]
    assert uses["deliveries", "GetItem"] == uses["deliveries", "BatchGetItem"] == 1
    assert not {use for use in uses if use[0] == "events"}


def test_a_delivery_that_ends_while_an_earlier_event_is_delivered_is_not_attempted(
    run: LaneRun, aws: Aws
) -> None:
    to = ordered(aws, retry_policy=RetryPolicy(max_attempts=2, schedule=[5]))
    first, *_ = store(aws, "evt_1", "evt_2", "evt_3", "evt_4")
    waiting = transitions.postponed(
        message(event("evt_4"), to).first_record(None), 0, "circuit_open", "too many failed"
    )
    aws.deliveries.record(waiting, 1)

    def discard() -> None:
        # The delivery was read with that of the second event.
        if len(run.target.requests) == 2:
            aws.dead_letters.discard(transitions.discarded(run.outcome("evt_4"), "worker"))

    run.target.meet = discard
    run.take(message(first, to))
    assert run.target.events == ["evt_1", "evt_2", "evt_3"]
    assert run.outcome("evt_4").status == "dropped"


def test_an_event_has_only_the_place_that_it_was_stored_at(aws: Aws) -> None:
    first, second = store(aws, "evt_1", "evt_2")
    placed = PlacedEvents(aws.streams, aws.routings, aws.deliveries)
    stream = StreamName("planner", "task/1")
    found = placed.at(stream, 2, DeliveryKey(second.id, "sub_1"))
    assert found
    assert (found.entry.version, found.entry.event_id) == (2, second.id)
    assert found.routing
    assert found.delivery is None
    for version in (1, 3):
        assert placed.at(stream, version, DeliveryKey(second.id, "sub_1")) is None
    aws.deliveries.record(delivery("delivered", first.id), 1)
    found = placed.at(stream, 1, DeliveryKey(first.id, "sub_1"))
    assert found
    assert found.delivery == aws.deliveries.get(DeliveryKey(first.id, "sub_1"))
