"""Work that serves all filters of a large event: collecting, sorting and comparing values."""

import random
from ipaddress import IPv6Address
from typing import Any
from unittest.mock import patch

import pytest
from event_bus.matching import limits, object_sets, value_index
from event_bus.matching.addresses import parse_address
from event_bus.matching.event_view import EventView, event_view
from event_bus.matching.index import SubscriptionIndex
from event_bus.matching.pattern import EventPattern
from event_bus.matching.sorted_values import SortedValues
from event_bus.matching.work import Work

from tests.unit.event_bus.matching.reference import reference_matches


def test_values_are_sorted_once_for_all_filters_and_both_paths() -> None:
    index = SubscriptionIndex()
    for n in range(50):
        index.put(f"short-{n}", ["*"], {"*": {"a": [{"prefix": f"t{n}"}]}})
        index.put(f"long-{n}", ["*"], {"*": {"payload": {"a": [{"prefix": f"t{n}"}]}}})
    view = event_view("s", {"a": [f"t{n}" for n in range(20, 1_000)]}, {})
    with patch.object(value_index, "SortedValues", side_effect=SortedValues) as ordered:
        found = index.match_view("a", view)
        assert EventPattern({"a": [{"prefix": "t99"}]}).satisfied_by(view, Work(limits.EVENT_WORK))
    assert found == {f"{kind}-{n}" for kind in ("short", "long") for n in range(1, 50)}
    assert ordered.call_count == 1
    assert view.shared.steps == limits.COLUMN_WORK * 2 + 980 // limits.SORTED_PER_STEP


def test_single_values_are_compared_without_columns() -> None:
    asked: dict[str, dict[str, Any]] = {
        "both": {"a": [{"prefix": "v"}], "b": [{"anything-but": 1}]},
        "one": {"payload": {"a": ["x", "v1"]}},
        "present": {"a": [{"exists": True}], "b": [{"exists": False}, {"cidr": "10.0.0.0/8"}]},
        "missing": {
            "a": {"inside": [{"exists": False}]},
            "b": [{"equals-ignore-case": "10.1.2.3"}],
        },
        "other": {"a": [{"suffix": "2"}], "b": [{"exists": True}]},
        "inside": {"a": {"inside": [{"exists": True}]}},
        "lacking": {"$or": [{"a": [{"exists": False}]}, {"b": [{"exists": False}, 7]}]},
    }
    index = SubscriptionIndex()
    for name, pattern in asked.items():
        index.put(name, ["*"], {"*": pattern})
    payload = {"l": [0] * (limits.MAX_WALKED + 1), "a": "v1", "b": "10.1.2.3"}
    view = event_view("s", payload, {})
    assert not view.walked
    with patch.object(object_sets, "Column", side_effect=object_sets.Column) as columns:
        found = index.match_view("a", view)
    assert found == {"both", "one", "present", "missing"}
    # The payload itself has one.
    assert columns.call_count == 1


def test_fields_and_sorting_take_steps_from_the_checks() -> None:
    names = [f"x{n}" for n in range(4_000)]
    index = SubscriptionIndex()
    for name in names:
        index.put(name, ["*"], {"*": {"l": {name: [{"exists": False}], "y": ["v"]}}})
    taken = []
    for count in (50, 4_000):
        view = event_view("s", {"l": [{name: 1} for name in names[:count]] + [{"y": "v"}]}, {})
        found = index.match_view("a", view)
        assert len(found) == 4_000
        taken.append(view.shared.steps)
    assert taken[1] - taken[0] == (4_000 - 50) * limits.COLUMN_WORK
    with patch("event_bus.matching.index.EVENT_WORK", taken[1]):
        view = event_view("s", {"l": [{name: 1} for name in names] + [{"y": "v"}]}, {})
        assert len(index.match_view("a", view)) < 4_000
        assert view.limited


@pytest.mark.parametrize("char", ["x", "\u00df", "\u0390"])
@pytest.mark.parametrize("count", [1, 50])
def test_comparisons_look_at_both_ends_of_long_texts(char: str, count: int) -> None:
    middle = char * 4 * limits.MAX_STRING_LENGTH
    event = {
        "pad": [0] * limits.MAX_WALKED,
        "l": [{"x": f"a{n}{middle}{n}z"} for n in range(count)],
    }
    longest = limits.MAX_STRING_LENGTH
    for number, expected in ((0, True), (count, False)):
        beginning, ending = f"a{number}{middle}"[:longest], f"{middle}{number}z"[-longest:]
        for asked in (
            {"prefix": beginning},
            {"prefix": {"equals-ignore-case": beginning}},
            {"suffix": ending},
            {"suffix": {"equals-ignore-case": ending}},
        ):
            pattern = {"l": {"x": [asked]}}
            assert EventPattern(pattern).matches(event) is expected
            assert reference_matches(pattern, event) is expected


@pytest.mark.parametrize("size", [3, 900])
def test_any_value_but_some_is_found_among_many(size: int) -> None:
    excluded = [f"{n}" for n in range(size)]
    asked: dict[str, Any] = {"a": [{"anything-but": excluded}]}
    most = limits.MAX_ELEMENTS
    assert not EventPattern(asked).matches({"a": excluded * (most // size)})
    view = EventView({"a": [f"{n}" for n in range(most - 1, -1, -1)]})
    work = Work(limits.CHECK_WORK + size)
    assert EventPattern(asked).satisfied_by(view, work)


def test_addresses_are_those_that_the_standard_library_reads() -> None:
    rng = random.Random(7)
    groups = ("", "0", "ffff", "00001", "a", "0001", "G")
    texts = [":".join(rng.choices(groups, k=rng.randint(2, 9))) for _ in range(3_000)]
    texts += ["".join(rng.choices("0f:", k=rng.randint(1, 12))) for _ in range(3_000)]
    read = 0
    for text in texts:
        try:
            expected = (128, int(IPv6Address(text)))
        except ValueError:
            expected = None
        assert parse_address(text) == expected, text
        read += expected is not None
    assert read > 200
    assert parse_address("1.02.3.255") == (32, 0x010203FF)
    assert parse_address("1.2.3.256") is None
