"""Checks payloads by a schema."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import jsonschema_rs

from event_bus.errors import Fault, pointer
from event_bus.json_numbers import ExactNumber
from event_bus.schemas.limits import MAX_FAULTS, MAX_PATTERN_BYTES, MAX_WORK
from event_bus.schemas.structure import Schema
from event_bus.schemas.work import checks_of_a_value

PATTERNS = jsonschema_rs.RegexOptions(size_limit=MAX_PATTERN_BYTES)
"""The linear engine: a match takes time in proportion to the text, whatever the pattern is."""

_MASK = "the value"


@dataclass(frozen=True, slots=True)
class PayloadValidator:
    """Checks payloads by one schema.

    Attributes:
        validator: The compiled schema.
        checks: How many schemas may apply to one value of a payload.
    """

    validator: jsonschema_rs.Draft202012Validator
    checks: int

    def faults(self, payload: Any, size: int, at: str) -> list[Fault]:
        """Returns the first `MAX_FAULTS` faults of a payload, without any of its values.

        Args:
            payload: The payload.
            size: Its length as JSON, in bytes.
            at: The JSON pointer of the payload in the request.
        """
        if self.checks * size > MAX_WORK:
            return [Fault(at, "is too large to be checked by this complex schema")]
        try:
            return self._faults(payload, at)
        except ValueError:
            # The library reads decimals, but not `ExactNumber`.
            return self._faults(_with_decimals(payload), at)

    def _faults(self, payload: Any, at: str) -> list[Fault]:
        if self.validator.is_valid(payload):
            return []
        errors = self.validator.iter_errors(payload)
        found = (fault for each in errors for fault in _faults_of(each, at))
        return [*islice(found, MAX_FAULTS)]


def compiled(schema: Schema) -> PayloadValidator:
    """Compiles a schema that `checks.check_schema` has accepted."""
    return PayloadValidator(_compiled(schema), checks_of_a_value(schema))


def meta_fault(schema: Schema) -> Fault | None:
    """Returns the fault of a schema itself, if there is one."""
    try:
        _compiled(schema)
    except jsonschema_rs.ValidationError as error:
        path = error.instance_path
        if path and (path[-1] == "pattern" or "patternProperties" in path[-2:]):
            return Fault(pointer(path), _NO_PATTERN)
        if path and path[-1] == "type":
            return Fault(pointer(path), _NO_TYPE)
        return next(_faults_of(error, ""))
    return None


_NO_TYPE = "must be one or more of array, boolean, integer, null, number, object and string"
_NO_PATTERN = "must be a regular expression without lookaround and backreferences, not too large"


def _compiled(schema: Schema) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        schema,
        # The standard calls it an annotation, but authors of schemas expect a check.
        validate_formats=True,
        ignore_unknown_formats=True,
        pattern_options=PATTERNS,
        # No reference is ever fetched.
        offline=True,
        # Payloads may hold secrets.
        mask=_MASK,
    )


def _faults_of(error: jsonschema_rs.ValidationError, at: str) -> Iterator[Fault]:
    """Yields the faults that an error of the library stands for, in the bus's words."""
    place = at + pointer(error.instance_path)
    members = error.kind.as_dict()
    match error.kind.name:
        case "required":
            yield Fault(f"{place}{pointer([members['property']])}", "is required")
        case "additionalProperties" | "unevaluatedProperties":
            for name in members["unexpected"][:MAX_FAULTS]:
                yield Fault(f"{place}{pointer([name])}", "is not known to the schema")
        case "type":
            yield Fault(place, f"must be of the type {' or '.join(members['types'])}")
        case "format":
            yield Fault(place, f"must have the format {members['format']}")
        case "propertyNames":
            yield Fault(place, "has a member whose name is not permitted")
        case "not":
            yield Fault(place, "must not be what the schema excludes")
        case _:
            yield Fault(place, error.message.removeprefix(f"{_MASK} "))


def _with_decimals(value: Any) -> Any:
    match value:
        case ExactNumber():
            return value.value
        case dict():
            return {name: _with_decimals(each) for name, each in value.items()}
        case list():
            return [_with_decimals(each) for each in value]
        case _:
            return value
