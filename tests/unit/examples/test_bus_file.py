"""The file of the example registers what the cast plays."""

import pytest
from event_bus.schemas.checks import check_schema
from event_bus.schemas.validator import compiled
from event_bus_client.cli.bus_file.text import read

from examples.engineering_day.cast import CAST, EVENT_TYPES
from examples.engineering_day.registration import FILE

CONTENT = read(FILE.read_text()).value()
SCHEMAS = {event_type: each["schema"] for event_type, each in CONTENT["schemas"].items()}


def test_the_publishers_are_those_of_the_cast() -> None:
    assert CONTENT["publishers"] == {
        role.service_id: {
            "name": role.short_name,
            "event_types": list(role.publishes),
            "authentication": {"api_key": role.api_key},
        }
        for role in CAST
        if role.publishes
    }


def test_every_type_has_a_schema_that_is_enforced() -> None:
    assert SCHEMAS.keys() == EVENT_TYPES
    assert len(SCHEMAS) == 18
    assert {each["validation"] for each in CONTENT["schemas"].values()} == {"enforce"}


@pytest.mark.parametrize("event_type", sorted(SCHEMAS))
def test_a_schema_is_one_that_the_bus_takes(event_type: str) -> None:
    schema = check_schema(SCHEMAS[event_type], "")
    missing = compiled(schema).faults({}, 2, "")
    assert {each.detail for each in missing} == {"is required"}
