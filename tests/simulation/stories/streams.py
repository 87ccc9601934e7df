"""Appends to streams that expect a version, and subscriptions that catch up with streams."""

from typing import Any

from tests.simulation.clients import ADMIN
from tests.simulation.known import Violation
from tests.simulation.stories.story import SOON, event, failing, in_stream, story
from tests.simulation.world import World

FROM_1 = {"source": "admin", "from_version": 1}


def _append(world: World, expected: Any, *names: str) -> None:
    """Appends events like a client that takes the version from each conflict and tries again."""
    for _ in range(5):
        status, answer = world.append("task/1", *map(event, names), expected=expected)
        if status < 300:
            versions = [each["stream"]["version"] for each in answer["events"]]
            first = versions[0]
            if versions != list(range(first, first + len(names))):
                raise Violation(f"{names} were given the versions {versions}")
            return
        if status != 409:
            raise Violation(f"an append was answered {status}")
        expected = answer["actual_version"]
    raise Violation(f"{names} were refused in every attempt")


@story
def appends_that_expect_versions(world: World) -> None:
    world.subscribe(["task.*"], ordered=True)
    world.rival = lambda: world.publish(event("e8", **in_stream("task/1")))
    _append(world, "none", "e0", "e1")
    _append(world, 2, "e2", "e3", "e4")
    # Both are recognised when repeated, whatever the stream's version is.
    _append(world, "none", "e0", "e1")
    _append(world, 2, "e2", "e3", "e4")


@story
def events_that_expect_versions(world: World) -> None:
    def sent(number: int) -> dict[str, Any]:
        return event(f"e{number}", stream={"id": "task/1", "expected_version": number})

    statuses = [world.publish(sent(number))[0] for number in range(3)]
    if any(each >= 300 for each in statuses):
        raise Violation(f"events were answered {statuses}")
    [refused] = world.publish(event("e9", stream={"id": "task/1", "expected_version": 1}))
    if refused != 409 or ("e9",) in world.tables.items["events"]:
        raise Violation(f"an event of another version was answered {refused}")
    [again] = world.publish(sent(0))
    if again != 200:
        raise Violation(f"a repeated event was answered {again}")


@story
def catching_up_with_a_stream(world: World) -> None:
    world.publish(*[event(f"e{number}", **in_stream("task/1")) for number in range(3)])
    world.settle()
    world.wait(1_000)
    world.publish(event("e3", **in_stream("task/1")), event("e9", **in_stream("task/2")))
    world.rival = lambda: world.publish(event("e8", **in_stream("task/1")))
    world.subscribe(
        ["task.*"],
        failing(1),
        retry_policy=SOON,
        delivery_guarantee="exactly_once",
        stream={**FROM_1, "id": "task/1"},
    )
    world.publish(*[event(f"e{number}", **in_stream("task/1")) for number in range(4, 6)])


@story
def catching_up_with_a_category(world: World) -> None:
    for number in range(4):
        world.publish(event(f"e{number}", **in_stream(f"task/{number % 2}")))
    world.publish(event("e9", **in_stream("order/1")))
    world.settle()
    world.wait(1_000)
    world.subscribe_inbox(["task.*"], "pull", stream={**FROM_1, "category": "task"})
    world.publish(event("e4", **in_stream("task/0")), event("e5", **in_stream("task/2")))


@story
def a_deleted_stream(world: World) -> None:
    world.subscribe(["task.*"], ordered=True)
    world.publish(*[event(f"e{number}", **in_stream("task/1")) for number in range(2)])
    query = {"source": "admin", "stream_id": "task/1"}
    world.rival = lambda: world.publish(event("e8", **in_stream("task/1")))
    world.insist("events", "DELETE /streams", ADMIN, query=query)
    [refused] = world.publish(event("e2", **in_stream("task/1")))
    if refused != 409:
        raise Violation(f"an event of a deleted stream was answered {refused}")


@story
def paused_while_it_catches_up(world: World) -> None:
    world.publish(event("e0", **in_stream("task/1")))
    # The message that starts the stream names this last event, which does not match.
    world.publish(event("e9", "order.created", **in_stream("task/1")))
    world.settle()
    world.wait(1_000)
    subscription_id = world.subscribe(["task.*"], stream={**FROM_1, "id": "task/1"})
    for _ in range(8):
        if not world.queues.visible("http_lane"):
            world.wait(1)
            world.run(1)
    world.pause(subscription_id)
    world.publish(event("e1", **in_stream("task/1")))
    world.wait(15)
    world.run(6)
    world.resume(subscription_id, "now")
    world.publish(event("e2", **in_stream("task/1")))
