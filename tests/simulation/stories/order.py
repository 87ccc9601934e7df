"""Deliveries in the order of a stream."""

from event_bus.model.event import Event
from event_bus.model.outcome import Outcome

from tests.simulation.known import Subscriber
from tests.simulation.stories.story import (
    GONE,
    LATE,
    REFUSED,
    SOON,
    event,
    failing,
    in_stream,
    refusing,
    story,
)
from tests.simulation.world import World


@story
def ordered(world: World) -> None:
    world.subscribe(["task.*"], failing(1), retry_policy=SOON, ordered=True)
    world.rival = lambda: world.publish(event("e8", **in_stream("task/1")))
    for number in range(3):
        world.publish(event(f"e{number}", **in_stream("task/1")))
    world.publish(event("e9", **in_stream("task/2")))


@story
def an_ordered_newcomer_while_routing_is_late(world: World) -> None:
    world.publish(*[event(f"e{number}", **in_stream("task/1")) for number in range(4)])
    world.wait(1_000)
    # No event of these is routed yet, and earlier ones were stored long before.
    world.subscribe_inbox(["task.*"], "pull", ordered=True)
    world.subscribe(["task.*"], ordered=True)
    world.publish(*[event(f"e{number}", **in_stream("task/1")) for number in range(4, 8)])


@story
def ordered_and_exhausted(world: World) -> None:
    world.subscribe(["task.*"], refusing("e0"), retry_policy=SOON, ordered=True)
    for number in range(3):
        world.publish(event(f"e{number}", **in_stream("task/1")))


@story
def ordered_and_gone(world: World) -> None:
    def refuse_then_go(_seen: Event, number: int) -> Outcome:
        return REFUSED if number == 1 else GONE

    world.subscribe(["task.*"], Subscriber(refuse_then_go), retry_policy=SOON, ordered=True)
    world.publish(*[event(f"e{number}", **in_stream("task/1")) for number in range(4)])


@story
def ordered_exactly_once(world: World) -> None:
    world.subscribe(
        ["task.*"],
        failing(2),
        retry_policy=LATE,
        ordered=True,
        delivery_guarantee="exactly_once",
    )
    world.publish(event("e1", **in_stream("task/1")), event("e2", **in_stream("task/1")))


@story
def an_event_expires_that_others_wait_for(world: World) -> None:
    daily = {"schedule": [86_400], "max_attempts": 50}
    world.subscribe(["task.*"], refusing("e0"), retry_policy=daily, ordered=True)
    world.publish(event("e0", **in_stream("task/1")))
    world.run(6)
    world.wait(86_400 * 29.5)
    world.publish(event("e1", "other.thing", **in_stream("task/1")))
    world.publish(event("e2", **in_stream("task/1")), event("e3", **in_stream("task/1")))
