"""Event types (`task.created`) and the patterns that select them (`task.*`).

In a pattern `*` stands for whole segments: exactly one at the start or in the middle, one or more
at the end. So `task.*` selects `task.created` and `task.created.late` but not `task`,
`*.created` selects `task.created` alone, and `*` selects every type.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from event_bus.matching.errors import InvalidEventTypeError
from event_bus.matching.limits import (
    MAX_EVENT_TYPE_LENGTH,
    MAX_EVENT_TYPE_SEGMENTS,
    MAX_TYPE_WILDCARDS,
)

WILDCARD = "*"

_SEGMENT = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


# Subscriptions and events repeat the same few patterns and types.
_REMEMBERED = 16_384


def _validate(text: object, kind: str, *, wildcard: bool) -> None:
    if not isinstance(text, str):
        raise InvalidEventTypeError(f"{kind} must be a string")
    fault = _fault(text, wildcard)
    if fault is not None:
        raise InvalidEventTypeError(f"{kind} {fault}")


@lru_cache(_REMEMBERED)
def _fault(text: str, wildcard: bool) -> str | None:
    if len(text) > MAX_EVENT_TYPE_LENGTH:
        return f"has at most {MAX_EVENT_TYPE_LENGTH} characters"
    segments = text.split(".")
    if len(segments) > MAX_EVENT_TYPE_SEGMENTS:
        return f"has at most {MAX_EVENT_TYPE_SEGMENTS} segments"
    for segment in segments:
        if not (_SEGMENT.fullmatch(segment) or (wildcard and segment == WILDCARD)):
            also = ", or a lone *" if wildcard else ""
            return (
                f"has an invalid segment, {segment[:32]!r}: "
                f"use letters, digits, _ and -{also}, with dots between segments"
            )
    return None


def validate_event_type(text: object) -> None:
    """Refuses a text that is not an event type.

    Args:
        text: The text.

    Raises:
        InvalidEventTypeError: It is not a string of 1 to 16 dotted segments, or is too long.
    """
    _validate(text, "an event type", wildcard=False)


def validate_type_pattern(text: object) -> None:
    """Refuses a text that is not a type pattern.

    Args:
        text: The text.

    Raises:
        InvalidEventTypeError: It is not an event type, even with `*` for some segments.
    """
    _validate(text, "a type pattern", wildcard=True)


def validate_new_type_pattern(text: object) -> None:
    """Refuses a text that is not a type pattern, or that a new registration may not have.

    Args:
        text: The text.

    Raises:
        InvalidEventTypeError: It is not a type pattern, or has too many wildcards.
    """
    validate_type_pattern(text)
    if str(text).split(".")[:-1].count(WILDCARD) > MAX_TYPE_WILDCARDS:
        raise InvalidEventTypeError(
            f"a type pattern has at most {MAX_TYPE_WILDCARDS} segments before its last one that "
            "are *"
        )


@lru_cache(_REMEMBERED)
def matches_type(pattern: str, event_type: str) -> bool:
    """Returns whether a type pattern selects an event type.

    Args:
        pattern: A valid type pattern.
        event_type: A valid event type.
    """
    if WILDCARD not in pattern:
        return pattern == event_type
    expected = pattern.split(".")
    actual = event_type.split(".")
    if expected[-1] == WILDCARD:
        expected.pop()
        if len(actual) <= len(expected):
            return False
    elif len(actual) != len(expected):
        return False
    return all(want in (WILDCARD, have) for want, have in zip(expected, actual, strict=False))


def matches_any(patterns: Iterable[str], event_type: str) -> bool:
    """Returns whether one of some type patterns selects an event type.

    Args:
        patterns: Valid type patterns.
        event_type: A valid event type.
    """
    return any(matches_type(pattern, event_type) for pattern in patterns)


@lru_cache(_REMEMBERED)
def intersection(first: str, second: str) -> str | None:
    """Returns the pattern of the types that both patterns select, or None if there are none.

    Args:
        first: A valid type pattern.
        second: A valid type pattern.
    """
    shorter, longer = sorted((first.split("."), second.split(".")), key=len)
    # Only a `*` at the end stands for more than one segment.
    if len(shorter) < len(longer) and shorter[-1] != WILDCARD:
        return None
    segments = []
    for position, segment in enumerate(longer):
        other = shorter[min(position, len(shorter) - 1)]
        if segment != other and WILDCARD not in (segment, other):
            return None
        segments.append(other if segment == WILDCARD else segment)
    return ".".join(segments)


def covers(wider: str, narrower: str) -> bool:
    """Returns whether `wider` selects every type that `narrower` selects.

    Args:
        wider: A valid type pattern.
        narrower: A valid type pattern, or an event type.
    """
    return intersection(wider, narrower) == narrower
