"""Filters in the form of another product, and the same filters in the form of this bus.

Three other forms are common: an event pattern of Amazon EventBridge, which names the payload
`detail`; fields without the event type that they belong to; and a value or a comparison outside of
an array. Without this module they would be refused without help, or accepted and match nothing.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from event_bus import json_numbers
from event_bus.matching.errors import InvalidPatternError, below
from event_bus.matching.event_types import WILDCARD, intersection, validate_type_pattern
from event_bus.matching.expressions import COMPARISONS, Budget, ValueList
from event_bus.matching.filters import FILTERS
from event_bus.matching.pattern import OR

_DETAIL, _DETAIL_TYPE = "detail", "detail-type"
_SYMBOLS = ("=", "<", "<=", ">", ">=")
_SHOWN_CHARACTERS = 400
"""The longest corrected form, in characters, that an error message shows."""


def refuse_other_forms(event_types: list[str], filters: Mapping[str, Any]) -> None:
    """Refuses filters in another form, with a message that shows the right form.

    Args:
        event_types: The subscription's type patterns.
        filters: Its filters as a client sent them, parsed from JSON.

    Raises:
        InvalidPatternError: They are in another form; the pointer begins with `/filters`.
    """
    fault = next(_faults(event_types, filters), None)
    if fault is not None:
        at, detail = fault
        corrected = json_numbers.dumps({"filters": _corrected(event_types, filters)}).decode()
        # A longer form would be cut off, and then it would not be JSON.
        form = f": write {corrected}" if len(corrected) <= _SHOWN_CHARACTERS else ""
        raise InvalidPatternError(at, detail + form)


def _faults(event_types: list[str], filters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if (name := _envelope_member(filters, event_types)) is not None:
        yield below(FILTERS, name), _NO_ENVELOPE
    for key, pattern in filters.items():
        at = below(FILTERS, key)
        if _is_field(key, pattern, event_types):
            yield at, _NO_TYPE
        elif not isinstance(pattern, dict):
            yield at, "a filter is an event pattern: an object of fields"
        elif not _meets(key, event_types):
            yield at, _NEVER_MET
        elif (name := _envelope_member(pattern)) is not None:
            yield below(at, name), _NO_ENVELOPE
        else:
            yield from _faults_inside(pattern, at)


_NO_TYPE = "filters hold an event pattern for each event type or type pattern, and this is a field"
_NEVER_MET = (
    "no event type of the subscription can ever meet this filter, whose key is an event type or a "
    "type pattern; if the key is a field"
)
_NO_ENVELOPE = (
    "a filter has no envelope as in EventBridge: its key chooses the event type, and a payload's "
    'own field of this name is written {"payload": {"detail": …}}. To filter the payload'
)


def _faults_inside(pattern: Mapping[str, Any], pointer: str) -> Iterator[tuple[str, str]]:
    for name, value in pattern.items():
        at = below(pointer, name)
        if name == OR and isinstance(value, list):
            for place, branch in enumerate(value):
                if isinstance(branch, dict):
                    yield from _faults_inside(branch, below(at, place))
        elif _is_comparison(value):
            yield at, "a comparison must be in the array of a field's values"
        elif isinstance(value, dict):
            yield from _faults_inside(value, at)
        elif not isinstance(value, list):
            yield at, "a field holds an array of values, or an object of fields"


def _corrected(event_types: list[str], filters: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the filters in the right form."""
    # With several types, it is not known to which of them the fields belong.
    every = event_types[0] if len(event_types) == 1 else WILDCARD
    if _envelope_member(filters, event_types) is not None:
        return _without_envelope(filters, event_types, every)
    corrected: dict[str, Any] = {}
    fields = {}
    for key, pattern in filters.items():
        if _is_field(key, pattern, event_types) or not _meets(key, event_types):
            fields[key] = pattern
        elif isinstance(pattern, dict) and _envelope_member(pattern) is not None:
            corrected |= _without_envelope(pattern, event_types, key)
        else:
            corrected[key] = _written(pattern) if isinstance(pattern, dict) else {"field": ["…"]}
    if fields:
        corrected[every] = {**corrected.get(every, {}), **_written(fields)}
    return corrected


def _without_envelope(
    pattern: Mapping[str, Any], event_types: list[str], key: str
) -> dict[str, Any]:
    detail = pattern.get(_DETAIL)
    # Only the source, among the other members of the envelope, exists here as well.
    fields = {"source": pattern["source"]} if "source" in pattern else {}
    fields |= detail if isinstance(detail, dict) else {}
    named = pattern.get(_DETAIL_TYPE)
    types = [each for each in named if _meets(each, event_types)] if isinstance(named, list) else []
    return {each: _written(fields) for each in types or [key]} if fields else {}


def _written(pattern: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the pattern with every value and comparison in an array."""
    written: dict[str, Any] = {}
    for name, value in pattern.items():
        if name == OR and isinstance(value, list):
            written[name] = [_written(each) if isinstance(each, dict) else each for each in value]
        elif _is_comparison(value):
            [(operator, operand)] = value.items()
            symbol = operator in _SYMBOLS
            written[name] = [{"numeric": [operator, operand]} if symbol else value]
        elif isinstance(value, dict):
            written[name] = _written(value)
        else:
            written[name] = value if isinstance(value, list) else [value]
    return written


def _envelope_member(
    pattern: Mapping[str, Any], event_types: list[str] | None = None
) -> str | None:
    """Returns a member that only event patterns of EventBridge have, or None.

    Args:
        pattern: A pattern, or the filters themselves.
        event_types: The types that the keys of the filters may name.
    """
    for name in (_DETAIL_TYPE, _DETAIL):
        if name in pattern and name not in (event_types or []):
            # A payload may have a field of this name, but not one with fields inside.
            if event_types is None and name == _DETAIL and not isinstance(pattern[name], dict):
                continue
            return name
    return None


def _is_field(key: str, pattern: object, event_types: list[str]) -> bool:
    """Returns whether a member of the filters is a field of the payload, not a type."""
    if _is_comparison(pattern):
        return True
    return not isinstance(pattern, dict) and key not in event_types and "." not in key


def _is_comparison(value: object) -> bool:
    """Returns whether an object is a comparison, not an object with a field of that name."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    [(name, operand)] = value.items()
    if not isinstance(operand, list | dict):
        return name in COMPARISONS or name in _SYMBOLS
    try:
        ValueList([value], "", Budget())
    except InvalidPatternError:
        return False
    return True


def _meets(key: object, event_types: list[str]) -> bool:
    try:
        validate_type_pattern(key)
    except ValueError:
        return False
    return any(intersection(str(key), each) for each in event_types)
