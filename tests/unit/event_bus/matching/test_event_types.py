import itertools

import pytest
from event_bus.matching.errors import InvalidEventTypeError
from event_bus.matching.event_types import (
    covers,
    intersection,
    matches_type,
    validate_event_type,
    validate_new_type_pattern,
    validate_type_pattern,
)
from hypothesis import given, settings
from hypothesis import strategies as st

SEGMENTS = st.sampled_from(["a", "b"])
TYPES = st.lists(SEGMENTS, min_size=1, max_size=5).map(".".join)
PATTERNS = st.lists(st.sampled_from(["a", "b", "*"]), min_size=1, max_size=4).map(".".join)
EVERY_TYPE = [".".join(t) for n in range(1, 6) for t in itertools.product("ab", repeat=n)]


@pytest.mark.parametrize(
    "text",
    [
        *("task", "task.created", "role.action.failed", "command.generate_code", "A-1.b_2"),
        *(".".join("a" * 16), "a" * 128),
    ],
)
def test_event_type_is_accepted(text: str) -> None:
    validate_event_type(text)
    validate_type_pattern(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "task.", ".task", "a..b", "a b", "täsk", "task\n", "a/b", "a*", "*a"),
        *(".".join("a" * 17), "a" * 129, 7, None, True),
    ],
)
def test_event_type_is_refused(text: object) -> None:
    with pytest.raises(InvalidEventTypeError, match=r"\w+"):
        validate_event_type(text)
    with pytest.raises(InvalidEventTypeError):
        validate_type_pattern(text)


@pytest.mark.parametrize("text", ["*", "task.*", "*.created", "a.*.c", "*.*"])
def test_wildcards_are_for_patterns_alone(text: str) -> None:
    validate_type_pattern(text)
    with pytest.raises(InvalidEventTypeError):
        validate_event_type(text)


@pytest.mark.parametrize(
    ("pattern", "event_type", "expected"),
    [
        ("task.created", "task.created", True),
        ("task.created", "task.deleted", False),
        ("task.created", "task.created.late", False),
        ("task.*", "task.created", True),
        ("task.*", "task.a.b", True),
        ("task.*", "task", False),
        ("task.*", "tasks.created", False),
        ("*", "task", True),
        ("*", "task.a.b", True),
        ("*.created", "task.created", True),
        ("*.created", "a.task.created", False),
        ("*.created", "created", False),
        ("a.*.c", "a.b.c", True),
        ("a.*.c", "a.b.b.c", False),
        ("a.*.c", "a.c", False),
        ("*.*", "a", False),
        ("*.*", "a.b.c", True),
    ],
)
def test_matches_type(pattern: str, event_type: str, expected: bool) -> None:
    assert matches_type(pattern, event_type) is expected
    assert covers(pattern, event_type) is expected


@settings(deadline=None, derandomize=True, max_examples=300)
@given(PATTERNS, PATTERNS)
def test_intersection_and_covers_agree_with_the_types_themselves(first: str, second: str) -> None:
    both = {t for t in EVERY_TYPE if matches_type(first, t) and matches_type(second, t)}
    common = intersection(first, second)
    assert {t for t in EVERY_TYPE if common and matches_type(common, t)} == both
    # Five levels of two letters tell all these patterns apart.
    assert covers(first, second) == ({t for t in EVERY_TYPE if matches_type(second, t)} == both)


def test_a_new_type_pattern_has_few_wildcards() -> None:
    for pattern in ("*", "*.*.*.*.*", "a.*.*.b.*.*.c.*", "*.a.*.a.*.a.*.a"):
        validate_new_type_pattern(pattern)
    with pytest.raises(InvalidEventTypeError, match="at most 4 segments"):
        validate_new_type_pattern("*.*.*.*.*.a")
    # One that was stored before is still read.
    validate_type_pattern("*.*.*.*.*.a")
