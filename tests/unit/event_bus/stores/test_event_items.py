"""An event's item holds the event, and the keys that it is listed by."""

from dataclasses import replace

import pytest
from event_bus.model.event import EventOrigin
from event_bus.stores.event_items import from_item, to_item
from event_bus.stores.listings import EventSelector, odd_shard_of

from tests.builders import LARGE_PAYLOAD, LATER, event


def test_the_item_of_an_event_is_the_event() -> None:
    small = event(payload={"a": 1}, metadata={"trace_id": "t", "own": "x"})
    assert from_item(to_item(small, 1)) == small


@pytest.mark.parametrize(
    "origin",
    [
        EventOrigin("planner", "ebk_1", "203.0.113.7"),
        EventOrigin("admin", None, "2001:db8::7"),
        EventOrigin("admin", "ebk_2"),
        EventOrigin("planner"),
        None,
    ],
)
def test_the_item_says_who_published(origin: EventOrigin | None) -> None:
    published = replace(event(), origin=origin)
    assert from_item(to_item(published, 1)) == published


def test_a_large_payload_stays_out_of_the_item() -> None:
    assert "payload" not in to_item(event(payload=LARGE_PAYLOAD), 1)


def test_an_event_without_ids_is_in_no_index_of_them() -> None:
    item = to_item(event(), 1)
    assert "correlation_id" not in item
    assert "trace_id" not in item


def test_the_events_of_one_kind_are_spread_over_the_shards_of_their_cell() -> None:
    items = [to_item(event(f"evt_{number}", "task.made", "planner"), 1) for number in range(100)]
    assert {item["cell"]["S"] for item in items} == set(EventSelector("planner", "task").cells())


def test_an_event_that_was_stored_long_after_it_happened_is_listed_by_when_it_was_stored() -> None:
    late = replace(event("evt_1", timestamp="2026-05-01T12:00:00.000Z"), created_at=LATER)
    item = to_item(late, 1)
    assert item["odd_position"] == {"S": f"{LATER}#evt_1"}
    assert item["odd_shard"]["S"] == odd_shard_of("evt_1")
    at_once = to_item(replace(late, created_at=late.timestamp), 1)
    assert not {"odd_position", "odd_shard"} & at_once.keys()
