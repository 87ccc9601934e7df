"""The filters of one subscription take a bounded part of the router's memory."""

import tracemalloc
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

import pytest
from event_bus.errors import InvalidRequest
from event_bus.matching.index import SubscriptionIndex
from event_bus.matching.limits import MAX_FILTERS
from event_bus.model.filter_checks import check_sent_filters

MOST_BYTES = 6 * 1024 * 1024

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


def accepted(filters: Filters) -> bool:
    try:
        check_sent_filters(["task.*"], filters)
    except InvalidRequest:
        return False
    return True


@pytest.mark.parametrize("made", [combinations, fields, values, comparisons])
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
