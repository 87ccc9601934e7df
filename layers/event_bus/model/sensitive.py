"""Sensitive fields: which parts of a payload are sealed, and how they are taken out and put back.

They are named by JSON pointers (RFC 6901); the empty one names the whole payload.
"""

import copy
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from event_bus.model.validation import checked, refuse_control_characters

MAX_SENSITIVE_FIELDS = 32
"""How many fields of one type, or one event, may be named."""

WHOLE = ""
"""The pointer of the whole payload."""

_MARKER = "$encrypted"

_MISSING = object()


def marker() -> dict[str, Any]:
    """What stands in a payload where a sensitive value was."""
    return {_MARKER: True}


def _check_pointer(text: str) -> None:
    refuse_control_characters(text)
    if text and not text.startswith("/"):
        raise ValueError("must be a JSON pointer, which begins with /")
    if any(each[:1] not in ("0", "1") for each in text.split("~")[1:]):
        raise ValueError("must be a JSON pointer, in which ~ is written ~0, and / in a name ~1")


def _pointers(value: Any) -> Any:
    if value is True:
        return [WHOLE]
    if not isinstance(value, list):
        raise PydanticCustomError("sensitive", "must be true, or an array of JSON pointers")
    return value


SensitiveFields = Annotated[
    list[Annotated[str, Field(max_length=256), AfterValidator(checked(_check_pointer))]],
    Field(min_length=1, max_length=MAX_SENSITIVE_FIELDS),
    BeforeValidator(_pointers, json_schema_input_type=Literal[True] | list[str]),
]
"""What of a payload is sensitive, as JSON pointers; `true` stands for all of it."""


def points_at_something(payload: Mapping[str, Any], pointer: str) -> bool:
    """Whether there is anything in a payload where a pointer leads."""
    return _value(payload, steps_of(pointer)) is not _MISSING


def take_out(
    payload: Mapping[str, Any], pointers: Iterable[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parts a payload.

    Args:
        payload: The payload.
        pointers: Where its sensitive values are; those that lead nowhere are passed over.

    Returns:
        The payload with a marker in place of each, and the values by their pointers.
    """
    chosen = sorted({tuple(steps_of(pointer)): pointer for pointer in pointers}.items())
    if chosen and chosen[0][1] == WHOLE:
        return marker(), {WHOLE: payload}
    shown: dict[str, Any] = copy.deepcopy(dict(payload))
    values: dict[str, Any] = {}
    last: tuple[str, ...] | None = None
    for steps, pointer in chosen:
        if last is not None and steps[: len(last)] == last:
            # It lies within the one before.
            continue
        value = _value(shown, steps)
        if value is not _MISSING:
            values[pointer] = value
            _put(shown, steps, marker())
            last = steps
    return shown, values


def put_back(shown: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The payload that `take_out` parted.

    Args:
        shown: What it left of the payload; it is changed.
        values: What it took out, by pointers.
    """
    if WHOLE in values:
        whole: dict[str, Any] = values[WHOLE]
        return whole
    for pointer, value in values.items():
        _put(shown, steps_of(pointer), value)
    return shown


def steps_of(pointer: str) -> list[str]:
    """The names and places that a JSON pointer leads through."""
    return [each.replace("~1", "/").replace("~0", "~") for each in pointer.split("/")[1:]]


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
    # "01" and "+1" are no places of an array (RFC 6901, section 4).
    if step.isascii() and step.isdigit() and str(int(step[:9])) == step and int(step) < len(array):
        return int(step)
    return None


def _put(value: Any, steps: Iterable[str], new: Any) -> None:
    *way, last = steps
    parent = _value(value, way)
    parent[int(last) if isinstance(parent, list) else last] = new
