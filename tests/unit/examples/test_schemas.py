"""Every type of the example has a schema that the bus takes."""

import pytest
from event_bus.schemas.checks import check_schema
from event_bus.schemas.validator import compiled

from examples.engineering_day.cast import EVENT_TYPES
from examples.engineering_day.schemas import SCHEMAS


def test_every_type_has_a_schema() -> None:
    assert SCHEMAS.keys() == EVENT_TYPES
    assert len(SCHEMAS) == 18


@pytest.mark.parametrize("event_type", sorted(SCHEMAS))
def test_a_schema_is_one_that_the_bus_takes(event_type: str) -> None:
    schema = check_schema(SCHEMAS[event_type], "")

    missing = compiled(schema).faults({}, 2, "")
    assert {each.detail for each in missing} == {"is required"}
