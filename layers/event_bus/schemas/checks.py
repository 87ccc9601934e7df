"""Checks schemas before they are registered: their dialect, and the bounds of size and work."""

from collections.abc import Iterator, Set
from typing import Any

import orjson

from event_bus.errors import Fault, InvalidRequest, pointer
from event_bus.schemas import limits
from event_bus.schemas.structure import Path, Schema, reference_path, schemas_in, spelled
from event_bus.schemas.validator import meta_fault
from event_bus.schemas.work import checks_of_a_value

DIALECT = "https://json-schema.org/draft/2020-12/schema"
"""The dialect of JSON Schema in which schemas are written."""

_UNSUPPORTED = ("$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef")


def check_schema(schema: Any, at: str) -> Schema:
    """Refuses a value that is no schema of the dialect, or is beyond the bounds.

    Args:
        schema: What was sent as a schema.
        at: The JSON pointer of the schema in the request.

    Returns:
        The schema.

    Raises:
        InvalidRequest: It is refused; the faults point at what is wrong.
    """
    if not isinstance(schema, dict | bool):
        raise InvalidRequest.at(at, "must be a JSON Schema: an object, true or false")
    _check_size(schema, at)
    schemas = [*schemas_in(schema)]
    places = {spelled(place) for place, _ in schemas}
    faults = [
        Fault(at + pointer(path), detail)
        for place, each in schemas
        for path, detail in _faults_of(each, place, places)
    ]
    if faults:
        raise InvalidRequest(f"{faults[0].pointer}: {faults[0].detail}", faults)
    # It refuses a schema that causes too much work.
    checks_of_a_value(schema, at)
    # A schema is compiled last, because one beyond the bounds could take long.
    if fault := meta_fault(schema):
        raise InvalidRequest.at(at + fault.pointer, fault.detail)
    return schema


def _check_size(schema: Schema, at: str) -> None:
    try:
        size = len(orjson.dumps(schema))
    except TypeError:
        raise InvalidRequest.at(
            at, "must hold numbers that are 64-bit integers or doubles"
        ) from None
    if size > limits.MAX_SCHEMA_BYTES:
        raise InvalidRequest.at(at, f"must have at most {limits.MAX_SCHEMA_BYTES} bytes as JSON")
    counted = sum(1 for _ in schemas_in(schema))
    if counted > limits.MAX_SUBSCHEMAS:
        raise InvalidRequest.at(at, f"must hold at most {limits.MAX_SUBSCHEMAS} schemas")
    patterns = sum(len(_patterns_of(each)) for _, each in schemas_in(schema))
    if patterns > limits.MAX_PATTERNS:
        raise InvalidRequest.at(at, f"must hold at most {limits.MAX_PATTERNS} patterns")


def _faults_of(
    schema: Any, place: Path, places: Set[tuple[str, ...]]
) -> Iterator[tuple[Path, str]]:
    if not isinstance(schema, dict):
        return
    if len(place) > limits.MAX_DEPTH:
        yield place, f"must not be nested deeper than {limits.MAX_DEPTH} levels"
    if "$schema" in schema and (place or schema["$schema"] not in (DIALECT, f"{DIALECT}#")):
        yield (*place, "$schema"), f"must be {DIALECT}, at the top of the schema, or left out"
    if place and "$id" in schema:
        yield (*place, "$id"), "must be left out: only the whole schema may have an $id"
    for keyword in _UNSUPPORTED:
        if keyword in schema:
            yield (*place, keyword), "is not supported; use $ref with a JSON pointer"
    if "$ref" in schema and (detail := _reference_fault(schema["$ref"], places)):
        yield (*place, "$ref"), detail
    for keyword, pattern in _patterns_of(schema):
        if len(pattern) > limits.MAX_PATTERN_CHARACTERS:
            detail = f"must hold patterns of at most {limits.MAX_PATTERN_CHARACTERS} characters"
            yield (*place, keyword), detail


def _patterns_of(schema: Any) -> list[tuple[str, str]]:
    """Returns the regular expressions of a schema, each after the keyword that has it."""
    if not isinstance(schema, dict):
        return []
    named = schema.get("patternProperties")
    patterns = [("patternProperties", each) for each in named] if isinstance(named, dict) else []
    if isinstance(own := schema.get("pattern"), str):
        patterns.append(("pattern", own))
    return patterns


def _reference_fault(reference: Any, places: Set[tuple[str, ...]]) -> str | None:
    path = reference_path(reference) if isinstance(reference, str) else None
    if path is None:
        return (
            "must be a JSON pointer into this schema, such as #/$defs/name; "
            "the bus follows no reference to another document"
        )
    if path not in places:
        return "leads to no schema in this document"
    return None
