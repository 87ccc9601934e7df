"""Runs stories to their end, and checks them."""

import random
from collections.abc import Sequence
from functools import cache

from tests.simulation.checker import check
from tests.simulation.faults import MODES, AwsCall, CallFault, faults, one_by_turns, one_of_each
from tests.simulation.known import Violation
from tests.simulation.process import one_by_one, simulated
from tests.simulation.stories import STORIES, registrations
from tests.simulation.world import World


def tell(
    name: str,
    *wrong: CallFault,
    staleness: float = 0.0,
    seed: int = 1,
    clock_errors: dict[str, float] | None = None,
    traced: bool = False,
) -> World:
    """Runs a story to its end, and checks every promise."""
    world = World(seed, wrong, staleness=staleness)
    world.clock_errors = clock_errors or {}
    world.traced = traced
    with simulated(world, seed):
        STORIES[name](world)
        world.settle()
        world.come_again()
        check(world)
    return world


def spoil(name: str, *, every: bool = False) -> list[str]:
    """Runs a story repeatedly, each time with another fault.

    Args:
        name: The story.
        every: Whether every call gets every fault; otherwise those of `representative`.

    Returns:
        The broken promises.
    """
    broken = []
    wrong = _all_faults(_calls(name)) if every else representative(name)
    for fault in one_by_one(wrong):
        try:
            assert tell(name, fault).happened[fault.mode] == 1
        except (Exception, Violation) as error:
            broken.append(f"{name}, call {fault.call} {fault.mode}: {error}")
    return broken


def representative(name: str) -> list[CallFault]:
    """Returns the faults of a story that show something new.

    Calls by the same lines of code differ only in the state that they find. In the first story that
    makes such a call, one of them gets each fault; in each further story, one of the faults, by
    turns.
    """
    told = list(STORIES)
    place = told.index(name)
    calls = _calls(name)
    known = {way for earlier in told[:place] for way in _ways(earlier).values()}
    ways = _ways(name)
    again = [fault for fault, way in ways.items() if way in known]
    return [
        *(fault for fault, way in ways.items() if way not in known),
        *one_by_turns(again, calls, place),
    ]


@cache
def _calls(name: str) -> list[AwsCall]:
    """Returns the calls of a story without faults."""
    return tell(name, traced=True).made


@cache
def _ways(name: str) -> dict[CallFault, tuple[object, ...]]:
    """Returns one fault of each kind, with what tells kinds apart."""
    calls = _calls(name)
    # The stories of `registrations` are about them.
    registering = STORIES[name].__module__ == registrations.__name__
    return {
        fault: (fault.mode, *calls[fault.call - 1].way)
        for mode in MODES
        for fault in one_of_each(faults(calls, mode), calls, registering=registering)
    }


def _all_faults(calls: Sequence[AwsCall]) -> list[CallFault]:
    return [fault for mode in MODES for fault in faults(calls, mode)]


def spoil_by_chance(name: str, seed: int) -> list[str]:
    """Runs a story with a seed, and again with a fault of each mode, each in a random call.

    The seed also determines how old the answers of inconsistent reads are.

    Returns:
        The broken promises.
    """
    rng = random.Random(seed)
    staleness = rng.choice((0.0, 0.2, 1.0))
    about = f"{name}, seed {seed}"
    try:
        calls = tell(name, seed=seed, staleness=staleness).made
        for mode in MODES:
            wrong = rng.choice(list(faults(calls, mode)))
            about = f"{name}, seed {seed}, call {wrong.call} {mode}"
            tell(name, wrong, seed=seed, staleness=staleness)
    except (Exception, Violation) as error:
        return [f"{about}: {error}"]
    return []
