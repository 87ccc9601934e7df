"""Drafts a schema from payloads that were published."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema_rs
import orjson

from event_bus.matching.marker import marker
from event_bus.schemas.limits import MAX_SCHEMA_BYTES, MAX_SUBSCHEMAS
from event_bus.schemas.scalars import type_of
from event_bus.schemas.structure import Schema

MAX_MEMBERS = 100
"""The most members of a drafted object; an object with more counts as a map."""

MAX_DRAFT_DEPTH = 12
"""The depth of a draft; deeper values are left open."""

_FORMATS = ("date-time", "date", "time", "uuid", "email", "ipv4", "ipv6", "uri")
_MARKER = marker()
_ORDER = ("null", "boolean", "integer", "number", "string", "array", "object")


@dataclass(slots=True)
class _Room:
    """The room that is left in a draft: a larger one could not be registered.

    Attributes:
        schemas: How many more schemas it may contain.
        size: How many more bytes it may have, as compact JSON.
    """

    schemas: int = MAX_SUBSCHEMAS - 1
    size: int = MAX_SCHEMA_BYTES

    def take(self, part: dict[str, Any], schemas: int = 0) -> bool:
        """Takes room for a part, and for the schemas in it; returns whether there was enough."""
        size = len(orjson.dumps(part))
        if schemas > self.schemas or size > self.size:
            return False
        self.schemas -= schemas
        self.size -= size
        return True


def draft_of(payloads: Sequence[Any]) -> Schema:
    """Returns a schema that accepts payloads, as closely as their types, members and formats tell.

    Args:
        payloads: The payloads, at least one.

    Returns:
        The draft. It leaves sealed parts open, and what would make it larger than a schema may be.
        It contains no values.
    """
    return _described(payloads, 0, _Room())


def _described(values: Sequence[Any], depth: int, room: _Room) -> Schema:
    if depth > MAX_DRAFT_DEPTH or any(value == _MARKER for value in values):
        return {}
    types = set(map(type_of, values))
    if "number" in types:
        types.discard("integer")
    named = [each for each in _ORDER if each in types]
    schema: dict[str, Any] = {"type": named[0] if len(named) == 1 else named}
    if texts := [value for value in values if isinstance(value, str)]:
        schema |= _format(texts)
    if not room.take(schema):
        return {}
    if objects := [value for value in values if isinstance(value, dict)]:
        schema |= _members(objects, depth, room)
    if lists := [value for value in values if isinstance(value, list)]:
        elements = [each for value in lists for each in value]
        if elements and room.take({"items": {}}, 1):
            schema["items"] = _described(elements, depth + 1, room)
    return schema


def _format(texts: Sequence[str]) -> dict[str, str]:
    for name in _FORMATS:
        if all(map(_format_check(name).is_valid, texts)):
            return {"format": name}
    return {}


@cache
def _format_check(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator({"format": name}, validate_formats=True, offline=True)


def _members(objects: Sequence[dict[str, Any]], depth: int, room: _Room) -> dict[str, Any]:
    counted = Counter(name for value in objects for name in value)
    if len(counted) > MAX_MEMBERS:
        if not room.take({"additionalProperties": {}}, 1):
            return {}
        values = [each for value in objects for each in value.values()]
        return {"additionalProperties": _described(values, depth + 1, room)}
    required = sorted(name for name, count in counted.items() if count == len(objects))
    named: dict[str, Any] = {"properties": {name: {} for name in counted}, "required": required}
    if not room.take(named, len(counted)):
        return {}
    return {
        "properties": {
            name: _described([value[name] for value in objects if name in value], depth + 1, room)
            for name in sorted(counted)
        },
        "required": required,
    }
