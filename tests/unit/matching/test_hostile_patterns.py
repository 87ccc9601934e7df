"""Patterns and events made to be slow. Work is counted in values compared, not in time."""

from typing import Any

import pytest
from event_bus.matching import limits
from event_bus.matching.access_keys import MAX_INFIXES
from event_bus.matching.index import SubscriptionIndex
from event_bus.matching.operators import Wildcard
from event_bus.matching.pattern import EventPattern

ARMS = [{"$or": [{f"f{place}": [place]}, {f"g{place}": [{"prefix": "x"}]}]} for place in range(9)]


def every_combination() -> dict[str, Any]:
    return {"list": {f"o{place}": arm for place, arm in enumerate(ARMS)}}


HOSTILE: list[dict[str, Any]] = [
    {"a": [{"wildcard": "*a" * limits.MAX_WILDCARDS}]},
    {"a": [{"wildcard": f"*{'a' * 20}*{n}"} for n in range(limits.MAX_OPERATORS)]},
    {"a": [{"anything-but": {"wildcard": ["a*" * 8 + "b"] * 90}}]},
    {"a": [{"equals-ignore-case": "ß" * 1000}]},
    {"a": [{"suffix": {"equals-ignore-case": "ŉ" * 1000}}]},
    {"$or": [{"a": [{"prefix": "a" * n}]} for n in range(1, 100)]},
    {"$or": [{"a": [n]} for n in range(1000)]},
    every_combination(),
]
EVENTS: list[dict[str, Any]] = [
    {"a": "a" * 100_000},
    {"a": "ß" * 1000 + "S" * 1000},
    {"a": ["aa" * 50] * 200},
    {"list": [{"o0": {"f0": 0}, "o1": {"f1": 1}}] * 1000},
    {"a": [[[[[[[["x"]]]]]]]]},
]


@pytest.mark.parametrize("pattern", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("event", EVENTS, ids=range(len(EVENTS)))
def test_hostile_pattern_is_answered(pattern: dict[str, Any], event: dict[str, Any]) -> None:
    assert EventPattern(pattern).matches(event) in (True, False)


def test_each_value_meets_each_comparison_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0
    original = Wildcard.matches

    def counting(self: Wildcard, value: object) -> bool:
        nonlocal compared
        compared += 1
        return original(self, value)

    monkeypatch.setattr(Wildcard, "matches", counting)
    # 512 combinations share the one comparison of `key`.
    pattern = EventPattern({"list": {"key": [{"wildcard": "*z"}], **every_combination()["list"]}})
    element = {"key": "a", **{f"o{place}": {f"f{place}": place} for place in range(9)}}
    assert len(pattern.combinations) == 512
    assert not pattern.matches({"list": [element] * 50})
    assert compared == 50
    assert pattern.matches({"list": [element, {**element, "key": "z"}]})


LARGE: list[dict[str, Any]] = [
    {"a": ["aa"] * 200_000},
    {"a": [["x"] * 10] * 20_000},
    {"a": ["a" * 5_000] * 200},
    {"list": [{f"o{place}": {f"f{place}": place} for place in range(9)}] * 5_000},
]


@pytest.mark.parametrize("pattern", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("event", LARGE, ids=range(len(LARGE)))
def test_no_pattern_looks_at_more_of_arrays_than_it_may(
    pattern: dict[str, Any], event: dict[str, Any]
) -> None:
    looked_at = 0

    class Seen(list[Any]):
        """An array that counts what is taken from it."""

        def __getitem__(self, key: Any) -> Any:
            nonlocal looked_at
            taken = super().__getitem__(key)
            looked_at += len(taken)
            return taken

    [(name, value)] = event.items()
    EventPattern(pattern).matches({name: Seen(value)})
    assert looked_at <= limits.MAX_COMPARISONS + 1
    looked_at = 0
    index = SubscriptionIndex()
    index.put("sub", ["task.created"], {"task.created": pattern})
    index.match("task.created", "planner", {name: Seen(value)}, {})
    # Once to find the pattern, once to check it.
    assert looked_at <= 2 * (limits.MAX_COMPARISONS + 1)


def test_comparisons_with_the_elements_of_an_array_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared = 0

    def counting(self: Wildcard, value: object) -> bool:
        nonlocal compared
        compared += 1
        return False

    monkeypatch.setattr(Wildcard, "matches", counting)
    many = EventPattern({"a": [{"wildcard": f"*{n}*"} for n in range(limits.MAX_OPERATORS)]})
    for value, most in (("x", 1), ("x" * 2_560, 11), ([["x"]] * 3, 1)):
        compared = 0
        assert not many.matches({"a": [value] * 50_000})
        assert 0 < compared <= limits.MAX_COMPARISONS / most + limits.MAX_OPERATORS


@pytest.mark.parametrize("count", [1, MAX_INFIXES, MAX_INFIXES + 1, limits.MAX_OPERATORS])
def test_what_is_found_by_a_text_inside_is_found_however_much_there_is(count: int) -> None:
    wanted: dict[str, Any] = {"a": [{"wildcard": f"*text-{n:02}*"} for n in range(count)]}
    pattern, index = EventPattern(wanted), SubscriptionIndex()
    index.put("sub", ["task.created"], {"task.created": wanted})
    for before in (0, 50, 99, 1_000, 4_999, 5_000, 20_000):
        for text in ("a text-00 there", "none"):
            event: dict[str, Any] = {
                "a": ["x" * 300] * (before // 3) + ["x"] * (before - before // 3) + [text]
            }
            found = index.match("task.created", "planner", event, {})
            assert found == ({"sub"} if pattern.matches(event) else set()), (before, text)


def test_the_first_of_an_array_are_looked_at() -> None:
    pattern, prefix = EventPattern({"a": ["z"]}), EventPattern({"a": [{"prefix": "z"}]})
    beyond = limits.MAX_COMPARISONS
    assert pattern.matches({"a": ["x"] * (beyond - 1) + ["z"]})
    assert not pattern.matches({"a": ["x"] * beyond + ["z"]})
    assert prefix.matches({"a": ["x"] * (beyond // 2 - 1) + ["z"]})
    assert not prefix.matches({"a": ["x"] * (beyond // 2) + ["z"]})
    # Each field has what the ones before it have left.
    both = EventPattern({"a": [{"anything-but": "z"}], "b": ["z"]})
    assert both.matches({"a": ["x"], "b": ["z"]})


def test_deep_events_do_not_exhaust_the_stack() -> None:
    value: Any = "x"
    for _ in range(5000):
        value = [value]
    assert EventPattern({"a": ["x"]}).matches({"a": value})
