"""Short stories, each of which is told once clean, and then with every call going wrong."""

from collections.abc import Callable
from typing import Any

from event_bus import times
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome

from tests.simulation.world import ADMIN, NOON, UNSENDABLE, Subscriber, World

Story = Callable[[World], None]

STORIES: dict[str, Story] = {}

REFUSED = Outcome("http_status", "the subscriber answered 500", status_code=500)
GONE = Outcome("http_status", "the subscriber answered 410", status_code=410)
TAKEN = Outcome(status_code=204)

SOON = {"schedule": [5], "max_attempts": 4}
LATE = {"schedule": [3600], "max_attempts": 3}
ONCE = {"max_attempts": 1}


def story(tell: Story) -> Story:
    """Adds a story."""
    STORIES[tell.__name__] = tell
    return tell


def event(event_id: str, event_type: str = "task.created", **members: Any) -> dict[str, Any]:
    """An event as a client sends it."""
    return {"id": event_id, "type": event_type, "payload": {"n": event_id}, **members}


def failing(times: int, outcome: Outcome = REFUSED) -> Subscriber:
    """Refuses the first attempts of each delivery."""
    return Subscriber(lambda _, number: outcome if number <= times else TAKEN)


def in_stream(stream: str) -> dict[str, Any]:
    """The metadata of an event of a stream."""
    return {"metadata": {"stream_id": stream}}


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
def publish_a_large_payload(world: World) -> None:
    world.subscribe(["task.*"])
    world.publish(event("e1", payload={"text": "x" * 20_000}))


@story
def fan_out(world: World) -> None:
    for _ in range(3):
        world.subscribe(["task.*"])
    world.subscribe(["task.created"], filters={"task.created": {"n": ["e2"]}})
    world.publish(event("e1"), event("e2"))


@story
def subscribe_late(world: World) -> None:
    world.publish(event("e1"))
    world.run(2)
    world.subscribe(["task.*"])
    world.publish(event("e2"))


@story
def subscribe_after_events_that_are_not_routed_yet(world: World) -> None:
    world.publish(*[event(f"e{number}") for number in range(10)])
    world.wait(2.5)
    # Nothing was routed yet: all of these meet the index that knows the subscription.
    world.subscribe(["task.*"])
    world.subscribe_inbox(["task.*"], "pull")
    world.publish(*[event(f"e{number}") for number in range(10, 15)])


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
        # Whoever asks does not ask again, whatever the answer.
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
def ordered(world: World) -> None:
    world.subscribe(["task.*"], failing(1), retry_policy=SOON, ordered=True)
    world.rival = lambda: world.publish(event("e8", **in_stream("task/1")))
    for number in range(3):
        world.publish(event(f"e{number}", **in_stream("task/1")))
    world.publish(event("e9", **in_stream("task/2")))


@story
def an_ordered_newcomer_while_routing_is_late(world: World) -> None:
    world.publish(*[event(f"e{number}", **in_stream("task/1")) for number in range(4)])
    world.wait(1_000)
    # Nothing is routed yet, and what is was stored long before these.
    world.subscribe_inbox(["task.*"], "pull", ordered=True)
    world.subscribe(["task.*"], ordered=True)
    world.publish(*[event(f"e{number}", **in_stream("task/1")) for number in range(4, 8)])


@story
def ordered_and_exhausted(world: World) -> None:
    def refuse_the_first(seen: Event, _number: int) -> Outcome:
        return REFUSED if seen.id == "e0" else TAKEN

    world.subscribe(["task.*"], Subscriber(refuse_the_first), retry_policy=SOON, ordered=True)
    for number in range(3):
        world.publish(event(f"e{number}", **in_stream("task/1")))


@story
def ordered_and_gone(world: World) -> None:
    def refuse_then_go(_seen: Event, number: int) -> Outcome:
        return REFUSED if number == 1 else GONE

    world.subscribe(["task.*"], Subscriber(refuse_then_go), retry_policy=SOON, ordered=True)
    world.publish(*[event(f"e{number}", **in_stream("task/1")) for number in range(4)])


@story
def ordered_exactly_once(world: World) -> None:
    world.subscribe(
        ["task.*"],
        failing(1),
        retry_policy=LATE,
        ordered=True,
        delivery_guarantee="exactly_once",
    )
    world.publish(event("e1", **in_stream("task/1")), event("e2", **in_stream("task/1")))


