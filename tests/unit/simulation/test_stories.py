"""Whatever goes wrong at whichever call, no promise is broken."""

from concurrent.futures import Executor

import pytest

from tests.simulation.checker import check
from tests.simulation.clients import ADMIN
from tests.simulation.faults import MODES, Fault, Mode, faults
from tests.simulation.process import simulated
from tests.simulation.stories import STORIES
from tests.simulation.stories.story import ONCE, event, failing
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
        except Exception as error:
            broken.append(f"{name}, call {fault.call} {mode}: {error}")
    return broken


@pytest.mark.parametrize("name", STORIES)
def test_a_story_ends_well(name: str) -> None:
    tell(name)


@pytest.mark.parametrize("name", STORIES)
def test_a_story_ends_well_if_reads_answer_the_past(name: str) -> None:
    for seed in range(5):
        tell(name, staleness=1.0, seed=seed)


@pytest.mark.parametrize("name", STORIES)
def test_a_story_ends_well_whichever_call_goes_wrong(name: str, processes: Executor) -> None:
    found = processes.map(spoil, [name] * len(MODES), MODES)
    assert [each for broken in found for each in broken] == []


SUBSCRIBE = [name for name in STORIES if "subscribe" in name or "newcomer" in name]


@pytest.mark.parametrize("error", [-0.99, 0.99])
@pytest.mark.parametrize("name", SUBSCRIBE)
def test_who_subscribed_misses_nothing_where_clocks_differ(name: str, error: float) -> None:
    # One function's clock is behind, the other's ahead, by almost two seconds together.
    tell(name, clock_errors={"publish": error, "registry": -error})


def test_who_subscribes_receives_what_is_published_from_then_on() -> None:
    world = tell("subscribe_after_events_that_are_not_routed_yet")
    for subscription_id in world.subscribed:
        deliveries = world.tables.items["deliveries"]
        received = {event_id for event_id, name in deliveries if name == subscription_id}
        assert received == {f"e{number}" for number in range(10, 15)}


def test_a_dead_letter_of_a_deleted_subscription_stays_until_somebody_acts() -> None:
    world = World()
    with simulated(world, 1):
        subscribed = world.subscribe(["task.*"], failing(1), retry_policy=ONCE)
        world.publish(event("e1"))
        world.settle()
        world.delete(subscribed)
        # Lanes know it by then.
        world.wait(11)
        world.settle()
        [letter] = world.dead_letters()
        assert letter["status"] == "exhausted"
        path = {"id": letter["id"]}
        world.insist("recovery", "POST /dead-letters/{id}/retry", ADMIN, parameters=path)
        world.settle()
        [letter] = world.dead_letters()
    assert (letter["status"], letter["error"]["code"]) == ("resolved", "subscription_deleted")
