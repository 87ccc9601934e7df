"""The filters that one event may match share the steps of matching."""

import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from event_bus.matching import event_view as event_view_module
from event_bus.matching import index as index_module
from event_bus.matching import limits
from event_bus.matching.event_view import event_view
from event_bus.matching.index import SubscriptionIndex
from event_bus.matching.pattern import EventPattern

from tests.unit.event_bus.matching.counted_work import counted_work


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
