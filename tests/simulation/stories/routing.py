"""Events that are routed: to many, late, in a loop, or only by the sweep."""

from tests.simulation.stories.story import event, story
from tests.simulation.world import World


@story
def fan_out(world: World) -> None:
    for _ in range(3):
        world.subscribe(["task.*"])
    world.subscribe(["task.created"], filters={"task.created": {"n": ["e2"]}})
    world.publish(event("e1"), event("e2"))


@story
def subscribe_late(world: World) -> None:
    world.publish(event("e1"))
    world.run(2)
    world.subscribe(["task.*"])
    world.publish(event("e2"))


@story
def subscribe_after_events_that_are_not_routed_yet(world: World) -> None:
    world.publish(*[event(f"e{number}") for number in range(10)])
    world.wait(2.5)
    # Nothing was routed yet, so the index that matches all of these has the subscription.
    world.subscribe(["task.*"])
    world.subscribe_inbox(["task.*"], "pull")
    world.publish(*[event(f"e{number}") for number in range(10, 15)])


@story
def a_loop(world: World) -> None:
    world.subscribe(["task.*"])
    world.publish(event("e1", metadata={"hop_count": 17}))
    world.publish(event("e2", metadata={"causation_id": "e1"}))


@story
def unrouted(world: World) -> None:
    world.subscribe(["task.*"])
    world.publish(event("e1"), event("e2", timestamp="2020-01-01T00:00:00Z"))
    # The stream's records are lost, whatever the reason.
    world.lose_stream()
