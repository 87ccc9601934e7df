"""No event of a stream is forgotten or comes out of order, however late it is routed."""

import pytest

from tests.simulation.known import Violation
from tests.simulation.late_routing import run
from tests.simulation.process import one_by_one

FORGETTING = (975, 1051, 1295, 1428)
"""Seeds that forget an event if a message that others rely on does not wait for the router."""


def broken(seed: int) -> str:
    """Runs a seed; tells what was broken, if anything was."""
    try:
        run(seed)
    except (Exception, Violation) as error:
        return f"python -m tests.simulation.late_routing --seed {seed}: {error}"
    return ""


@pytest.mark.parametrize("seeds", [FORGETTING, range(1, 51), range(51, 101)])
def test_a_course_ends_well_however_late_its_events_are_routed(seeds: range) -> None:
    assert list(filter(None, map(broken, one_by_one(seeds)))) == []


def test_a_seed_is_the_same_course_again() -> None:
    first, second = run(7), run(7)
    assert first.made == second.made
    for table in ("events", "deliveries", "cursors"):
        assert first.tables.items[table] == second.tables.items[table]
