"""Checking payloads."""

import time
from typing import Any

import pytest
from event_bus import strict_json
from event_bus.schemas.limits import MAX_FAULTS
from event_bus.schemas.validator import compiled

UNKNOWN = "is not known to the schema"
NAME = "has a member whose name is not permitted"


@pytest.mark.parametrize(
    ("schema", "value", "place", "detail"),
    [
        ({"type": "integer"}, "secret", "", "must be of the type integer"),
        ({"enum": ["x", "y"]}, "secret", "", 'is not one of "x" or "y"'),
        ({"required": ["a/b"]}, {"c": "secret"}, "/a~1b", "is required"),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"b": "secret"}, "/b", UNKNOWN),
        ({"propertyNames": {"pattern": "^a"}}, {"secret": 1}, "", NAME),
        ({"format": "date-time"}, "secret", "", "must have the format date-time"),
        ({"not": {"const": "secret"}}, "secret", "", "must not be what the schema excludes"),
        ({"pattern": "^x"}, "secret", "", 'does not match "^x"'),
        ({"maxLength": 2}, "secret", "", "is longer than 2 characters"),
    ],
)
def test_a_fault_has_its_place_but_not_its_value(
    schema: Any, value: Any, place: str, detail: str
) -> None:
    validator = compiled({"properties": {"given": schema}})

    [fault] = validator.faults({"given": value}, 100, "/payload")
    assert (fault.pointer, fault.detail) == (f"/payload/given{place}", detail)
    assert "secret" not in fault.detail


@pytest.mark.parametrize("schema", [{"format": "made-up"}, {"type": "string"}, True])
def test_a_valid_payload_has_no_faults(schema: Any) -> None:
    assert compiled({"properties": {"given": schema}}).faults({"given": "a"}, 100, "") == []


@pytest.mark.parametrize(
    ("number", "valid"), [("1e-400", False), ("9007199254740993.0", True), ("1" * 30, True)]
)
def test_numbers_are_checked_by_their_exact_value(number: str, *, valid: bool) -> None:
    payload = strict_json.parse(f'{{"number": {number}}}')
    validator = compiled({"properties": {"number": {"type": "integer"}}})

    assert (validator.faults(payload, 100, "") == []) is valid


def test_the_faults_of_a_payload_are_bounded() -> None:
    validator = compiled({"additionalProperties": {"type": "string"}})

    assert len(validator.faults({str(each): each for each in range(1000)}, 100, "")) == MAX_FAULTS


def test_a_catastrophic_pattern_takes_time_in_proportion_to_the_text() -> None:
    validator = compiled({"properties": {"a": {"pattern": "^(([a-z])+.)+[A-Z]([a-z])+$"}}})
    start = time.process_time()

    assert validator.faults({"a": "a" * 100_000}, 100_000, "") != []
    assert time.process_time() - start < 2


def test_a_large_payload_is_not_checked_by_a_complex_schema() -> None:
    complex_schema = compiled({"items": {"anyOf": [{"const": each} for each in range(200)]}})

    [fault] = complex_schema.faults([], 1_000_000, "/payload")
    assert (fault.pointer, "too large" in fault.detail) == ("/payload", True)
