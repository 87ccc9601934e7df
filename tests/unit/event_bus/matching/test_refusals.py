"""Patterns that are refused, and where the fault is said to be."""

from typing import Any

import pytest
from event_bus.json_numbers import ExactNumber
from event_bus.matching import limits
from event_bus.matching.errors import InvalidPatternError
from event_bus.matching.pattern import EventPattern


def deep(levels: int) -> dict[str, Any]:
    pattern: dict[str, Any] = {"a": [1]}
    for _ in range(levels - 1):
        pattern = {"a": pattern}
    return pattern


MALFORMED: list[tuple[Any, str]] = [
    ([], ""),
    (None, ""),
    ("a", ""),
    ({}, ""),
    ({"a": {}}, "/a"),
    ({"a": 1}, "/a"),
    ({"a": "x"}, "/a"),
    ({"a": None}, "/a"),
    ({"a": []}, "/a"),
    ({"a": [[1]]}, "/a/0"),
    ({"a": ["ok", {}]}, "/a/1"),
    ({"a": [{"prefix": "x", "suffix": "y"}]}, "/a/0"),
    ({"a": [{"regex": "x"}]}, "/a/0/regex"),
    ({"a": [{"exactly": "x"}]}, "/a/0/exactly"),
    ({"a": [float("nan")]}, "/a/0"),
    ({"a": ["x", ExactNumber("1e-400")]}, "/a/1"),
    ({"a": [{"numeric": [">", ExactNumber("18446744073709551616")]}]}, "/a/0/numeric"),
    ({"a": [{"anything-but": ExactNumber("0.10000000000000001")}]}, "/a/0/anything-but"),
    ({"a": [float("inf")]}, "/a/0"),
    ({"a": [object()]}, "/a/0"),
    ({1: ["x"]}, ""),
    ({"a": [{1: "x"}]}, "/a/0"),
    ({"x/y": {"m~n": [{"exists": 1}]}}, "/x~1y/m~0n/0/exists"),
    ({"a": [{"exists": "true"}]}, "/a/0/exists"),
    ({"a": [{"prefix": 5}]}, "/a/0/prefix"),
    ({"a": [{"prefix": ["x"]}]}, "/a/0/prefix"),
    ({"a": [{"prefix": {}}]}, "/a/0/prefix"),
    ({"a": [{"prefix": {"wildcard": "x"}}]}, "/a/0/prefix/wildcard"),
    ({"a": [{"suffix": {"equals-ignore-case": 5}}]}, "/a/0/suffix/equals-ignore-case"),
    ({"a": [{"suffix": None}]}, "/a/0/suffix"),
    ({"a": [{"equals-ignore-case": ["a"]}]}, "/a/0/equals-ignore-case"),
    ({"a": [{"wildcard": "a**b"}]}, "/a/0/wildcard"),
    ({"a": [{"wildcard": "a\\b"}]}, "/a/0/wildcard"),
    ({"a": [{"wildcard": "a\\"}]}, "/a/0/wildcard"),
    ({"a": [{"wildcard": 1}]}, "/a/0/wildcard"),
    ({"a": [{"anything-but": []}]}, "/a/0/anything-but"),
    ({"a": [{"anything-but": None}]}, "/a/0/anything-but"),
    ({"a": [{"anything-but": True}]}, "/a/0/anything-but"),
    ({"a": [{"anything-but": ["a", 1]}]}, "/a/0/anything-but/1"),
    ({"a": [{"anything-but": ["a", None]}]}, "/a/0/anything-but/1"),
    ({"a": [{"anything-but": [["a"]]}]}, "/a/0/anything-but/0"),
    ({"a": [{"anything-but": {}}]}, "/a/0/anything-but"),
    ({"a": [{"anything-but": {"numeric": ["<", 1]}}]}, "/a/0/anything-but/numeric"),
    ({"a": [{"anything-but": {"cidr": "10.0.0.0/8"}}]}, "/a/0/anything-but/cidr"),
    ({"a": [{"anything-but": {"prefix": ""}}]}, "/a/0/anything-but/prefix"),
    ({"a": [{"anything-but": {"prefix": []}}]}, "/a/0/anything-but/prefix"),
    ({"a": [{"anything-but": {"suffix": ["x", 1]}}]}, "/a/0/anything-but/suffix/1"),
    ({"a": [{"anything-but": {"wildcard": ["x", "**"]}}]}, "/a/0/anything-but/wildcard/1"),
    ({"a": [{"numeric": []}]}, "/a/0/numeric"),
    ({"a": [{"numeric": 5}]}, "/a/0/numeric"),
    ({"a": [{"numeric": ["<"]}]}, "/a/0/numeric"),
    ({"a": [{"numeric": ["!=", 5]}]}, "/a/0/numeric"),
    ({"a": [{"numeric": ["<", "5"]}]}, "/a/0/numeric"),
    ({"a": [{"numeric": ["<", True]}]}, "/a/0/numeric"),
    ({"a": [{"numeric": ["=", 5, "<", 6]}]}, "/a/0/numeric"),
    ({"a": [{"numeric": ["<", 6, ">", 5]}]}, "/a/0/numeric"),
    ({"a": [{"numeric": [">", 6, "<", 5]}]}, "/a/0/numeric"),
    ({"a": [{"numeric": [">=", 5, "<=", 5]}]}, "/a/0/numeric"),
    ({"a": [{"numeric": [">", 5, ">", 6]}]}, "/a/0/numeric"),
    ({"a": [{"numeric": [">", 5, "<", 6, "<", 7]}]}, "/a/0/numeric"),
    ({"a": [{"cidr": "10.0.0.0"}]}, "/a/0/cidr"),
    ({"a": [{"cidr": "10.0.0.0/32"}]}, "/a/0/cidr"),
    ({"a": [{"cidr": "::/128"}]}, "/a/0/cidr"),
    ({"a": [{"cidr": "10.0.0.0/-1"}]}, "/a/0/cidr"),
    ({"a": [{"cidr": "10.0.0.0/8/8"}]}, "/a/0/cidr"),
    ({"a": [{"cidr": "300.0.0.0/8"}]}, "/a/0/cidr"),
    ({"a": [{"cidr": "localhost/8"}]}, "/a/0/cidr"),
    ({"a": [{"cidr": 5}]}, "/a/0/cidr"),
    ({"$or": {"a": [1]}}, "/$or"),
    ({"$or": []}, "/$or"),
    ({"$or": [{"a": [1]}]}, "/$or"),
    ({"$or": ["x", "y"]}, "/$or/0"),
    ({"$or": [{"a": [1]}, {}]}, "/$or/1"),
    ({"$or": [{"a": [1]}, {"b": 1}]}, "/$or/1/b"),
    ({"$or": [{"a": [1]}, {"prefix": ["x"]}]}, "/$or/1/prefix"),
    ({"in": {"$or": [{"a": [1]}, {"b": {"numeric": [1]}}]}}, "/in/$or/1/b/numeric"),
    ({"a": [1], "$or": [{"b": [1]}, {"a": [2]}]}, "/$or/1/a"),
    ({"a": [1], "$or": [{"b": [1]}, {"a": {"b": [2]}}]}, "/$or/1/a/b"),
    ({"a": {"b": [2]}, "$or": [{"b": [1]}, {"a": [1]}]}, "/$or/1/a"),
]


