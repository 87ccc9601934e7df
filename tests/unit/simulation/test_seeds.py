"""Random courses, in which anything goes wrong, break no promise."""

import pytest

from tests.simulation.known import Violation
from tests.simulation.process import one_by_one
from tests.simulation.workload import run

SEEDS, AT_A_TIME = 1_000, 50


def broken(seed: int) -> str:
    """Runs a seed; tells what was broken, if anything was."""
    try:
        run(seed)
    except (Exception, Violation) as error:
        return f"python -m tests.simulation --seed {seed}: {error}"
    return ""


@pytest.mark.parametrize("first", range(1, SEEDS + 1, AT_A_TIME))
def test_a_random_course_ends_well_whatever_goes_wrong(first: int) -> None:
    seeds = one_by_one(range(first, first + AT_A_TIME))
    assert list(filter(None, map(broken, seeds))) == []


def test_a_seed_is_the_same_course_again() -> None:
    first, second = run(7), run(7)
    assert first.made == second.made
    for table in ("events", "deliveries", "circuits", "cursors", "replays"):
        assert first.tables.items[table] == second.tables.items[table]
