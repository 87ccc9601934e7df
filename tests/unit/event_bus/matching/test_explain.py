"""Explanations, held against the matcher, the reference and the emulator's own matcher."""

from importlib import import_module
from typing import Any
from unittest.mock import patch

import pytest
from event_bus.matching import event_view
from event_bus.matching.errors import InvalidPatternError
from event_bus.matching.explain import Reason, explain, nearest
from event_bus.matching.filters import SubscriptionFilter
from event_bus.matching.pattern import EventPattern
from event_bus.matching.survey import Survey
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.unit.event_bus.matching.reference import reference_matches
from tests.unit.event_bus.matching.strategies import EVENT_TYPES, TYPE_PATTERNS, documents, patterns

emulator = import_module("ministack.services.eventbridge")


def reasons(
    pattern: dict[str, Any], payload: dict[str, Any], metadata: dict[str, Any] | None = None
) -> list[Reason]:
    asked = SubscriptionFilter(["t.a"], {"t.a": pattern})
    return explain(asked, {"t.a": pattern}, "t.a", "shop", payload, metadata or {})


def reason(
    pattern: dict[str, Any], payload: dict[str, Any], metadata: dict[str, Any] | None = None
) -> Reason:
    [only] = reasons(pattern, payload, metadata)
    return only


@settings(deadline=None, derandomize=True, max_examples=300)
@given(
    st.lists(TYPE_PATTERNS, min_size=1, max_size=2),
    st.dictionaries(TYPE_PATTERNS, patterns(), max_size=2),
    EVENT_TYPES,
    documents(arrays=True, exact=True),
)
def test_says_the_same_as_the_matcher(
    event_types: list[str], filters: dict[str, Any], event_type: str, payload: dict[str, Any]
) -> None:
    try:
        asked = SubscriptionFilter(event_types, filters)
    except InvalidPatternError:
        assume(False)
    why = explain(asked, filters, event_type, "shop", payload, {})
    assert bool(why) is not asked.matches(event_type, "shop", payload, {})
    for each in why:
        if each.code != "field":
            continue
        # The field that is named is not met by itself.
        key = next(key for key in filters if each.pointer.startswith(f"/filters/{key}/"))
        alone = _alone(filters[key], each.pointer.removeprefix(f"/filters/{key}"))
        assert not reference_matches(
            alone, {**payload, "payload": payload, "source": "shop", "metadata": {}}
        )


def _alone(pattern: dict[str, Any], pointer: str) -> dict[str, Any]:
    path, value = [], pattern
    for step in pointer.split("/")[1:]:
        value = value[int(step)] if isinstance(value, list) else value[step]
        if not step.isdigit() and step != "$or":
            path.append(step)
    for name in reversed(path):
        value = {name: value}
    return value


@settings(deadline=None, derandomize=True, max_examples=200)
@given(patterns(), documents(arrays=False))
def test_says_the_same_as_the_emulator(pattern: dict[str, Any], payload: dict[str, Any]) -> None:
    try:
        EventPattern(pattern)
        alternatives = emulator._compile_pattern(pattern)
    except (InvalidPatternError, emulator._InvalidPattern):
        assume(False)
    seen = {**payload, "payload": payload, "source": "shop", "metadata": {}}
    theirs = any(emulator._matches_detail(seen, each) for each in alternatives)
    assert bool(reasons(pattern, payload)) is not theirs


