"""Patterns and events made to be slow. Work is counted in steps, not in seconds."""

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from event_bus.json_numbers import read_decimal, read_integer
from event_bus.matching import event_types, limits
from event_bus.matching import event_view as event_view_module
from event_bus.matching import index as index_module
from event_bus.matching.event_view import EventView, event_view
from event_bus.matching.filters import SubscriptionFilter
from event_bus.matching.index import SubscriptionIndex
from event_bus.matching.operators import scalar_key
from event_bus.matching.pattern import EventPattern
from event_bus.matching.work import Work

from benchmarks.attacks import ATTACKS, Attack
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


@contextmanager
def counted_work() -> Iterator[list[int]]:
    """Counts all steps that are taken."""
    steps = [0]
    take = Work.take

    def counting(work: Work, count: int) -> None:
        # What is refused is not done.
        take(work, count)
        steps[0] += count

    with patch.object(Work, "take", counting):
        yield steps


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


def test_each_filter_has_its_share_of_work_whatever_others_take() -> None:
    index = SubscriptionIndex()
    for n in range(200):
        heavy = {"text": [{"wildcard": f"*x*{n}*{k}*"} for k in range(100)]}
        index.put(f"heavy-{n}", ["*"], {"*": heavy})
        modest = {"l": {"n": [{"numeric": [">", n]}], "name": [{"prefix": f"name-{n}"}]}}
        index.put(f"modest-{n}", ["*"], {"*": modest})
    payload = {
        "text": "x" * 500_000,
        "l": [{"n": n, "name": f"name-{n - 1}"} for n in range(1, 2_000)],
    }
    view = event_view("s", payload, {})
    with counted_work() as steps:
        found = index.match_view("a", view)
    assert found == {f"modest-{n}" for n in range(200)}
    assert view.limited
    assert steps[0] <= limits.FIND_WORK + limits.EVENT_WORK


SCALE = 25
"""How many times fewer rules and steps the following tests have than a bus of 10,000 rules."""

RULES = limits.FULL_RULES // SCALE


