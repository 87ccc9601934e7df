"""Stories, told to their end and checked."""

from tests.simulation.checker import check
from tests.simulation.faults import Fault, Mode, faults
from tests.simulation.known import Violation
from tests.simulation.process import simulated
from tests.simulation.stories import STORIES
from tests.simulation.world import World


def tell(
    name: str,
    *wrong: Fault,
    staleness: float = 0.0,
    seed: int = 1,
    clock_errors: dict[str, float] | None = None,
) -> World:
    """Tells a story to its end, and checks what must hold."""
    world = World(seed, wrong, staleness=staleness)
    world.clock_errors = clock_errors or {}
    with simulated(world, seed):
        STORIES[name](world)
        world.settle()
        world.come_again()
        check(world)
    return world


def spoil(name: str, mode: Mode) -> list[str]:
    """Tells a story once for each of its calls that can go wrong in a mode of its own.

    Returns:
        What was broken.
    """
    broken = []
    for fault in faults(tell(name).made, mode):
        try:
            world = tell(name, fault)
            assert world.happened[mode] == 1
        except (Exception, Violation) as error:
            broken.append(f"{name}, call {fault.call} {mode}: {error}")
    return broken
