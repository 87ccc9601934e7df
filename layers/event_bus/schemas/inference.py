"""Drafts a schema from payloads that were published."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

import jsonschema_rs

from event_bus.matching.marker import marker
from event_bus.schemas.scalars import type_of
from event_bus.schemas.structure import Schema

MAX_MEMBERS = 100
"""The most members of a drafted object; an object with more counts as a map."""

MAX_DRAFT_DEPTH = 12
"""The depth of a draft; deeper values are left open."""

_FORMATS = ("date-time", "date", "time", "uuid", "email", "ipv4", "ipv6", "uri")
_MARKER = marker()
_ORDER = ("null", "boolean", "integer", "number", "string", "array", "object")


def draft_of(payloads: Sequence[Any]) -> Schema:
    """Returns a schema that accepts payloads, as closely as their types, members and formats tell.

    Args:
        payloads: The payloads, at least one.

    Returns:
        The draft. It leaves sealed parts open, and contains no values.
    """
    return _described(payloads, 0)


def _described(values: Sequence[Any], depth: int) -> Schema:
    if depth > MAX_DRAFT_DEPTH or any(value == _MARKER for value in values):
        return {}
    types = set(map(type_of, values))
    if "number" in types:
        types.discard("integer")
    named = [each for each in _ORDER if each in types]
    schema: dict[str, Any] = {"type": named[0] if len(named) == 1 else named}
    if texts := [value for value in values if isinstance(value, str)]:
        schema |= _format(texts)
    if objects := [value for value in values if isinstance(value, dict)]:
        schema |= _members(objects, depth)
    if lists := [value for value in values if isinstance(value, list)]:
        elements = [each for value in lists for each in value]
        schema |= {"items": _described(elements, depth + 1)} if elements else {}
    return schema


def _format(texts: Sequence[str]) -> dict[str, str]:
    for name in _FORMATS:
        if all(map(_format_check(name).is_valid, texts)):
            return {"format": name}
    return {}


@cache
def _format_check(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator({"format": name}, validate_formats=True, offline=True)


def _members(objects: Sequence[dict[str, Any]], depth: int) -> dict[str, Any]:
    counted = Counter(name for value in objects for name in value)
    if len(counted) > MAX_MEMBERS:
        values = [each for value in objects for each in value.values()]
        return {"additionalProperties": _described(values, depth + 1)}
    return {
        "properties": {
            name: _described([value[name] for value in objects if name in value], depth + 1)
            for name in sorted(counted)
        },
        "required": sorted(name for name, count in counted.items() if count == len(objects)),
    }
