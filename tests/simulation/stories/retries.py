"""Deliveries that fail, wait, and become dead letters."""

from event_bus.model.event import Event
from event_bus.model.outcome import Outcome

from tests.simulation.clients import ADMIN
from tests.simulation.known import Subscriber
from tests.simulation.stories.story import (
    GONE,
    LATE,
    ONCE,
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
def retry(world: World) -> None:
    world.subscribe(["task.*"], failing(2), retry_policy=SOON)
    world.publish(event("e1"))


@story
def retry_in_vain(world: World) -> None:
    world.subscribe(["task.*"], failing(99), retry_policy=SOON)
    world.publish(event("e1"))


@story
def sweep(world: World) -> None:
    world.subscribe(["task.*"], failing(1), retry_policy=LATE)
    world.publish(event("e1"))


@story
def retry_a_dead_letter(world: World) -> None:
    world.subscribe(["task.*"], failing(1), retry_policy=ONCE)
    world.publish(event("e1"))
    world.settle()
    for letter in world.dead_letters():
        world.insist(
            "recovery", "POST /dead-letters/{id}/retry", ADMIN, parameters={"id": letter["id"]}
        )


@story
def retry_a_dead_letter_and_go_away(world: World) -> None:
    world.subscribe(["task.*"], failing(1), retry_policy=ONCE)
    world.publish(event("e1"))
    world.settle()
    for letter in world.dead_letters():
        # The caller does not repeat the request, whatever the answer.
        world.request(
            "recovery", "POST /dead-letters/{id}/retry", ADMIN, parameters={"id": letter["id"]}
        )


@story
def retry_dead_letters_by_filter(world: World) -> None:
    world.subscribe(["task.*"], failing(1), retry_policy=ONCE)
    world.publish(event("e1"), event("e2"))
    world.settle()
    world.insist("recovery", "POST /dead-letters/retry", ADMIN, {"event_type": "task.*"})


@story
def discard_a_dead_letter(world: World) -> None:
    world.subscribe(["task.*"], failing(9), retry_policy=LATE)
    world.publish(event("e1"))
    world.run(6)
    for letter in world.dead_letters():
        world.insist(
            "recovery", "DELETE /dead-letters/{id}", ADMIN, parameters={"id": letter["id"]}
        )


@story
def discard_what_blocks_a_stream(world: World) -> None:
    def refuse_the_first(seen: Event, _number: int) -> Outcome:
        return REFUSED if seen.id == "e1" else TAKEN

    subscriber = Subscriber(refuse_the_first)
    world.subscribe(["task.*"], subscriber, retry_policy=LATE, ordered=True)
    world.publish(*[event(f"e{number}", **in_stream("task/1")) for number in (1, 2)])
    world.run(6)
    for letter in world.dead_letters():
        world.insist(
            "recovery", "DELETE /dead-letters/{id}", ADMIN, parameters={"id": letter["id"]}
        )


@story
def lost_responses(world: World) -> None:
    subscriber = Subscriber(lies=1)
    world.subscribe(["task.*"], subscriber, retry_policy=SOON)
    world.publish(event("e1"))


@story
def exactly_once(world: World) -> None:
    world.subscribe(["task.*"], failing(1), retry_policy=SOON, delivery_guarantee="exactly_once")
    world.publish(event("e1"), event("e2"))


@story
def at_most_once(world: World) -> None:
    world.subscribe(["task.*"], delivery_guarantee="at_most_once")
    world.subscribe(["task.*"], failing(1), delivery_guarantee="at_most_once")
    world.publish(event("e1"))


@story
def circuit(world: World) -> None:
    # Four failures do not count yet, ten open the circuit, and the first probe fails.
    state = {"down": 15}

    def down_for_a_while(_seen: Event, _number: int) -> Outcome:
        state["down"] -= 1
        return REFUSED if state["down"] >= 0 else TAKEN

    world.subscribe(
        ["task.*"],
        Subscriber(down_for_a_while),
        retry_policy={"schedule": [3], "max_attempts": 50},
    )
    world.publish(*[event(f"e{number}") for number in range(4)])


@story
def gone(world: World) -> None:
    world.subscribe(["eventbus.*"])
    world.subscribe(["task.*"], failing(9, GONE))
    world.publish(event("e1"))