@pytest.mark.parametrize(("pattern", "pointer"), MALFORMED)
def test_fault_is_pointed_at(pattern: Any, pointer: str) -> None:
    with pytest.raises(InvalidPatternError) as caught:
        EventPattern(pattern)
    assert caught.value.pointer == pointer
    assert caught.value.detail


def test_the_length_of_a_cidr_is_explained() -> None:
    with pytest.raises(InvalidPatternError) as caught:
        EventPattern({"a": [{"cidr": "10.0.0.7/32"}]})
    said = "the prefix length must be less than 32: write a single address as a plain value"
    assert caught.value.detail == said


def fields(count: int) -> dict[str, Any]:
    return {f"f{number}": [1] for number in range(count)}


def branches(*lengths: int) -> dict[str, Any]:
    """One `$or` of each length, side by side."""
    return {
        f"o{place}": {"$or": [{"a": [number]} for number in range(length)]}
        for place, length in enumerate(lengths)
    }


LIMITED: list[tuple[Any, Any, str]] = [
    # At the limit, past it, where the fault is.
    (deep(limits.MAX_DEPTH), deep(limits.MAX_DEPTH + 1), "/a" * limits.MAX_DEPTH),
    (fields(limits.MAX_FIELDS), fields(limits.MAX_FIELDS + 1), f"/f{limits.MAX_FIELDS}"),
    (
        {"a": list(range(limits.MAX_VALUES))},
        {"a": list(range(limits.MAX_VALUES + 1))},
        f"/a/{limits.MAX_VALUES}",
    ),
    (
        {"a": [{"anything-but": list(range(limits.MAX_VALUES - 1))}]},
        {"a": [{"anything-but": list(range(limits.MAX_VALUES))}]},
        f"/a/0/anything-but/{limits.MAX_VALUES - 1}",
    ),
    (
        {"a": [{"prefix": str(n)} for n in range(limits.MAX_OPERATORS)]},
        {"a": [{"prefix": str(n)} for n in range(limits.MAX_OPERATORS + 1)]},
        f"/a/{limits.MAX_OPERATORS}/prefix",
    ),
    (
        {"a": [{"wildcard": "*a" * limits.MAX_WILDCARDS}]},
        {"a": [{"wildcard": "*a" * (limits.MAX_WILDCARDS + 1)}]},
        "/a/0/wildcard",
    ),
    (
        {"a": ["x" * limits.MAX_STRING_LENGTH]},
        {"a": ["x" * (limits.MAX_STRING_LENGTH + 1)]},
        "/a/0",
    ),
    ({"n" * limits.MAX_NAME_LENGTH: [1]}, {"n" * (limits.MAX_NAME_LENGTH + 1): [1]}, ""),
    (branches(1000), branches(1001), "/o0/$or"),
    (branches(10, 10, 10), branches(10, 10, 11), "/o2/$or"),
    (branches(*[2] * 9), branches(*[2] * 10), "/o9/$or"),
]


@pytest.mark.parametrize(("accepted", "refused", "pointer"), LIMITED)
def test_limits(accepted: Any, refused: Any, pointer: str) -> None:
    EventPattern(accepted)
    with pytest.raises(InvalidPatternError) as caught:
        EventPattern(refused)
    assert caught.value.pointer == pointer


def test_nested_or_multiplies_as_the_user_guide_counts() -> None:
    inner = {"$or": [{"b": [number]} for number in range(32)]}
    with pytest.raises(InvalidPatternError):
        EventPattern({"$or": [{"a": [number]} for number in range(31)] + [inner]})
