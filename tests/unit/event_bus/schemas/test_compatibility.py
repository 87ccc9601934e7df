"""Compatibility: what is accepted as compatible is so for every document."""

import time
from itertools import product
from typing import Any

import pytest
from event_bus.errors import InvalidRequest
from event_bus.model.schemas import Compatibility
from event_bus.schemas.checks import check_schema
from event_bus.schemas.compatibility import incompatibilities
from event_bus.schemas.covering import library_covers, proves
from event_bus.schemas.structure import Schema
from event_bus.schemas.validator import compiled
from event_bus.schemas.widening import breaking_changes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CLOSED = {"type": "object", "properties": {"id": {"type": "string"}}, "additionalProperties": False}
OPEN = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}


def places(new: Schema, old: Schema, mode: Compatibility = "backward") -> list[str]:
    return [each.pointer for each in incompatibilities(new, [(1, old)], mode, "/schema")]


def with_property(schema: dict[str, Any], name: str, of: Schema) -> dict[str, Any]:
    return {**schema, "properties": {**schema["properties"], name: of}}


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        (OPEN, OPEN, []),
        (with_property(CLOSED, "note", {"type": "string"}), CLOSED, []),
        # What had any value before must have a string now.
        (
            with_property(OPEN, "note", {"type": "string"}),
            OPEN,
            ["/schema/properties/note/type"],
        ),
        ({**OPEN, "required": ["id", "at"]}, OPEN, ["/schema/required"]),
        ({**OPEN, "required": []}, OPEN, []),
        (with_property(OPEN, "id", {"type": ["string", "null"]}), OPEN, []),
        (with_property(OPEN, "id", {"type": "null"}), OPEN, ["/schema/properties/id/type"]),
        (
            with_property(OPEN, "id", {"type": "string", "maxLength": 3}),
            OPEN,
            ["/schema/properties/id/maxLength"],
        ),
        ({"enum": [1, 2, 3]}, {"enum": [1, 2]}, []),
        ({"enum": [1, 2]}, {"enum": [1, 2, 3]}, ["/schema/enum"]),
        ({"enum": [1]}, {"const": True}, ["/schema/enum"]),
        ({"type": "number"}, {"type": "integer"}, []),
        ({"minimum": 3}, {"exclusiveMinimum": 3}, []),
        ({"exclusiveMinimum": 3}, {"minimum": 3}, ["/schema/exclusiveMinimum"]),
        # The library alone knows this one.
        ({"pattern": "^a"}, {"type": "string", "const": "ab"}, []),
        (
            CLOSED,
            {"type": "object"},
            ["/schema/properties/id/type", "/schema/additionalProperties"],
        ),
        (
            {"items": {"type": "string"}},
            {"prefixItems": [{"type": "string"}]},
            ["/schema/items/type"],
        ),
        (False, True, ["/schema"]),
    ],
)
def test_a_backward_change_is_accepted_or_refused_with_its_place(
    new: Schema, old: Schema, expected: list[str]
) -> None:
    assert places(new, old) == expected


def test_references_are_followed_on_both_sides() -> None:
    old = {
        "$defs": {"money": {"type": "integer"}},
        "properties": {"price": {"$ref": "#/$defs/money"}},
    }
    wider = {"$defs": {"sum": {"type": "number"}}, "properties": {"price": {"$ref": "#/$defs/sum"}}}

    assert places(wider, old) == []
    assert places(old, wider) == ["/schema/properties/price/$ref/type"]


def test_a_recursive_schema_is_compared() -> None:
    def tree(kind: str) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {
                "value": {"type": kind},
                "children": {"type": "array", "items": {"$ref": "#"}},
            },
        }

    assert breaking_changes(tree("integer"), tree("number")) == []
    [found] = breaking_changes(tree("number"), tree("integer"))
    assert found.path == ("properties", "value", "type")


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("none", (True, True)),
        ("backward", (True, False)),
        ("forward", (False, True)),
        ("full", (False, False)),
    ],
)
def test_a_mode_looks_in_its_directions(mode: Compatibility, expected: tuple[bool, bool]) -> None:
    narrow, wide = {"type": "integer"}, {"type": "number"}

    assert (places(wide, narrow, mode) == [], places(narrow, wide, mode) == []) == expected


def test_a_transitive_mode_looks_at_all_versions() -> None:
    earlier: list[tuple[int, Schema]] = [(1, {"maxLength": 9}), (2, {"maxLength": 3})]
    new = {"maxLength": 5}

    assert incompatibilities(new, earlier, "backward", "") == []
    [fault] = incompatibilities(new, earlier, "backward_transitive", "")
    assert (fault.pointer, "version 1" in fault.detail) == ("/maxLength", True)


def test_a_comparison_by_the_library_ends_after_its_time_limit() -> None:
    # The library alone takes some ten seconds for these, and more for more.
    def clauses(count: int, bound: int) -> Schema:
        return {
            "type": "object",
            "allOf": [
                {
                    "anyOf": [
                        {"properties": {name: {"minimum": bound + place}}, "required": [name]}
                        for name in "abcd"
                    ]
                }
                for place in range(count)
            ],
        }

    start = time.monotonic()
    assert places(clauses(12, 2), clauses(12, 0)) != []
    assert time.monotonic() - start < 10


def test_the_library_answers_in_its_process() -> None:
    assert library_covers({"type": "number"}, {"type": "integer"})
    assert not library_covers({"type": "integer"}, {"type": "number"})


