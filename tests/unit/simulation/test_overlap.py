"""Operations that overlap, in whatever order, break no promise."""

import pytest

from tests.simulation.many_seeds import outcome
from tests.simulation.overlap import run
from tests.simulation.overlap_seeds import happened
from tests.simulation.process import one_by_one

EXAMPLES, STEPS = 60, 12
SEEDS, AT_A_TIME = 24, 6


def test_operations_that_overlap_break_no_promise() -> None:
    run(EXAMPLES, STEPS)


@pytest.mark.parametrize("first", range(1, SEEDS + 1, AT_A_TIME))
def test_many_operations_at_once_break_no_promise(first: int) -> None:
    seeds = one_by_one(range(first, first + AT_A_TIME))
    outcomes = [outcome(happened, seed) for seed in seeds]
    assert [(seed, broken) for seed, broken, _ in outcomes if broken] == []
