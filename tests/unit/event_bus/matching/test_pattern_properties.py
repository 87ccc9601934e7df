"""Patterns against a second implementation, and against whatever JSON there is."""

from importlib import import_module
from typing import Any
from unittest.mock import patch

import pytest
from event_bus.matching import event_view
from event_bus.matching.errors import InvalidPatternError
from event_bus.matching.pattern import EventPattern
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.unit.event_bus.matching.reference import reference_matches
from tests.unit.event_bus.matching.strategies import documents, patterns

emulator = import_module("ministack.services.eventbridge")

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["$or", "prefix", "suffix", "wildcard", "anything-but", "numeric", "cidr", "a"]
            ),
            inner,
            max_size=2,
        ),
    ),
    max_leaves=12,
)


def emulator_matches(pattern: dict[str, Any], document: dict[str, Any]) -> bool:
    return any(
        emulator._matches_detail(document, alternative)
        for alternative in emulator._compile_pattern(pattern)
    )


def agree(pattern: dict[str, Any], document: dict[str, Any]) -> None:
    try:
        compiled = EventPattern(pattern)
    except InvalidPatternError as error:
        # Known: a field asked for twice is refused here, and its last mention wins there.
        assume("named twice" not in error.detail)
        with pytest.raises(emulator._InvalidPattern):
            emulator._compile_pattern(pattern)
        return
    assert compiled.matches(document) is emulator_matches(pattern, document)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(patterns(), documents(arrays=False))
def test_agrees_with_the_emulator(pattern: dict[str, Any], document: dict[str, Any]) -> None:
    agree(pattern, document)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(patterns((True,)), documents(arrays=True))
def test_agrees_with_the_emulator_on_arrays(
    pattern: dict[str, Any], document: dict[str, Any]
) -> None:
    # Known: what is missing from one element only; `exists: false` is left out here.
    agree(pattern, document)


@pytest.mark.parametrize("walked", [0, 1_000], ids=["as sets", "walked"])
@settings(deadline=None, derandomize=True, max_examples=1_500)
@given(patterns(), documents(arrays=True, exact=True))
def test_agrees_with_the_reference(
    walked: int, pattern: dict[str, Any], document: dict[str, Any]
) -> None:
    try:
        compiled = EventPattern(pattern)
    except InvalidPatternError:
        assume(False)
    with patch.object(event_view, "MAX_WALKED", walked - 1):
        assert compiled.matches(document) is reference_matches(pattern, document)


@pytest.mark.parametrize(
    ("pattern", "document", "ours", "theirs"),
    [
        # event-ruler: with no other field that chooses an element, it must be missing from all.
        ({"l": {"a": [{"exists": False}]}}, {"l": [{"a": 1}, {"b": 1}]}, False, True),
        # The user guide asks for "the same nesting structure"; event-ruler joins names by dots.
        ({"a.b": [1]}, {"a": {"b": 1}}, False, True),
        ({"a.b": [1]}, {"a.b": 1}, True, False),
        # Numbers compare by value, whatever a double can hold.
        ({"a": [{"numeric": [">", -1]}]}, {"a": 10**400}, True, False),
    ],
)
def test_known_disagreements(
    pattern: dict[str, Any], document: dict[str, Any], ours: bool, theirs: bool
) -> None:
    assert EventPattern(pattern).matches(document) is ours
    assert emulator_matches(pattern, document) is theirs


@pytest.mark.parametrize(
    "pattern",
    [
        # The order of members would decide which of two lists counts; JSON gives it no meaning.
        {"a": ["1"], "$or": [{"a": ["2"]}, {"b": ["3"]}]},
        # `$or` is never the name of a field.
        {"$or": [{"prefix": "x"}, {"suffix": "y"}]},
        # Not in the user guide.
        {"a": [{"exactly": "x"}]},
        {"a": [{"cidr": "10.0.0.0/+8"}]},
    ],
)
def test_refused_here_and_accepted_there(pattern: dict[str, Any]) -> None:
    emulator._compile_pattern(pattern)
    with pytest.raises(InvalidPatternError):
        EventPattern(pattern)


def test_accepted_here_and_refused_there() -> None:
    pattern = {"a": [{"numeric": [">", 2**53 + 1]}]}
    EventPattern(pattern)
    with pytest.raises(emulator._InvalidPattern):
        emulator._compile_pattern(pattern)


@settings(deadline=None, derandomize=True, max_examples=250)
@given(st.one_of(JSON, st.dictionaries(st.sampled_from(["a", "$or"]), JSON, max_size=2)), JSON)
def test_any_json_is_a_pattern_or_refused(pattern: Any, value: Any) -> None:
    pointer = ""
    try:
        EventPattern(pattern).matches({"a": value})
    except InvalidPatternError as error:
        pointer = error.pointer
    assert pointer == "" or pointer.startswith("/")
