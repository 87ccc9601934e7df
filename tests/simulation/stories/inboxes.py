"""Events that consumers pull, or that the bus pushes."""

from tests.simulation.stories.story import SOON, event, in_stream, story
from tests.simulation.world import World


@story
def push_to_a_client(world: World) -> None:
    subscription_id = world.subscribe_inbox(["task.*"], "websocket")
    world.publish(event("e1"))
    world.connect(subscription_id)
    world.publish(event("e2"), event("e3"))


@story
def push_to_a_client_that_goes_away(world: World) -> None:
    subscription_id = world.subscribe_inbox(["task.*"], "websocket", ordered=True)
    client = world.connect(subscription_id)
    for number in range(3):
        world.publish(event(f"e{number}", **in_stream("task/1")))
    world.run(6)
    client.reconnect()
    world.publish(event("e3", **in_stream("task/1")))
    world.settle()


@story
def push_to_two(world: World) -> None:
    subscription_id = world.subscribe_inbox(["task.*"], "websocket")
    world.connect(subscription_id)
    world.connect(subscription_id)
    world.publish(event("e1"), event("e2"))


@story
def pull(world: World) -> None:
    subscription_id = world.subscribe_inbox(["task.*"], "pull")
    world.publish(*[event(f"e{number}") for number in range(5)])
    world.settle()
    world.pull(subscription_id, crash=True)
    world.pull(subscription_id)


@story
def fill_an_ordered_inbox_at_most_once(world: World) -> None:
    subscription_id = world.subscribe_inbox(
        ["task.*"], "pull", ordered=True, delivery_guarantee="at_most_once"
    )
    world.publish(*[event(f"e{number}", **in_stream("task/1")) for number in range(3)])
    world.settle()
    world.pull(subscription_id)


@story
def pull_in_parts(world: World) -> None:
    subscription_id = world.subscribe_inbox(["task.*"], "pull")
    world.publish(*[event(f"e{number}") for number in range(5)])
    world.settle()
    world.pull(subscription_id, part=True, careless=True)
    # No other consumer may take the rest of the lease before it ends.
    world.pull(subscription_id)
    world.pull(subscription_id, part=True)


@story
def pull_by_two(world: World) -> None:
    subscription_id = world.subscribe_inbox(["task.*"], "pull")
    world.publish(*[event(f"e{number}") for number in range(5)])
    world.settle()
    world.rival = lambda: world.pull(subscription_id, part=True)
    world.pull(subscription_id)
    world.pull(subscription_id)


@story
def fill_an_inbox_exactly_once(world: World) -> None:
    subscription_id = world.subscribe_inbox(
        ["task.*"], "pull", delivery_guarantee="exactly_once", retry_policy=SOON
    )
    world.publish(event("e1"), event("e2"))
    world.settle()
    world.pull(subscription_id)
