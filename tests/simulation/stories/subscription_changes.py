"""Subscriptions that are disabled and deleted."""

from tests.simulation.clients import ADMIN
from tests.simulation.stories.story import LATE, SOON, event, failing, story
from tests.simulation.world import World


@story
def disabled_and_enabled(world: World) -> None:
    subscription_id = world.subscribe(["task.*"], failing(1), retry_policy=SOON)
    world.publish(event("e1"))
    world.run(2)
    world.change(subscription_id, status="disabled")
    world.settle()
    world.change(subscription_id, status="active")
    world.insist("recovery", "POST /dead-letters/retry", ADMIN, {})


@story
def deleted(world: World) -> None:
    subscription_id = world.subscribe(["task.*"], failing(3), retry_policy=LATE)
    world.publish(event("e1"))
    world.run(3)
    world.delete(subscription_id)
