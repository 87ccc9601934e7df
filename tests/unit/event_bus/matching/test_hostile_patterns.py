"""Patterns and events made to be slow. Work is counted in steps, not in seconds."""

from typing import Any
from unittest.mock import patch

import pytest
from event_bus.json_numbers import read_decimal, read_integer
from event_bus.matching import event_types, limits
from event_bus.matching.event_view import EventView, event_view
from event_bus.matching.filters import SubscriptionFilter
from event_bus.matching.index import SubscriptionIndex
from event_bus.matching.operators import scalar_key
from event_bus.matching.pattern import EventPattern
from event_bus.matching.work import Work

from benchmarks.attacks import ATTACKS, Attack
from tests.unit.event_bus.matching.counted_work import counted_work
from tests.unit.event_bus.matching.reference import reference_matches

ARMS = [{"$or": [{f"f{place}": [place]}, {f"g{place}": [{"prefix": "x"}]}]} for place in range(9)]
COMBINED: dict[str, Any] = {"list": {f"o{place}": arm for place, arm in enumerate(ARMS)}}

HOSTILE: list[dict[str, Any]] = [
    {"a": [{"wildcard": "*a" * limits.MAX_WILDCARDS}]},
    {"a": [{"wildcard": f"*{'a' * 20}*{n}"} for n in range(limits.MAX_OPERATORS)]},
    {"a": [{"anything-but": {"wildcard": ["a*" * 8 + "b"] * 90}}]},
    {"a": [{"equals-ignore-case": "ß" * 1000}]},
    {"a": [{"suffix": {"equals-ignore-case": "ŉ" * 1000}}]},
    {"$or": [{"a": [{"prefix": "a" * n}]} for n in range(1, 100)]},
    {"$or": [{"a": [n]} for n in range(1000)]},
    COMBINED,
]
EVENTS: list[dict[str, Any]] = [
    {"a": "a" * 100_000},
    {"a": "ß" * 1000 + "S" * 1000},
    {"a": ["aa" * 50] * 200},
    {"list": [{"o0": {"f0": 0}, "o1": {"f1": 1}}] * 1000},
    {"a": [[[[[[[["x"]]]]]]]]},
    {"a": ["aa"] * 200_000},
    {"a": [["x"] * 10] * 20_000},
    {"a": ["a" * 5_000] * 200},
    {"list": [{f"o{place}": {f"f{place}": place} for place in range(9)}] * 5_000},
]


@pytest.mark.parametrize("pattern", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("event", EVENTS, ids=range(len(EVENTS)))
def test_a_hostile_pattern_is_answered_in_bounded_work(
    pattern: dict[str, Any], event: dict[str, Any]
) -> None:
    with counted_work() as steps:
        assert EventPattern(pattern).matches(event) in (True, False)
        assert steps[0] <= limits.EVENT_WORK
        index = SubscriptionIndex()
        index.put("sub", ["task.created"], {"task.created": pattern})
        steps[0] = 0
        found = index.match("task.created", "planner", event, {})
    assert steps[0] <= limits.FIND_WORK + limits.EVENT_WORK
    assert (found == {"sub"}) is EventPattern(pattern).matches(event)


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.name for attack in ATTACKS])
def test_many_hostile_subscriptions_are_answered_in_bounded_work(attack: Attack) -> None:
    index, count = SubscriptionIndex(), 100
    for n in range(count):
        index.put(str(n), *attack.subscription(n))
    with counted_work() as steps:
        view = event_view("bench", attack.payload(), {})
        found = index.match_view(attack.event_type, view)
    assert steps[0] + view.shared.steps <= limits.FIND_WORK + limits.EVENT_WORK
    if not view.limited:
        one_by_one = {
            str(n)
            for n in range(count)
            if EventPattern(attack.pattern(n)).satisfied_by(view, Work(limits.EVENT_WORK))
        }
        assert found == one_by_one


