"""Events that SQS refuses to take."""

from tests.simulation.clients import ADMIN
from tests.simulation.stories.story import LATE, SOON, event, failing, in_stream, story
from tests.simulation.surroundings import UNSENDABLE
from tests.simulation.world import World


@story
def publish_what_no_lane_takes(world: World) -> None:
    world.subscribe(["task.*"])
    world.subscribe(["task.created"], delivery_guarantee="at_most_once")
    world.publish(event("e1"), event(f"{UNSENDABLE}-1"), event("e2"))
    world.settle()
    [*letters] = world.dead_letters(event_id=f"{UNSENDABLE}-1")
    for letter in letters:
        path = "POST /dead-letters/{id}/retry"
        world.insist("recovery", path, ADMIN, parameters={"id": letter["id"]})


@story
def replay_what_no_lane_takes(world: World) -> None:
    world.publish(event("e1"), event(f"{UNSENDABLE}-1"), event("e2"))
    world.subscribe(["task.*"])
    world.insist("recovery", "POST /replays", ADMIN, {"from": "2026-05-01T00:00:00Z"})


@story
def order_around_what_no_lane_takes(world: World) -> None:
    world.subscribe(["task.*"], failing(1), ordered=True, retry_policy=SOON)
    for name in ("e1", f"{UNSENDABLE}-1", "e2"):
        world.publish(event(name, **in_stream("task/1")))


@story
def a_queue_begins_to_refuse_an_event_that_others_wait_for(world: World) -> None:
    refuses, world.queues.refuses = world.queues.refuses, lambda _url, _body: False
    world.subscribe(["task.*"], failing(1), ordered=True, retry_policy=LATE)
    world.publish(event(f"{UNSENDABLE}-1", **in_stream("task/1")))
    world.publish(event("e1", "other.thing", **in_stream("task/1")))
    world.publish(event("e2", **in_stream("task/1")))
    world.run(12)
    world.queues.refuses = refuses
