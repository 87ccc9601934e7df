"""Subscriptions that are registered before anything is published.

In other stories, these calls have no faults.
"""

from tests.simulation.stories.story import SOON, event, failing, in_stream, story
from tests.simulation.world import World


@story
def two_callbacks(world: World) -> None:
    world.subscribe(["task.*"], failing(1), retry_policy=SOON, ordered=True)
    world.subscribe(
        ["task.created"],
        filters={"task.created": {"n": ["e2"]}},
        delivery_guarantee="exactly_once",
    )
    world.publish(event("e1", **in_stream("task/1")), event("e2"))


@story
def two_inboxes(world: World) -> None:
    world.subscribe_inbox(["task.*"], "pull", ordered=True)
    world.subscribe_inbox(["task.*"], "websocket")
    world.publish(event("e1", **in_stream("task/1")))


@story
def a_handler(world: World) -> None:
    world.handle(["command.pay"])
    world.command("c1")