def test_filters_for_other_types_are_not_compared_one_by_one() -> None:
    index = SubscriptionIndex()
    for n in range(40):
        filters: dict[str, Any] = {f"task.{n}-{k}.*": {"a": [1]} for k in range(49)}
        index.put(f"narrow-{n}", ["task.*"], filters)
        index.put(f"wide-{n}", ["task.*"], {**filters, "*.created": {"a": [n]}})
    index.put("late", ["task.*"], {"task.7-7.*": {"a": [2]}})
    index.remove("late")
    with patch.object(event_types, "matches_type", side_effect=AssertionError):
        created = index.match("task.created", "s", {"a": 3}, {})
        narrowed = index.match("task.7-7.created", "s", {"a": 3}, {})
    assert created == {"wide-3", *(f"narrow-{n}" for n in range(40))}
    others = [n for n in range(40) if n != 7]
    assert narrowed == {f"{kind}-{n}" for n in others for kind in ("narrow", "wide")}


def test_numbers_of_an_event_have_different_hashes() -> None:
    for text in ("{}", "{}.5", "{}.25"):
        numbers = {read_decimal(text.format((2**61 - 1) * n)) for n in range(1, 300)}
        numbers |= {read_integer(str((2**61 - 1) * n)) for n in range(1, 300)}
        hashes = {hash(scalar_key(each)) for each in numbers}
        # Of integers of 64 bits, few have the same hash.
        assert len(hashes) > len(numbers) - 20


def test_the_work_for_a_large_event_does_not_grow_with_its_elements() -> None:
    pattern = EventPattern({"l": {"x": [{"numeric": [">", 7, "<", 9]}], "y": ["b", "c"]}})
    spent = []
    for count in (100, 3_000):
        event = EventView({"l": [{"x": n, "y": "a"} for n in range(count)]})
        work = Work(limits.CHECK_WORK)
        assert not pattern.satisfied_by(event, work)
        spent.append(work.left)
    assert spent[0] == spent[1] > 0


# What patterns look at: the first `MAX_ELEMENTS`, over all arrays of the event.


