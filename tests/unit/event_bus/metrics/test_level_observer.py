"""How many deliveries wait, and how many events are held, is counted once for each change."""

from typing import Any

import orjson
import pytest
from event_bus import times
from event_bus.metrics.level_observer import LevelObserver
from event_bus.stores.levels import HELD, LevelStore, held, waiting

from tests.aws import RETENTION_DAYS, Aws


@pytest.fixture
def levels(aws: Aws) -> LevelStore:
    return LevelStore(aws.table("metrics"), RETENTION_DAYS)


def record(number: int, new: dict[str, Any] | None, old: dict[str, Any] | None) -> dict[str, Any]:
    """A change of an item, as the stream tells it."""
    images = {"NewImage": new, "OldImage": old}
    change: dict[str, Any] = {name: each for name, each in images.items() if each is not None}
    change["ApproximateCreationDateTime"] = 1_777_636_800.0
    return {"eventID": str(number), "dynamodb": change}


def routing(**pauses: int) -> dict[str, Any]:
    item: dict[str, Any] = {
        "event_id": {"S": "evt_1"},
        "subscription_id": {"S": "#routing"},
        "matched": {"S": "{}"},
        "routed_at": {"S": "2026-05-01T12:00:00.000Z"},
    }
    return item | {"held": {"S": orjson.dumps(pauses).decode()}} if pauses else item


def delivery(status: str, name: str = "sub_1") -> dict[str, Any]:
    at = {"S": "2026-05-01T12:00:00.000Z"}
    return {
        "event_id": {"S": "evt_1"},
        "subscription_id": {"S": name},
        "status": {"S": status},
        "created_at": at,
        "updated_at": at,
    }


def test_the_level_of_a_pause_expires_with_the_events_that_it_held(
    levels: LevelStore, aws: Aws
) -> None:
    # Otherwise the levels of former pauses would fill the lists that show the present ones.
    now = times.unix()
    levels.add("batch", {held("sub_1", 2): 1, waiting("sub_1"): 1})
    items = aws.dynamodb.scan(TableName=aws.tables["metrics"])["Items"]
    days = {each["start"]["S"]: (int(each["expires_at"]["N"]) - now) / 86_400 for each in items}
    assert days[held("sub_1", 2)] == pytest.approx(RETENTION_DAYS, abs=0.01)
    assert days[waiting("sub_1")] == pytest.approx(400, abs=0.01)


def test_held_events_in_a_further_part_of_a_routing_record_are_counted(levels: LevelStore) -> None:
    part = {name: each for name, each in routing(sub_9=3).items() if name != "routed_at"}
    part["subscription_id"] = {"S": "#routing#1"}
    observer = LevelObserver(levels)
    observer.count([record(1, part, None), record(2, routing(sub_1=2), None)])
    assert levels.beginning_with(HELD, 10) == {held("sub_1", 2): 1, held("sub_9", 3): 1}


def test_held_events_are_counted_until_they_are_released(levels: LevelStore) -> None:
    observer = LevelObserver(levels)
    observer.count(
        [
            record(1, routing(sub_1=2, sub_2=1), None),
            record(2, routing(sub_1=2), None),
            record(3, routing(sub_1=2), routing(sub_1=2)),
            record(4, routing(), routing(sub_1=2)),
            record(5, routing(), None),
        ]
    )
    assert levels.beginning_with(HELD, 10) == {held("sub_1", 2): 1, held("sub_2", 1): 1}


def test_releases_from_a_divided_record_are_counted_once(levels: LevelStore) -> None:
    part = {name: each for name, each in routing(sub_8=3, sub_9=3).items() if name != "routed_at"}
    part["subscription_id"] = {"S": "#routing#rtg_1#1"}
    whole = routing(sub_1=2)
    first = whole | {"released": {"S": '{"sub_9":3}'}}
    second = whole | {"released": {"S": '{"sub_9":3,"sub_1":2}'}}
    observer = LevelObserver(levels)
    observer.count([record(1, part, None), record(2, whole, None)])
    observer.count([record(3, first, whole), record(4, second, first), record(5, second, second)])
    assert levels.beginning_with(HELD, 10) == {
        held("sub_1", 2): 0,
        held("sub_8", 3): 1,
        held("sub_9", 3): 0,
    }


def test_waiting_deliveries_are_counted_until_they_end(levels: LevelStore) -> None:
    observer = LevelObserver(levels)
    observer.count(
        [
            record(1, delivery("retrying"), None),
            record(2, delivery("retrying", "sub_1#rpl_1"), delivery("pending")),
            record(3, delivery("retrying"), delivery("retrying")),
            record(4, delivery("delivered", "sub_2"), None),
        ]
    )
    assert levels.read([waiting("sub_1"), waiting("sub_2")]) == {
        waiting("sub_1"): 2,
        waiting("sub_2"): 0,
    }
    observer.count([record(5, delivery("exhausted"), delivery("retrying"))])
    assert levels.read([waiting("sub_1")]) == {waiting("sub_1"): 1}


def test_a_batch_that_comes_again_counts_once(levels: LevelStore) -> None:
    batch = [record(1, routing(sub_1=1), None), record(2, delivery("retrying"), None)]
    for _ in range(3):
        LevelObserver(levels).count(batch)
    assert levels.read([held("sub_1", 1), waiting("sub_1")]) == {
        held("sub_1", 1): 1,
        waiting("sub_1"): 1,
    }


def test_more_levels_than_a_transaction_holds_are_all_counted(levels: LevelStore) -> None:
    pauses = {f"sub_{number}": 1 for number in range(250)}
    LevelObserver(levels).count([record(1, routing(**pauses), None)])
    assert set(levels.beginning_with(HELD, 1_000).values()) == {1}
    assert len(levels.beginning_with(HELD, 1_000)) == 250


def test_a_record_that_cannot_be_read_does_not_hide_the_others(levels: LevelStore) -> None:
    broken = routing() | {"held": {"S": "no JSON"}}
    LevelObserver(levels).count([record(1, broken, None), record(2, routing(sub_1=1), None)])
    assert levels.read([held("sub_1", 1)]) == {held("sub_1", 1): 1}
