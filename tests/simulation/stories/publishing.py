"""Events that are published."""

from typing import Any

from tests.simulation.clients import ADMIN
from tests.simulation.stories.story import event, story
from tests.simulation.world import World


@story
def publish(world: World) -> None:
    world.subscribe(["task.*"])
    world.publish(event("e1"))


@story
def publish_without_subscribers(world: World) -> None:
    world.publish(event("e1"))


@story
def publish_twice(world: World) -> None:
    world.subscribe(["task.*"])
    world.publish(event("e1"))
    world.publish(event("e1"))


@story
def publish_by_a_deduplication_key(world: World) -> None:
    world.subscribe(["task.*"])
    key = {"deduplication_key": "order-1", "deduplication_window": 60}
    world.rival = lambda: world.publish(event("e3", metadata=key))
    world.publish(event("e1", metadata=key))
    world.publish(event("e1", metadata=key))
    world.publish(event("e2", metadata=key), event("e4", metadata={**key, "stream_id": "task/1"}))
    kept = [each for (each,) in world.tables.items["events"]]
    assert len(kept) == 1, f"one key has {kept}"


@story
def publish_a_batch(world: World) -> None:
    world.subscribe(["task.*"])
    world.publish(event("e1"), event("e2", "task.closed"), event("e3", "other.thing"))


@story
def publish_characters_that_sqs_refuses(world: World) -> None:
    world.subscribe(["task.*"])
    world.subscribe_inbox(["task.*"], "pull")
    odd = {"\ufffe": ["\uffff", "a\uffffb"], "\x00": "\\\uffff"}
    world.publish(
        event("e1"),
        event("e2", payload=odd, metadata={"correlation_id": "\uffff"}),
        event("e3", payload={**odd, "text": "\ufffe" * 7_000}),
    )


@story
def publish_what_a_schema_checks(world: World) -> None:
    where = {"parameters": {"type": "task.created"}}
    title: dict[str, Any] = {"type": "object", "required": ["title"]}
    path = "POST /schemas/{type}/versions"
    world.insist("registry", path, ADMIN, {"schema": title}, **where)
    second = {"schema": {"type": "object"}, "upcast": '$merge([$, {"done": false}])'}
    world.insist("registry", path, ADMIN, second, **where)
    enforce = {"validation": "enforce"}
    world.insist("registry", "PATCH /schemas/{type}", ADMIN, enforce, **where)
    world.subscribe(["task.*"], schema_version=2)
    world.subscribe_inbox(["task.*"], "pull", schema_version=2)
    first = {"version": "1"}
    world.publish(
        event("e1", payload={"title": "a"}, metadata=first),
        event("e2", payload={"other": 1}),
    )


@story
def publish_a_large_payload(world: World) -> None:
    world.subscribe(["task.*"])
    world.publish(event("e1", payload={"text": "x" * 20_000}))
