"""Subscriptions that receive events in a shape of their own."""

from tests.simulation.stories.story import SOON, event, failing, story
from tests.simulation.world import World

# Its random numbers are the same at each attempt, so a receiver may deduplicate by the body.
DRAWS = {"expression": '{"n": n, "at": $now(), "number": $random()}'}


@story
def transform_for_a_subscriber_that_fails_at_first(world: World) -> None:
    world.subscribe(["task.*"], failing(2), transform=DRAWS, retry_policy=SOON)
    world.publish(event("e1"))


@story
def transform_that_makes_nothing(world: World) -> None:
    world.subscribe(["task.*"], transform={"expression": "missing"}, retry_policy=SOON)
    world.subscribe_inbox(["task.*"], "pull", transform={"expression": "missing"})
    world.publish(event("e1"))


@story
def transform_in_order(world: World) -> None:
    world.subscribe(["task.*"], failing(1), transform=DRAWS, ordered=True, retry_policy=SOON)
    stream = {"stream_id": "task/1"}
    world.publish(event("e1", metadata=stream), event("e2", metadata=stream))


@story
def publish_what_is_not_json(world: World) -> None:
    world.subscribe(["task.*"], failing(1), transform={"format": "payload"}, retry_policy=SOON)
    world.subscribe(["task.*"], filters={"task.created": {"n": ["e2"]}})
    content = {"payload_base64": "iVBORw0KGgo=", "content_type": "image/png"}
    large = {"payload_base64": "AAAA" * 6_000}
    world.publish(
        {"id": "e1", "type": "task.created", **content},
        event("e2"),
        {"id": "e3", "type": "task.created", **large},
    )