@pytest.mark.parametrize(
    ("pattern", "payload", "pointer", "detail"),
    [
        (
            {"total": [{"numeric": [">=", 100]}]},
            {"total": 20},
            "/filters/t.a/total",
            "total is 20, and must be a number >= 100",
        ),
        (
            {"total": [{"numeric": [">", 0, "<=", 5]}]},
            {"total": 7},
            "/filters/t.a/total",
            "total is 7, and must be a number > 0 and <= 5",
        ),
        (
            {"state": ["open", "held", None]},
            {"state": "paid"},
            "/filters/t.a/state",
            'state is "paid", and must be "open" or "held" or null',
        ),
        (
            {"customer": {"country": [{"prefix": "A"}]}},
            {"customer": {"country": "DE"}},
            "/filters/t.a/customer/country",
            'customer.country is "DE", and must be a string that begins with "A"',
        ),
        ({"a": [{"exists": True}]}, {}, "/filters/t.a/a", "a has no value, and must be there"),
        ({"a": [{"exists": False}]}, {"a": 1}, "/filters/t.a/a", "a is 1, and must be missing"),
        (
            {"a": [{"anything-but": ["x", "y"]}]},
            {"a": "x"},
            "/filters/t.a/a",
            'a is "x", and must be anything but ["x","y"]',
        ),
        (
            {"a": [{"cidr": "10.0.0.0/24"}, {"wildcard": "x*"}]},
            {"a": "10.1.0.0"},
            "/filters/t.a/a",
            'a is "10.1.0.0", and must be an address in "10.0.0.0/24" or a string like "x*"',
        ),
        (
            {"a": [{"suffix": {"equals-ignore-case": ".PNG"}}]},
            {"a": "b.jpg"},
            "/filters/t.a/a",
            'a is "b.jpg", and must be a string that ends with ".PNG" in either case',
        ),
        (
            {"items": {"sku": ["a"]}},
            {"items": [{"sku": "b"}, {"sku": "c"}]},
            "/filters/t.a/items/sku",
            'items.sku is "b", "c", and must be "a"',
        ),
        ({"a": [1]}, {"a": {"b": 1}}, "/filters/t.a/a", "a is an object of fields, and must be 1"),
        (
            {"a": [1]},
            {"a": {"$encrypted": True}},
            "/filters/t.a/a",
            "a is sealed as sensitive, so filters do not see it, and must be 1",
        ),
        (
            {"$or": [{"a": [1], "b": [1]}, {"c": [3]}]},
            {"a": 2, "b": 2, "c": 4},
            "/filters/t.a/$or/1/c",
            "c is 4, and must be 3",
        ),
    ],
)
def test_says_what_a_field_is_and_must_be(
    pattern: dict[str, Any], payload: dict[str, Any], pointer: str, detail: str
) -> None:
    said = reason(pattern, payload)
    assert (said.code, said.pointer, said.detail) == ("field", pointer, detail)


def test_names_each_field_that_is_not_met() -> None:
    pattern = {"a": [1], "b": [2], "metadata": {"tenant": ["x"]}}
    assert [each.pointer for each in reasons(pattern, {"b": 2}, {"tenant": "y"})] == [
        "/filters/t.a/a",
        "/filters/t.a/metadata/tenant",
    ]


def test_fields_of_one_array_have_to_meet_in_one_element() -> None:
    pattern = {"items": {"sku": ["a"], "count": [2]}}
    said = reason(pattern, {"items": [{"sku": "a", "count": 1}, {"sku": "b", "count": 2}]})
    assert said.code == "array"
    assert "items.sku, items.count" in said.detail


@pytest.mark.parametrize(
    ("pattern", "payload", "suggestion"),
    [
        ({"totl": [1]}, {"total": 1}, "did you mean total?"),
        ({"customer": {"contry": ["DE"]}}, {"customer": {"country": "DE"}}, "customer.country?"),
        ({"detail": {"total": [1]}}, {"total": 1}, "leave out detail"),
        ({"total": [100]}, {"total": "100"}, 'write "100"'),
        ({"total": ["100"]}, {"total": 100}, "write 100"),
        ({"total": [{"numeric": [">", 1]}]}, {"total": "100"}, "not a number"),
        ({"state": ["OPEN"]}, {"state": "open"}, "equals-ignore-case"),
        ({"state": ["OPEN"]}, {"state": "paid"}, None),
        ({"a": [1]}, {}, None),
    ],
)
def test_suggests_what_was_meant(
    pattern: dict[str, Any], payload: dict[str, Any], suggestion: str | None
) -> None:
    said = reason(pattern, payload).suggestion
    assert said is None if suggestion is None else said is not None and suggestion in said


def test_another_type_is_the_first_reason() -> None:
    asked = SubscriptionFilter(["order.placed", "user.*"], {})
    [said] = explain(asked, {}, "order.place", "shop", {}, {})
    assert said == Reason(
        "type",
        "/event_types",
        "the event has the type order.place, and the subscription asks for order.placed, user.*",
        "did you mean order.placed?",
    )


def test_an_explanation_has_a_bounded_length() -> None:
    pattern = {f"field{n}": [f"value{m}" * 20 for m in range(5)] for n in range(200)}
    payload = {f"field{n}": ["x" * 1000] * 1000 for n in range(9)}
    said = reasons(pattern, payload)
    assert len(said) == 20
    assert max(len(each.detail) for each in said) < 1_500


def test_an_explanation_surveys_a_large_event_once() -> None:
    filters = {kind: {f"field{n}": ["x"] for n in range(50)} for kind in ("t.a", "t.*")}
    asked = SubscriptionFilter(["t.a"], filters)
    payload = {f"field{n}": ["y"] * 40 for n in range(50)}
    with patch.object(event_view, "Survey", side_effect=Survey) as survey:
        assert len(explain(asked, filters, "t.a", "shop", payload, {})) == 20
    assert survey.call_count == 1


def test_the_nearest_of_many() -> None:
    known = [f"type.{n}" for n in range(100_000)]
    assert nearest("order.placd", ["order.placed", "order.paid"]) == "order.placed"
    assert nearest("zzz", known) is None