@pytest.fixture
def scaled(monkeypatch: pytest.MonkeyPatch) -> int:
    """Has the index share out fewer steps, as for fewer rules, and returns how many."""
    steps = limits.EVENT_WORK // SCALE
    monkeypatch.setattr(index_module, "EVENT_WORK", steps)
    monkeypatch.setattr(index_module, "FULL_RULES", RULES)
    monkeypatch.setattr(event_view_module, "MANY_RULES", limits.MANY_RULES // SCALE)
    return steps


def index_of(patterns: Iterable[dict[str, Any]]) -> SubscriptionIndex:
    index = SubscriptionIndex()
    for n, pattern in enumerate(patterns):
        index.put(str(n), ["task.*"], {"task.*": pattern})
    return index


TWO_COMPARISONS: list[tuple[Callable[[int], dict[str, Any]], dict[str, Any]]] = [
    (lambda n: {"a": [{"anything-but": n}], "b": [{"exists": True}]}, {"a": "x", "b": 1}),
    (
        lambda n: {"l": {"a": [{"anything-but": f"{n}"}], "b": [{"prefix": "x"}]}},
        {"l": {"a": "y", "b": "x"}},
    ),
    (
        lambda n: {"l": {"a": [{"numeric": [">", -n]}], "b": [{"suffix": "x"}]}},
        {"l": [{"a": k, "b": "xx"} for k in range(50)]},
    ),
    (
        lambda n: {"a": [{"numeric": [">", -n]}], "l": {"b": [{"anything-but": n}]}},
        {"a": 1, "l": {"b": "y"}},
    ),
    (lambda n: {"a": [{"numeric": [">", n]}]}, {"a": [-1] * 30 + [1_000_000]}),
    (
        lambda n: {"l": {"a": [{"anything-but": n}], "b": [{"prefix": "x"}]}},
        {"l": [{"a": "y", "b": "y"}] * 8 + [{"a": "y", "b": "x"}]},
    ),
    (
        lambda n: {"$or": [{"a": [{"numeric": [">", n]}]}, {"b": [{"anything-but": n}]}]},
        {"a": [-1] * 10, "b": [*range(-19, 0), "y"]},
    ),
    (
        lambda n: {"$or": [{"a": [{"numeric": [">", n]}]}, {"b": [{"anything-but": n}]}]},
        {"a": [-1] * 20, "b": [*range(-19, 0), "y"]},
    ),
]


@pytest.mark.parametrize(("pattern", "payload"), TWO_COMPARISONS, ids=range(8))
@pytest.mark.parametrize("count", [RULES, 3 * RULES])
def test_filters_of_two_comparisons_are_always_checked(
    pattern: Callable[[int], dict[str, Any]], payload: dict[str, Any], count: int, scaled: int
) -> None:
    index = index_of(pattern(n) for n in range(count))
    expected = {str(n) for n in range(count) if EventPattern(pattern(n)).matches(payload)}
    view = event_view("s", payload, {})
    with counted_work() as steps:
        assert index.match_view("task.made", view) == expected
    assert len(expected) == count
    assert not view.limited
    assert steps[0] <= limits.FIND_WORK + scaled * count // RULES


def test_checks_of_many_comparisons_share_the_steps_of_the_event(scaled: int) -> None:
    cheap = [{"f0": [{"anything-but": f"cheap-{n}"}]} for n in range(RULES // 4)]
    others = [
        {f"f{k}": [{"anything-but": n}] for k in range(6 + n % 20)}
        for n in range(RULES - len(cheap))
    ]
    index = index_of([*others, *cheap])
    view = event_view("s", {f"f{k}": "x" for k in range(30)}, {})
    with counted_work() as steps:
        found = index.match_view("task.made", view)
    assert steps[0] <= limits.FIND_WORK + scaled
    assert view.limited
    # All match. The cheapest are checked first, so that the steps suffice for as many as possible.
    assert found >= {str(len(others) + n) for n in range(len(cheap))}
    sizes = [len(others[int(n)]) for n in found if int(n) < len(others)]
    assert RULES // 10 < len(sizes) < len(others)
    assert max(sizes) < 25
    # Every process leaves out the same ones, however its index was filled.
    assert found == {
        str(RULES - 1 - int(n))
        for n in index_of(reversed([*others, *cheap])).match_view(
            "task.made", event_view("s", {f"f{k}": "x" for k in range(30)}, {})
        )
    }


def test_elements_that_are_not_looked_at_take_steps_of_the_event(scaled: int) -> None:
    index = index_of({"a": [{"anything-but": n}]} for n in range(RULES))
    few: dict[str, Any] = {"a": "x", "l": [[1]] * limits.MAX_ELEMENTS}
    many: dict[str, Any] = {"a": "x", "l": [[1]] * (limits.MAX_ELEMENTS + 4 * scaled)}
    for payload, all_checked in ((few, True), (many, False)):
        view = event_view("s", payload, {})
        with counted_work() as steps:
            found = index.match_view("task.made", view)
        assert (len(found) == RULES) is all_checked
        assert steps[0] + view.shared.steps <= limits.FIND_WORK + scaled
        assert view.limited


def test_ordinary_loads_have_a_margin_of_five() -> None:
    rng, count = random.Random(5), 1_500
    index = index_of(ordinary_pattern(rng) for _ in range(count))
    steps_of = []
    for size in (0, 0, 0, 200):
        payload = {**ordinary_event(rng), "items": [{"sku": k} for k in range(size)]}
        view = event_view("s", payload, {})
        with counted_work() as steps:
            found = index.match_view("task.made", view)
        assert found
        assert not view.limited
        steps_of.append(steps[0])
    assert max(steps_of) * (limits.FULL_RULES // count) * 5 < limits.EVENT_WORK


ORDINARY: dict[str, Callable[[random.Random], Any]] = {
    "agent_id": lambda rng: [f"agent-{rng.randrange(500)}"],
    "priority": lambda rng: rng.sample(["low", "normal", "high", "urgent"], 2),
    "score": lambda rng: [{"numeric": [">", rng.randrange(100)]}],
    "title": lambda rng: [{"anything-but": f"title-{rng.randrange(9)}"}],
    "path": lambda rng: [{"prefix": f"/team/{rng.randrange(50)}/"}],
    "file": lambda rng: [{"wildcard": f"*report-{rng.randrange(300)}*.txt"}],
    "address": lambda rng: [{"cidr": f"10.{rng.randrange(200)}.0.0/16"}],
    "labels": lambda rng: [f"label-{rng.randrange(30)}"],
    "detail": lambda rng: {"due": [{"exists": rng.random() < 0.5}]},
}


def ordinary_pattern(rng: random.Random) -> dict[str, Any]:
    """A filter of one to five comparisons."""
    names = rng.sample(sorted(ORDINARY), rng.randint(1, 5))
    return {name: ORDINARY[name](rng) for name in names}


def ordinary_event(rng: random.Random) -> dict[str, Any]:
    """A payload that some of these filters accept."""
    return {
        "agent_id": f"agent-{rng.randrange(500)}",
        "priority": rng.choice(["low", "normal", "high", "urgent"]),
        "score": rng.randrange(100),
        "title": f"title-{rng.randrange(9)}",
        "path": f"/team/{rng.randrange(50)}/notes.md",
        "file": f"a-report-{rng.randrange(300)}-b.txt",
        "address": f"10.{rng.randrange(200)}.1.1",
        "labels": [f"label-{rng.randrange(30)}" for _ in range(3)],
        "detail": {"size": 3},
    }


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