def test_the_first_elements_of_an_event_are_looked_at() -> None:
    pattern, most = EventPattern({"a": ["z"]}), limits.MAX_ELEMENTS
    assert pattern.matches({"a": ["x"] * (most - 1) + ["z"]})
    assert not pattern.matches({"a": ["x"] * most + ["z"]})
    # Elements are counted over all arrays, and an object once more for each of its fields.
    assert pattern.matches({"other": [[1] * (most - 2)], "a": ["z"]})
    assert not pattern.matches({"other": [[1] * (most - 1)], "a": ["z"]})
    assert pattern.matches({"other": [{"n": 1, "m": 2}] * (most // 3), "a": ["z"]})
    assert not pattern.matches({"other": [{"n": 1, "m": 2}] * (most // 3 + 1), "a": ["z"]})


@pytest.mark.parametrize("count", [40, limits.MAX_ELEMENTS + 7, 30_000])
@pytest.mark.parametrize(
    "filling", [{}, {"k": 1}, {"f": {}}, {"f": []}, [{"f": [{}]}, []]], ids=str
)
@pytest.mark.parametrize(
    ("last", "missing"),
    [
        ({}, True),
        ({"f": {"g": {"h": 1}}}, True),
        ({"f": 0}, False),
        ({"f": [[None]]}, False),
        ([[{"k": 1}, {"f": False}]], False),
    ],
    ids=str,
)
def test_a_field_of_one_element_is_not_missing_however_many_there_are(
    count: int, filling: Any, last: Any, missing: bool
) -> None:
    event = {"l": {"m": [filling] * count + [last]}}
    asked = {"l": {"m": {"f": [{"exists": False}]}}}
    assert EventPattern(asked).matches(event) is missing
    index = SubscriptionIndex()
    index.put("sub", ["*"], {"*": asked})
    assert index.match("a", "s", event, {}) == ({"sub"} if missing else set())


def test_an_unseen_value_satisfies_nothing() -> None:
    event: dict[str, Any] = {"l": [1] * limits.MAX_ELEMENTS + [{"f": "x", "g": {"h": 1}}]}
    for asked in (["x"], [{"exists": True}], [{"anything-but": "y"}], [{"exists": False}]):
        assert not EventPattern({"l": {"f": asked}}).matches(event)
    assert EventPattern({"l": {"g": [{"exists": False}]}}).matches(event)
    assert not EventPattern({"l": {"g": {"h": [{"exists": False}]}}}).matches(event)
    # Beside a value that is seen, its own element decides.
    event = {"l": [{"k": 1}] * limits.MAX_ELEMENTS + [{"f": 1}]}
    assert EventPattern({"l": {"k": [1], "f": [{"exists": False}]}}).matches(event)


def test_an_event_says_that_it_was_matched_in_part() -> None:
    asked = SubscriptionFilter(["*"], {"*": {"a": ["z"]}})
    for count, limited in ((limits.MAX_ELEMENTS, False), (limits.MAX_ELEMENTS + 1, True)):
        view = event_view("s", {"a": ["x"] * count}, {})
        assert not asked.accepts("t", view, Work(limits.EVENT_WORK))
        assert view.limited is limited
    view = event_view("s", {"a": "x" * 100}, {})
    assert not asked.accepts("t", view, Work(0))
    assert view.limited


@pytest.mark.parametrize("size", [1, 20, 33, 500])
def test_large_events_agree_with_the_reference(size: int) -> None:
    event: dict[str, Any] = {
        "l": [
            {"n": n % 7, "tags": [f"t{n % 5}", f"u{n % 3}"], "m": [{"k": n}, {"k": -n, "o": 1}]}
            for n in range(size)
        ],
        "ip": [f"10.0.{n}.1" for n in range(size)],
    }
    asked: list[dict[str, Any]] = [
        {"l": {"n": [6], "tags": ["t1"], "m": {"k": [{"numeric": [">", -100, "<", -7]}]}}},
        {"l": {"n": [0], "m": {"k": [{"numeric": [">", 3, "<", 8]}], "o": [{"exists": False}]}}},
        {"l": {"tags": [{"anything-but": ["t0", "u0", "u1", "t1"]}], "n": [2, 3]}},
        {"l": {"tags": [{"wildcard": "*3"}, {"suffix": "0"}], "m": {"o": [1], "k": [-23, -5]}}},
        {"l": {"tags": [{"equals-ignore-case": "T4"}], "x": [{"exists": False}], "n": [4]}},
        {"l": {"n": [{"anything-but": {"prefix": ["x"]}}], "m": {"k": [19]}}, "ip": ["10.0.9.1"]},
        {"ip": [{"cidr": "10.0.16.0/20"}], "l": {"m": {"k": [{"numeric": [">", 30]}]}}},
        *({"l": {"m": {"k": [value]}}} for value in (0, 19, 499, 500, {"numeric": [">", 30]})),
        *({"l": {"m": {"o": [{"exists": value}]}}} for value in (True, False)),
        *({"l": {"m": {"p": [{"exists": False}, value]}}} for value in (1, 2)),
        *({"l": {name: [{"exists": False}, 9]}} for name in ("n", "m", "x")),
        *({"l": {"n": {"deeper": [{"exists": value}]}}} for value in (True, False)),
        {"$or": [{"l": {"n": [9]}}, {"l": {"n": [5], "tags": ["u2"]}}, {"ip": ["x"]}]},
    ]
    for pattern in asked:
        assert EventPattern(pattern).matches(event) is reference_matches(pattern, event), pattern


def test_deep_events_do_not_exhaust_the_stack() -> None:
    value: Any = "x"
    for _ in range(5000):
        value = [value]
    assert not EventPattern({"a": ["x"]}).matches({"a": value})
    assert not EventPattern({"a": [{"exists": False}]}).matches({"a": value})
    for _ in range(5000):
        value = {"a": value}
    assert not EventPattern({"a": ["x"]}).matches(value)
