"""Operations that overlap, in whatever order, break no promise."""

from tests.simulation.overlap import run

EXAMPLES, STEPS = 60, 12


def test_operations_that_overlap_break_no_promise() -> None:
    run(EXAMPLES, STEPS)
