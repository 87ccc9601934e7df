"""An event at which every function crashes, among the events of a busy stream."""

import pytest
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.queues.lanes import MAX_RECEIVES

from tests.simulation.checker import check
from tests.simulation.faults import ProcessExit
from tests.simulation.known import Subscriber
from tests.simulation.process import simulated
from tests.simulation.stories.story import ONCE, TAKEN, event, in_stream
from tests.simulation.world import World


@pytest.mark.parametrize("events", [1, 3, 8])
@pytest.mark.parametrize("seed", [1, 2])
def test_functions_crash_a_few_times_at_an_event(events: int, seed: int) -> None:
    crashes = 0

    def crash_at_the_first(seen: Event, _number: int) -> Outcome:
        nonlocal crashes
        if seen.id != "e0":
            return TAKEN
        crashes += 1
        raise ProcessExit

    world = World(seed, ())
    with simulated(world, seed):
        world.subscribe(["task.*"], Subscriber(crash_at_the_first), retry_policy=ONCE, ordered=True)
        world.publish(*[event(f"e{number}", **in_stream("task/1")) for number in range(events)])
        world.settle()
        check(world)
    # While one function has the cursor, the messages of the others wait.
    assert MAX_RECEIVES <= crashes <= 4 * MAX_RECEIVES