NAMES = ("a", "b", "ab")
_SCALARS = [None, True, 0, 1, 2, 3, 1.5, "", "a", "ab", "abb", "2026-11-26"]
_LISTS = [[], [1], ["a"], [1, "a"], [1, 1], ["a", "ab", 2]]
_SMALL = [None, 1, "a", "ab", [1], {"a": 1}]
DOCUMENTS: list[Any] = [
    *_SCALARS,
    *_LISTS,
    {},
    *({name: value} for name, value in product(NAMES, [*_SCALARS, *_LISTS, {}, {"a": 1}])),
    *({"a": one, "b": other} for one, other in product(_SMALL, _SMALL)),
    *({"a": one, "b": 1, "ab": other} for one, other in product(_SMALL, _SMALL)),
    *([one, other] for one, other in product(_SMALL, _SMALL)),
]

_bounds = st.integers(0, 3)
_kinds = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
_leaf: st.SearchStrategy[Schema] = st.one_of(
    st.booleans(),
    st.just({}),
    st.fixed_dictionaries(
        {},
        optional={
            "type": _kinds | st.lists(_kinds, min_size=1, max_size=3, unique=True),
            "minimum": _bounds,
            "exclusiveMinimum": _bounds,
            "maximum": _bounds,
            "exclusiveMaximum": _bounds,
            "multipleOf": st.integers(1, 3),
            "minLength": _bounds,
            "maxLength": _bounds,
            "pattern": st.sampled_from(["^a", "b$", "^ab$"]),
            "format": st.sampled_from(["date", "uuid"]),
        },
    ),
    st.fixed_dictionaries({"enum": st.lists(st.sampled_from(_SCALARS), min_size=1, max_size=4)}),
    st.fixed_dictionaries({"const": st.sampled_from([*_SCALARS, *_LISTS])}),
)


def _nested(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    named = st.dictionaries(st.sampled_from(NAMES), inner, max_size=2)
    listed = st.lists(inner, min_size=1, max_size=2)
    names = st.lists(st.sampled_from(NAMES), max_size=2, unique=True)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "array", ["object", "string"]]),
            "properties": named,
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "b$"]), inner, max_size=1),
            "additionalProperties": inner,
            "propertyNames": inner,
            "required": names,
            "dependentRequired": st.dictionaries(st.sampled_from(NAMES), names, max_size=1),
            "dependentSchemas": st.dictionaries(st.sampled_from(NAMES), inner, max_size=1),
            "minProperties": _bounds,
            "maxProperties": _bounds,
            "items": inner,
            "prefixItems": listed,
            "contains": inner,
            "minContains": _bounds,
            "maxContains": _bounds,
            "minItems": _bounds,
            "maxItems": _bounds,
            "uniqueItems": st.booleans(),
            "allOf": listed,
            "anyOf": listed,
            "oneOf": listed,
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
            "unevaluatedProperties": inner,
            "unevaluatedItems": inner,
        },
    )


SCHEMAS: st.SearchStrategy[Schema] = st.recursive(_leaf, _nested, max_leaves=6)


@st.composite
def changes(draw: st.DrawFn) -> tuple[Schema, Schema]:
    """A schema, and one that was made of it by a few changes."""
    old = draw(SCHEMAS)
    new = old
    for _ in range(draw(st.integers(1, 2))):
        new = _changed(draw, new)
    return old, new


def _changed(draw: st.DrawFn, schema: Schema) -> Schema:
    if not isinstance(schema, dict) or draw(st.integers(0, 5)) == 0:
        return draw(SCHEMAS)
    other = draw(SCHEMAS)
    names = sorted(schema)
    match draw(st.sampled_from(["drop", "take", "within", "wrap"])):
        case "drop" if names:
            gone = draw(st.sampled_from(names))
            return {name: each for name, each in schema.items() if name != gone}
        case "take" if isinstance(other, dict):
            return {**schema, **other}
        case "within" if isinstance(schema.get("properties"), dict) and schema["properties"]:
            name = draw(st.sampled_from(sorted(schema["properties"])))
            inner = _changed(draw, schema["properties"][name])
            return {**schema, "properties": {**schema["properties"], name: inner}}
        case "within" if "items" in schema:
            return {**schema, "items": _changed(draw, schema["items"])}
        case _:
            wrapped: list[Schema] = [{"anyOf": [schema, other]}, {"allOf": [schema]}]
            return draw(st.sampled_from(wrapped))


def _accepted(schema: Schema) -> set[int]:
    is_valid = compiled(check_schema(schema, "")).validator.is_valid
    return {place for place, each in enumerate(DOCUMENTS) if is_valid(each)}


def _refused_now(before: set[int], after: set[int]) -> list[Any]:
    return [DOCUMENTS[place] for place in sorted(before - after)]


@settings(
    max_examples=500,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(changes())
def test_documents_of_an_old_version_stay_valid_where_the_rules_accept_the_new_one(
    change: tuple[Schema, Schema],
) -> None:
    old, new = change
    try:
        before, after = _accepted(old), _accepted(new)
    except InvalidRequest:
        return
    if not breaking_changes(old, new):
        assert _refused_now(before, after) == []


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[*HealthCheck])
@given(changes())
def test_documents_of_an_old_version_stay_valid_where_the_library_accepts_the_new_one(
    change: tuple[Schema, Schema],
) -> None:
    old, new = change
    try:
        before, after = _accepted(old), _accepted(new)
        accepted = proves(new, old)
    except (InvalidRequest, ValueError):
        return
    if accepted:
        assert _refused_now(before, after) == []
