"""The bus in memory refuses with the statuses and titles of the bus."""

import pytest
from event_bus import errors
from event_bus_client.errors import Problem
from event_bus_client.testing import problems

OF_THE_BUS = {
    each.kind: each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, errors.Problem) and each is not errors.Problem
}


@pytest.mark.parametrize(
    "made",
    [
        problems.refused(("/type", "is required")),
        problems.missing("event", "order-1"),
        problems.conflict("another event has this id"),
        problems.forbidden("another service may do it"),
        problems.version_conflict("/stream", 3),
    ],
    ids=lambda made: made.kind,
)
def test_a_refusal_has_the_status_and_the_title_of_the_bus(made: Problem) -> None:
    real = OF_THE_BUS[made.kind]
    assert (made.status, made.title) == (real.status, real.title)
