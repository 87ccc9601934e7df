"""Runs stories to their end, and checks them."""

from tests.simulation.checker import check
from tests.simulation.faults import Fault, Mode, faults, one_of_each
from tests.simulation.known import Violation
from tests.simulation.process import simulated
from tests.simulation.stories import STORIES, registrations
from tests.simulation.world import World


def tell(
    name: str,
    *wrong: Fault,
    staleness: float = 0.0,
    seed: int = 1,
    clock_errors: dict[str, float] | None = None,
) -> World:
    """Runs a story to its end, and checks every promise."""
    world = World(seed, wrong, staleness=staleness)
    world.clock_errors = clock_errors or {}
    with simulated(world, seed):
        STORIES[name](world)
        world.settle()
        world.come_again()
        check(world)
    return world


def spoil(name: str, mode: Mode, *, every: bool = False) -> list[str]:
    """Runs a story repeatedly, each time with a fault of one mode in another call.

    Args:
        name: The story.
        mode: The kind of fault.
        every: Whether every call gets a fault; otherwise one of each kind, as `one_of_each` says.

    Returns:
        The broken promises.
    """
    broken = []
    calls = tell(name).made
    wrong = faults(calls, mode)
    if not every:
        # The stories of `registrations` are about them.
        registering = STORIES[name].__module__ == registrations.__name__
        wrong = one_of_each(wrong, calls, registering=registering)
    for fault in wrong:
        try:
            world = tell(name, fault)
            assert world.happened[mode] == 1
        except (Exception, Violation) as error:
            broken.append(f"{name}, call {fault.call} {mode}: {error}")
    return broken
