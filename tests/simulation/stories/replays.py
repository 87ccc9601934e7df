"""Events of the past that are replayed."""

from event_bus import times
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome

from tests.simulation.clients import ADMIN
from tests.simulation.known import Subscriber
from tests.simulation.stories.story import REFUSED, SOON, TAKEN, event, in_stream, refusing, story
from tests.simulation.surroundings import NOON
from tests.simulation.world import World


@story
def replay_an_event(world: World) -> None:
    world.subscribe(["task.*"])
    world.publish(event("e1"))
    world.settle()
    world.insist("recovery", "POST /events/{id}/replay", ADMIN, parameters={"id": "e1"})


@story
def replay_a_period(world: World) -> None:
    world.subscribe(["task.*"], delivery_guarantee="exactly_once")
    world.publish(*[event(f"e{number}") for number in range(2)])
    world.settle()
    world.wait(10)
    world.insist("recovery", "POST /replays", ADMIN, {"from": "2026-05-01T00:00:00Z"})


@story
def history_for_a_newcomer(world: World) -> None:
    world.publish(event("e1"), event("e2"))
    world.settle()
    world.subscribe(["task.*"], replay_from="2026-05-01T00:00:00Z")


@story
def history_of_a_clock_that_runs_ahead(world: World) -> None:
    ahead = {"timestamp": times.at(NOON + 250)}
    world.publish(event("e1", **ahead), event("e2"))
    world.settle()
    receiver = Subscriber()
    world.subscribe(["task.*"], receiver, replay_from="2026-05-01T00:00:00Z")
    world.settle()
    found = {receipt.key.event_id for receipt in receiver.log if receipt.key.replay_id}
    assert found == {"e1", "e2"}, f"history held {sorted(found)}"


@story
def replay_a_stream_in_order(world: World) -> None:
    def refuse_the_first_once(seen: Event, number: int) -> Outcome:
        return REFUSED if seen.id == "e1" and number == 1 else TAKEN

    # By time, the second version comes first, and the third one is on another page.
    times_ahead = {"e1": 10, "e2": 0, "e3": 20}
    world.publish(
        *[
            event(name, **in_stream("task/1"), timestamp=times.at(NOON + seconds))
            for name, seconds in times_ahead.items()
        ]
    )
    world.settle()
    world.wait(10)
    receiver = Subscriber(refuse_the_first_once)
    world.subscribe(["task.*"], receiver, retry_policy=SOON, ordered=True)
    world.insist("recovery", "POST /replays", ADMIN, {"from": times.at(NOON), "rate": 1})
    world.settle()
    found = [receipt.key.event_id for receipt in receiver.log]
    assert [*dict.fromkeys(found)] == [*times_ahead], f"the replay brought {found}"


@story
def replay_a_stream_into_an_inbox(world: World) -> None:
    world.publish(*[event(f"e{number}", **in_stream("task/1")) for number in range(2)])
    world.settle()
    world.subscribe_inbox(["task.*"], "pull", ordered=True, replay_from="2026-05-01T00:00:00Z")


@story
def an_event_of_a_replay_expires_that_others_wait_for(world: World) -> None:
    world.publish(event("e0", **in_stream("task/1")))
    world.settle()
    world.wait(86_400 * 28.5)
    world.publish(event("e1", **in_stream("task/1")), event("e2", **in_stream("task/1")))
    world.settle()
    receiver = refusing("e0")
    daily = {"schedule": [86_400], "max_attempts": 50}
    begun = {"replay_from": times.at(NOON)}
    world.subscribe(["task.*"], receiver, retry_policy=daily, ordered=True, **begun)
    for _ in range(8):
        # Whatever fails, the sweeper has continued the replay before the event expires.
        world.run(99)
        world.wait(1_300)
        world.invoke("sweep", {})
    # The event expires before its next attempt.
    world.wait(86_400 * 2)