@story
def circuit(world: World) -> None:
    state = {"down": 11}

    def down_for_a_while(_seen: Event, _number: int) -> Outcome:
        state["down"] -= 1
        return REFUSED if state["down"] >= 0 else TAKEN

    world.subscribe(
        ["task.*"],
        Subscriber(down_for_a_while),
        retry_policy={"schedule": [2], "max_attempts": 50},
    )
    world.publish(*[event(f"e{number}") for number in range(4)])


@story
def gone(world: World) -> None:
    world.subscribe(["eventbus.*"])
    world.subscribe(["task.*"], failing(9, GONE))
    world.publish(event("e1"))


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
def paused_and_resumed(world: World) -> None:
    subscription_id = world.subscribe(["task.*"], failing(1), retry_policy=SOON)
    world.publish(event("e1"))
    world.run(2)
    world.pause(subscription_id)
    world.publish(event("e2"), event("e3", timestamp="2020-01-01T00:00:00Z"))
    world.run(4)
    world.rival = lambda: world.publish(event("e5"))
    world.resume(subscription_id, "backlog")
    world.publish(event("e4"))


@story
def paused_while_routing_is_late(world: World) -> None:
    subscription_id = world.subscribe(["task.*"], delivery_guarantee="exactly_once")
    world.publish(event("e1"), event("e2"))
    # Neither is routed yet: they were stored before the pause, and are sent to the lane.
    world.wait(30)
    world.pause(subscription_id)
    world.publish(event("e3"))
    world.wait(30)
    world.resume(subscription_id, "backlog")


@story
def paused_in_order(world: World) -> None:
    subscription_id = world.subscribe(["task.*"], failing(1), retry_policy=SOON, ordered=True)
    world.publish(event("e1", **in_stream("task/1")))
    world.run(3)
    world.pause(subscription_id)
    world.publish(*[event(f"e{number}", **in_stream("task/1")) for number in (2, 3)])
    world.run(4)
    world.resume(subscription_id, "backlog")
    world.publish(event("e4", **in_stream("task/1")))


@story
def paused_and_resumed_from_now(world: World) -> None:
    subscription_id = world.subscribe(["task.*"], ordered=True)
    world.pause(subscription_id)
    world.publish(*[event(f"e{number}", **in_stream("task/1")) for number in (1, 2)])
    world.run(4)
    world.resume(subscription_id, "now")
    world.publish(event("e3", **in_stream("task/1")))


@story
def paused_again_before_the_backlog(world: World) -> None:
    subscription_id = world.subscribe(["task.*"], delivery_guarantee="at_most_once")
    world.pause(subscription_id)
    world.publish(event("e1"))
    world.run(4)
    world.resume(subscription_id, "backlog")
    world.pause(subscription_id)
    world.publish(event("e2"))
    world.run(6)
    world.wait(60)
    world.run(6)
    world.resume(subscription_id, "backlog")


@story
def deleted(world: World) -> None:
    subscription_id = world.subscribe(["task.*"], failing(3), retry_policy=LATE)
    world.publish(event("e1"))
    world.run(3)
    world.delete(subscription_id)


@story
def replay_an_event(world: World) -> None:
    world.subscribe(["task.*"])
    world.publish(event("e1"))
    world.settle()
    world.insist("recovery", "POST /events/{id}/replay", ADMIN, parameters={"id": "e1"})


@story
def replay_a_period(world: World) -> None:
    world.subscribe(["task.*"], delivery_guarantee="exactly_once")
    world.publish(*[event(f"e{number}") for number in range(4)])
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
def a_loop(world: World) -> None:
    world.subscribe(["task.*"])
    world.publish(event("e1", metadata={"hop_count": 17}))
    world.publish(event("e2", metadata={"causation_id": "e1"}))


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
    # What is left of the lease is nobody else's before it ends.
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


@story
def unrouted(world: World) -> None:
    world.subscribe(["task.*"])
    world.publish(event("e1"), event("e2", timestamp="2020-01-01T00:00:00Z"))
    # The stream's records are lost, whatever the reason.
    world.lose_stream()
