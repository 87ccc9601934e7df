"""Subscriptions that are paused and resumed."""

from event_bus.model.event import Event
from event_bus.model.outcome import Outcome

from tests.simulation.clients import ADMIN
from tests.simulation.known import Subscriber
from tests.simulation.stories.story import (
    LATE,
    REFUSED,
    SOON,
    TAKEN,
    event,
    failing,
    in_stream,
    story,
)
from tests.simulation.world import World


@story
def paused_and_resumed(world: World) -> None:
    subscription_id = world.subscribe(["task.*"], failing(1), retry_policy=SOON)
    world.publish(event("e1"))
    world.run(2)
    world.pause(subscription_id)
    world.publish(event("e2"), event("e3", timestamp="2020-01-01T00:00:00Z"))
    world.run(4)
    world.rival = lambda: world.publish(event("e5"))
    world.resume(subscription_id, "backlog")
    world.publish(event("e4"))


@story
def paused_while_routing_is_late(world: World) -> None:
    subscription_id = world.subscribe(["task.*"], delivery_guarantee="exactly_once")
    world.publish(event("e1"), event("e2"))
    # Neither is routed yet: they were stored before the pause, and are sent to the lane.
    world.wait(30)
    world.pause(subscription_id)
    world.publish(event("e3"))
    world.wait(30)
    world.resume(subscription_id, "backlog")


@story
def paused_in_order(world: World) -> None:
    subscription_id = world.subscribe(["task.*"], failing(1), retry_policy=SOON, ordered=True)
    world.publish(event("e1", **in_stream("task/1")))
    world.run(3)
    world.pause(subscription_id)
    world.publish(*[event(f"e{number}", **in_stream("task/1")) for number in (2, 3)])
    world.run(4)
    world.resume(subscription_id, "backlog")
    world.publish(event("e4", **in_stream("task/1")))


@story
def discarded_while_paused_in_order(world: World) -> None:
    def refuse_the_first(seen: Event, _number: int) -> Outcome:
        return REFUSED if seen.id == "e1" else TAKEN

    subscriber = Subscriber(refuse_the_first)
    subscription_id = world.subscribe(["task.*"], subscriber, retry_policy=LATE, ordered=True)
    world.publish(*[event(f"e{number}", **in_stream("task/1")) for number in (1, 2)])
    world.run(6)
    world.pause(subscription_id)
    for letter in world.dead_letters():
        world.insist(
            "recovery", "DELETE /dead-letters/{id}", ADMIN, parameters={"id": letter["id"]}
        )
    # The message of the discarded event comes during the pause, and no later event has one.
    world.wait(120)
    world.run(8)
    world.resume(subscription_id, "backlog")


@story
def paused_and_resumed_from_now(world: World) -> None:
    subscription_id = world.subscribe(["task.*"], ordered=True)
    world.pause(subscription_id)
    world.publish(*[event(f"e{number}", **in_stream("task/1")) for number in (1, 2)])
    world.run(4)
    world.resume(subscription_id, "now")
    world.publish(event("e3", **in_stream("task/1")))


@story
def paused_again_before_the_backlog(world: World) -> None:
    subscription_id = world.subscribe(["task.*"], delivery_guarantee="at_most_once")
    world.pause(subscription_id)
    world.publish(event("e1"))
    world.run(4)
    world.resume(subscription_id, "backlog")
    world.pause(subscription_id)
    world.publish(event("e2"))
    world.run(6)
    world.wait(60)
    world.run(6)
    world.resume(subscription_id, "backlog")
