"""An event's item holds the event, and the keys that it is listed by."""

from event_bus.stores.events import from_item, to_item
from event_bus.stores.listings import Trait

from tests.builders import LARGE_PAYLOAD, event


def test_the_item_of_an_event_is_the_event() -> None:
    small = event(payload={"a": 1}, metadata={"trace_id": "t", "own": "x"})
    assert from_item(to_item(small, 1)) == small


def test_a_large_payload_stays_out_of_the_item() -> None:
    assert "payload" not in to_item(event(payload=LARGE_PAYLOAD), 1)


def test_an_event_without_ids_is_in_no_index_of_them() -> None:
    item = to_item(event(), 1)
    assert "correlation_id" not in item
    assert "trace_id" not in item


def test_the_events_of_one_kind_are_spread_over_the_shards_of_their_cell() -> None:
    items = [to_item(event(f"evt_{number}", "task.made", "planner"), 1) for number in range(100)]
    assert {item["cell"]["S"] for item in items} == set(Trait("planner", "task").cells())
