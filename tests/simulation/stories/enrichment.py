"""Deliveries of enriched events."""

from typing import Any

from tests.simulation.clients import ADMIN
from tests.simulation.known import Subscriber, Violation
from tests.simulation.sources import HOST, SimulatedSource
from tests.simulation.stories.story import (
    LATE,
    ONCE,
    SOON,
    event,
    failing,
    in_stream,
    story,
)
from tests.simulation.world import World

CUSTOMER = {"type": "lookup", "context": "customers", "key": "$.payload.n"}
ASKED = {
    "type": "http",
    "url": f"{HOST}{{n}}",
    "variables": {"n": "$.payload.n"},
    "retries": 3,
    "timeout": 1,
}
REGION = {"type": "static", "value": "eu"}
BOTH = {"customer": CUSTOMER, "region": REGION}
SKIPPED = {"customer": {**CUSTOMER, "fallback": "skip"}, "region": REGION}


def know(world: World, *names: str) -> None:
    """Stores context entries of the service for some events."""
    for name in names:
        status, _ = world.insist(
            "registry",
            "PUT /contexts/{name}/{key}",
            ADMIN,
            {"value": {"of": name}},
            parameters={"name": "customers", "key": name},
            query={"service_id": "worker"},
        )
        assert status in (200, 201)


def subscribe(world: World, subscriber: Subscriber | None = None, **members: Any) -> str:
    """Subscribes with an enrichment."""
    return world.subscribe(["task.*"], subscriber, **{"enrichment": BOTH, **members})


@story
def enriched_and_retried_by_a_person(world: World) -> None:
    subscribe(world, retry_policy=ONCE)
    world.publish(event("e1"))
    world.settle()
    know(world, "e1")
    for letter in world.dead_letters():
        world.insist(
            "recovery", "POST /dead-letters/{id}/retry", ADMIN, parameters={"id": letter["id"]}
        )


@story
def enriched_exactly_once(world: World) -> None:
    know(world, "e1")
    subscribe(world, failing(1), retry_policy=SOON, delivery_guarantee="exactly_once")
    world.publish(event("e1"))


@story
def enriched_at_most_once(world: World) -> None:
    know(world, "e1")
    subscribe(world, delivery_guarantee="at_most_once")
    subscribe(world, enrichment=SKIPPED)
    world.publish(event("e1"))


@story
def enriched_in_order(world: World) -> None:
    know(world, "e0", "e1", "e8")
    subscribe(world, ordered=True)
    world.rival = lambda: world.publish(event("e8", **in_stream("task/1")))
    for number in range(2):
        world.publish(event(f"e{number}", **in_stream("task/1")))


@story
def enriched_in_order_behind_a_failure(world: World) -> None:
    know(world, "e1", "e2")
    subscribe(
        world,
        retry_policy=SOON,
        ordered=True,
        delivery_guarantee="exactly_once",
    )
    world.publish(*[event(f"e{number}", **in_stream("task/1")) for number in range(3)])
    world.run(6)
    know(world, "e0")


@story
def an_enrichment_is_asked_for_while_a_delivery_waits(world: World) -> None:
    know(world, "e1")
    subscription_id = world.subscribe(["task.*"], failing(1), retry_policy=LATE)
    world.publish(event("e1"))
    world.run(6)
    world.change(subscription_id, enrichment=BOTH)


@story
def enriched_by_a_source_whose_circuit_opens(world: World) -> None:
    world.source = SimulatedSource(down_until=world.now + 120)
    policy = {"schedule": [30], "max_attempts": 20}
    subscribe(world, enrichment={"customer": ASKED}, retry_policy=policy)
    # Without a circuit, the source would be asked for 20 times at once, every 30 seconds.
    for number in range(5):
        world.publish(event(f"e{number}"))
    world.settle()
    if world.dead_letters() or world.source.answered < 5:
        raise Violation("a source that answers again is not asked for every event")
