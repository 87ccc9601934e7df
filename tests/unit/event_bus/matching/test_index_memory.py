"""The filters of a subscription take a bounded part of the router's memory."""

import tracemalloc
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

import pytest
from event_bus.errors import InvalidRequest
from event_bus.matching.index import SubscriptionIndex
from event_bus.matching.limits import MAX_FILTERS, MAX_INDEX_ENTRIES, MAX_VALUES
from event_bus.model.filter_checks import check_sent_filters

MOST_BYTES = 3 * 1024 * 1024

Filters = dict[str, dict[str, Any]]

Filter = Callable[[int], dict[str, Any]]


def combinations(number: int) -> dict[str, Any]:
    """Each of 1,000 combinations has 18 fields."""

    def alternatives(name: str) -> list[dict[str, Any]]:
        return [{f"{name}{each}{field}": [number] for field in range(6)} for each in range(10)]

    names = ("x", "y")
    return {"$or": alternatives("z"), **{each: {"$or": alternatives(each)} for each in names}}


def fields(number: int) -> dict[str, Any]:
    return {f"f{each}": [number] for each in range(150)}


def values(number: int) -> dict[str, Any]:
    return {"a": [f"{number}_{each}" for each in range(110)]}


def comparisons(number: int) -> dict[str, Any]:
    return {"a": [{"cidr": f"10.{number}.{each}.0/24"} for each in range(40)]}


def levels(number: int) -> dict[str, Any]:
    """Filters of seven fields, each of which is nested in 28 objects."""
    filters: dict[str, Any] = {}
    for each in range(7):
        inside: Any = [number]
        for _ in range(28):
            inside = {"a": inside}
        filters[f"f{each}"] = inside
    return filters


def any_case(number: int) -> dict[str, Any]:
    """Characters with long forms in the other case."""
    return {"a": [{"suffix": {"equals-ignore-case": f"{number}" + "\u0390" * 600}}]}


def accepted(filters: Filters) -> bool:
    try:
        check_sent_filters(["task.*"], filters)
    except InvalidRequest:
        return False
    return True


@pytest.mark.parametrize("made", [combinations, fields, values, comparisons, levels, any_case])
def test_the_largest_filters_take_a_few_megabytes(made: Filter) -> None:
    def filters(count: int) -> Filters:
        return {f"task.a{number}": made(number) for number in range(count)}

    count = bisect_left(
        range(1, MAX_FILTERS + 1), True, key=lambda each: not accepted(filters(each))
    )
    sent = filters(count)
    assert accepted(sent)
    index = SubscriptionIndex()
    index.put("sub_0", ["task.*"], {"task.b": {"a": ["tables that are made once"]}})
    tracemalloc.start()
    try:
        index.put("sub_1", ["task.*"], sent)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < MOST_BYTES


def entries(index: SubscriptionIndex) -> list[int]:
    """How many entries lead to each rule."""
    return [len(rule.entries) for rule in index._by_id.values()]


def test_filters_that_share_their_values_do_not_multiply_them() -> None:
    # Each of 300 values leads to so many rules that further values could tell them apart.
    filters = {
        f"sub_{number}": {
            "task.*": {name: list(range(number, number + 300)) for name in ("a", "b")}
        }
        for number in range(40)
    }
    index = SubscriptionIndex()
    for name, each in filters.items():
        index.put(name, ["task.*"], each)
    assert max(entries(index)) < MAX_INDEX_ENTRIES + MAX_VALUES
    assert matched(index, {"a": 20, "b": 310}) == {f"sub_{number}" for number in range(11, 21)}
    for name in filters:
        index.remove(name)
    assert matched(index, {"a": 20, "b": 310}) == set()
    index.put("sub_0", ["task.*"], filters["sub_0"])
    assert matched(index, {"a": 0, "b": 299}) == {"sub_0"}


@pytest.mark.parametrize("key", ["*", "task.*", "task.a1.*"])
def test_values_are_not_multiplied_by_types(key: str) -> None:
    types = [f"task.a{number}.*" for number in range(100)]
    index = SubscriptionIndex()
    for number in range(3):
        index.put(f"sub_{number}", types, {key: {"a": [*range(number, 900 + number)]}})
    assert max(entries(index)) < MAX_INDEX_ENTRIES + MAX_VALUES
    for event_type in ("task.a1.b", "task.a99.b"):
        for value in (0, 901):
            expected = {
                f"sub_{number}"
                for number in range(3)
                if number <= value < 900 + number or (key == "task.a1.*" and "a99" in event_type)
            }
            assert matched(index, {"a": value}, event_type) == expected
    for number in range(3):
        index.remove(f"sub_{number}")
    assert matched(index, {"a": 5}, "task.a99.b") == set()


def test_filters_for_many_parts_of_many_types_lead_to_few_places() -> None:
    types = [f"*.a{number}.*" for number in range(100)]
    filters = {f"task.*.b{number}": {"n": [number]} for number in range(50)}
    index = SubscriptionIndex()
    index.put("sub_0", types, filters)
    [rule] = index._by_id.values()
    assert len(rule.places) + len(rule.entries) < MAX_INDEX_ENTRIES + 2 * len(types)
    for number in (0, 49):
        for kind in ("task.a0", "task.a99"):
            assert matched(index, {"n": number}, f"{kind}.b{number}") == {"sub_0"}
            assert matched(index, {"n": number + 1}, f"{kind}.b{number}") == set()
            assert matched(index, {"n": number}, f"{kind}.c") == {"sub_0"}
    index.remove("sub_0")
    assert matched(index, {}, "task.a0.c") == set()


def matched(
    index: SubscriptionIndex, payload: dict[str, Any], event_type: str = "task.a"
) -> set[str]:
    return index.match(event_type, "planner", payload, {})
