"""Operations that overlap, in whatever order, break no promise."""

import pytest
from event_bus.model import circuit
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome

from tests.simulation.known import Subscriber, Violation
from tests.simulation.many_seeds import outcome
from tests.simulation.overlap import run
from tests.simulation.overlap_promises import check_failures
from tests.simulation.overlap_seeds import happened
from tests.simulation.overlapping_world import OverlappingWorld
from tests.simulation.process import Processes, one_by_one, simulated
from tests.simulation.stories.story import REFUSED, TAKEN, event

EXAMPLES, STEPS = 60, 12
SEEDS, AT_A_TIME = 24, 6


def test_operations_that_overlap_break_no_promise() -> None:
    run(EXAMPLES, STEPS)


@pytest.mark.parametrize("first", range(1, SEEDS + 1, AT_A_TIME))
def test_many_operations_at_once_break_no_promise(first: int) -> None:
    seeds = one_by_one(range(first, first + AT_A_TIME))
    outcomes = [outcome(happened, seed) for seed in seeds]
    assert [(seed, broken) for seed, broken, _ in outcomes if broken] == []


def _successes_that_are_not_counted() -> OverlappingWorld:
    """Two functions deliver in turn; one of them has cached that there is no circuit."""
    world, first, second = OverlappingWorld(), Processes(), Processes()
    answers = iter(3 * [TAKEN, REFUSED])

    def answer(_event: Event, _number: int) -> Outcome:
        return next(answers)

    with simulated(world, 0):
        world.subscribe(["task.*"], Subscriber(answer), retry_policy={"max_attempts": 1})
        for number, processes in enumerate(3 * (first, second)):
            world._processes = processes
            world.publish(event(f"e{number}"))
            while world.step():
                pass
    return world


def test_failures_around_successes_that_are_not_counted_are_not_in_a_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check_failures(_successes_that_are_not_counted())
    monkeypatch.setattr(circuit, "KNOWN_SECONDS", 1e-6)
    with pytest.raises(Violation, match="2 failures in a row were not made"):
        check_failures(_successes_that_are_not_counted())
