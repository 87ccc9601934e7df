"""Sensitive parts of payloads: takes them out to be sealed, and puts them back.

JSON pointers (RFC 6901) name them; the empty pointer names the whole payload.
"""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from event_bus.matching.errors import steps_of
from event_bus.matching.marker import marker

WHOLE = ""
"""The pointer of the whole payload."""

_MISSING = object()


def points_at_something(payload: Mapping[str, Any], pointer: str) -> bool:
    """Returns whether a pointer leads to a value of a payload."""
    return _value(payload, steps_of(pointer)) is not _MISSING


def take_out(
    payload: Mapping[str, Any], pointers: Iterable[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Takes sensitive values out of a payload.

    Args:
        payload: The payload.
        pointers: Pointers to its sensitive values; those that lead to nothing are ignored.

    Returns:
        The payload with markers, and the values by their pointers.
    """
    chosen = sorted({tuple(steps_of(pointer)): pointer for pointer in pointers}.items())
    if chosen and chosen[0][1] == WHOLE:
        return marker(), {WHOLE: payload}
    shown: dict[str, Any] = copy.deepcopy(dict(payload))
    values: dict[str, Any] = {}
    last: tuple[str, ...] | None = None
    for steps, pointer in chosen:
        if last is not None and steps[: len(last)] == last:
            # It is inside the value of the previous pointer.
            continue
        value = _value(shown, steps)
        if value is not _MISSING:
            values[pointer] = value
            _put(shown, steps, marker())
            last = steps
    return shown, values


def put_back(shown: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Puts the values back that `take_out` has taken.

    Args:
        shown: The payload with markers; it is changed.
        values: The values, by their pointers.
    """
    if WHOLE in values:
        whole: dict[str, Any] = values[WHOLE]
        return whole
    for pointer, value in values.items():
        _put(shown, steps_of(pointer), value)
    return shown


def _value(value: Any, steps: Iterable[str]) -> Any:
    for step in steps:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and (place := _place(step, value)) is not None:
            value = value[place]
        else:
            return _MISSING
    return value


def _place(step: str, array: list[Any]) -> int | None:
    # "01" and "+1" are not array indexes (RFC 6901, section 4).
    if step.isascii() and step.isdigit() and str(int(step[:9])) == step and int(step) < len(array):
        return int(step)
    return None


def _put(value: Any, steps: Iterable[str], new: Any) -> None:
    *way, last = steps
    parent = _value(value, way)
    parent[int(last) if isinstance(parent, list) else last] = new
