"""Random courses, in which anything goes wrong, break no promise."""

from concurrent.futures import Executor

from tests.simulation.workload import run

SEEDS = 1_000


def course(seed: int) -> str:
    """Runs a seed; tells what was broken, if anything was."""
    try:
        run(seed)
    except Exception as error:
        return f"python -m tests.simulation --seed {seed}: {error}"
    return ""


def test_a_random_course_ends_well_whatever_goes_wrong(processes: Executor) -> None:
    assert [each for each in processes.map(course, range(1, SEEDS + 1), chunksize=10) if each] == []


def test_a_seed_is_the_same_course_again() -> None:
    first, second = run(7), run(7)
    assert first.made == second.made
    for table in ("events", "deliveries", "circuits", "cursors", "replays"):
        assert first.tables.items[table] == second.tables.items[table]
