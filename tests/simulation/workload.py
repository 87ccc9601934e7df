"""A random course of clients, subscribers, faults and people; a seed determines it."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

from event_bus import times
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome

from tests.simulation import commanding, streaming
from tests.simulation.checker import check
from tests.simulation.clients import ADMIN
from tests.simulation.known import Subscriber
from tests.simulation.process import simulated
from tests.simulation.stories.story import GONE, REFUSED, TAKEN, event
from tests.simulation.surroundings import UNSENDABLE
from tests.simulation.world import World

_TYPES = ("task.created", "task.closed", "user.created", "order.placed")
_PATTERNS = (["task.*"], ["task.created"], ["user.*", "order.*"], ["order.placed"], ["eventbus.*"])
_POLICIES: tuple[dict[str, Any], ...] = tuple(
    {"disable_after_days": 1, **policy}
    for policy in (
        {},
        {"max_attempts": 1},
        {"schedule": [1, 5, 30], "max_attempts": 6},
        {"schedule": [3600], "max_attempts": 3},
        {"base": 60, "factor": 10, "cap": 20_000, "max_attempts": 4},
    )
)
_GUARANTEES = ("at_least_once", "at_least_once", "exactly_once", "at_most_once")
_NAMES = ("e",) * 30 + (UNSENDABLE,)
_CHAOS = (0.0, 0.01, 0.03, 0.06)
_STALENESS = (0.0, 0.2, 1.0)


def run(seed: int) -> World:
    """Runs the course of a seed to its end, and checks every promise.

    Raises:
        Violation: A promise was broken.
    """
    rng = random.Random(seed)
    world = World(seed, chaos=rng.choice(_CHAOS), staleness=rng.choice(_STALENESS))
    with simulated(world, seed):
        for _ in range(rng.randint(1, 3)):
            _subscribe(world, rng)
        for _ in range(rng.randint(4, 14)):
            rng.choice(_ACTIONS)(world, rng)
            world.run(rng.randint(0, 12))
            if rng.random() < 0.2:
                world.wait(rng.choice((1, 60, 1_000, 10_000)))
        world.resume_all()
        world.settle()
        world.come_again()
        check(world)
    return world


def _subscriber(rng: random.Random) -> Subscriber:
    chance = rng.choice((0.0, 0.0, 0.2, 0.6, 1.0))
    goes_away = rng.random() < 0.05

    def answer(_event: Event, _number: int) -> Outcome:
        if rng.random() >= chance:
            return TAKEN
        if goes_away:
            return GONE
        return rng.choice(
            (
                REFUSED,
                Outcome("timeout", "no complete answer"),
                Outcome("http_status", "429", status_code=429, retry_after=rng.choice((1, 5_000))),
                Outcome("http_status", "404", status_code=404),
            )
        )

    seconds = rng.choice((0.05, 0.05, 0.05, 12.0))
    return Subscriber(answer, lies=rng.choice((0, 0, 0, 2)), seconds=seconds)


def _subscribe(world: World, rng: random.Random) -> None:
    members: dict[str, Any] = {
        "delivery_guarantee": rng.choice(_GUARANTEES),
        "ordered": rng.random() < 0.3,
        "retry_policy": rng.choice(_POLICIES),
        "service_id": rng.choice(("tester", "planner")),
    }
    if rng.random() < 0.2:
        members["max_in_flight"] = rng.choice((1, 3))
    if rng.random() < 0.2 and not members["ordered"]:
        members["rate_limit"] = rng.choice((0.05, 1, 20))
    if rng.random() < 0.2:
        members["replay_from"] = "2026-05-01T00:00:00Z"
    if rng.random() < 0.25:
        members["enrichment"] = _enrichment(world, rng, members["service_id"])
    world.subscribe(rng.choice(_PATTERNS), _subscriber(rng), **members)


def _enrichment(world: World, rng: random.Random, service_id: str) -> dict[str, Any]:
    """Returns an enrichment by a context that has entries for some of the types."""
    for known in _TYPES[: rng.randint(0, len(_TYPES))]:
        world.insist(
            *("registry", "PUT /contexts/{name}/{key}", ADMIN, {"value": known}),
            parameters={"name": "types", "key": known},
            query={"service_id": service_id},
        )
    fallback = rng.choice(("fail", "fail", "skip"))
    lookup = {"type": "lookup", "context": "types", "key": "$.type", "fallback": fallback}
    return {"known": lookup, "region": {"type": "static", "value": "eu"}}


def _subscribe_inbox(world: World, rng: random.Random) -> None:
    kind = rng.choice(("websocket", "websocket", "pull"))
    subscription_id = world.subscribe_inbox(
        rng.choice(_PATTERNS),
        kind,
        delivery_guarantee=rng.choice(_GUARANTEES),
        ordered=rng.random() < 0.4,
        retry_policy=rng.choice(_POLICIES),
    )
    if kind == "pull":
        world.pulled[subscription_id] = []
        return
    for _ in range(rng.randint(1, 2)):
        world.connect(subscription_id)


def _come_again(world: World, rng: random.Random) -> None:
    connected = [each for each in world.sockets if each.subscription_id not in world.gone]
    if connected:
        world.reconnect(rng.choice(connected))


def _pull(world: World, rng: random.Random) -> None:
    pulled = [each for each in sorted(world.pulled) if each not in world.gone]
    if not pulled:
        return
    subscription_id = rng.choice(pulled)
    if rng.random() < 0.3:
        # Another consumer, if this one stops.
        world.rival = partial(world.pull, subscription_id)
    crash, part, careless = (rng.random() < 0.3 for _ in range(3))
    world.pull(subscription_id, crash=crash, part=part, careless=careless)


def _publish(world: World, rng: random.Random) -> None:
    events = []
    for number in range(rng.choice((1, 1, 1, 5, 12))):
        metadata: dict[str, Any] = {}
        if rng.random() < 0.4:
            metadata["stream_id"] = f"task/{rng.randint(1, 2)}"
        if world.published and rng.random() < 0.1:
            metadata["causation_id"] = rng.choice(sorted(world.published))
        members: dict[str, Any] = {"metadata": metadata} if metadata else {}
        members["source"] = rng.choice(("planner", "worker"))
        if rng.random() < 0.1:
            members["timestamp"] = "2026-04-01T00:00:00Z"
        elif rng.random() < 0.1:
            members["timestamp"] = times.at(world.now + rng.randint(0, 290))
        if rng.random() < 0.05:
            members["payload"] = {"text": "x" * 20_000}
        elif rng.random() < 0.1:
            members["payload"] = {"\ufffe": [1.5, "a\uffffb\x00\\\uffff"]}
        name = f"{rng.choice(_NAMES)}{len(world.published)}-{number}"
        if name.startswith(UNSENDABLE):
            # A stream passes such an event with its next message, which may never come.
            metadata.pop("stream_id", None)
            members.pop("metadata", None)
        events.append(event(name, rng.choice(_TYPES), **members))
    world.publish(*events)


def _publish_again(world: World, rng: random.Random) -> None:
    if world.published:
        world.publish(world.published[rng.choice(sorted(world.published))].event)


def _retry(world: World, rng: random.Random) -> None:
    letters = [each for each in world.dead_letters() if each["status"] != "resolved"]
    if letters:
        letter = rng.choice(letters)
        world.insist(
            "recovery",
            rng.choice(("POST /dead-letters/{id}/retry", "DELETE /dead-letters/{id}")),
            ADMIN,
            parameters={"id": letter["id"]},
        )


def _retry_all(world: World, _rng: random.Random) -> None:
    world.insist("recovery", "POST /dead-letters/retry", ADMIN, {})


def _replay(world: World, rng: random.Random) -> None:
    if not world.published:
        return
    if rng.random() < 0.5:
        name = rng.choice(sorted(world.published))
        world.insist("recovery", "POST /events/{id}/replay", ADMIN, parameters={"id": name})
        return
    period: dict[str, Any] = {"from": rng.choice(("2026-03-01T00:00:00Z", "2026-05-01T00:00:00Z"))}
    if rng.random() < 0.3:
        period["event_types"] = rng.choice(_PATTERNS)
    _, replay = world.insist(
        "recovery", "POST /replays", ADMIN, {**period, "rate": rng.choice((1, 10))}
    )
    if rng.random() < 0.3:
        world.run(3)
        world.insist("recovery", "DELETE /replays/{id}", ADMIN, parameters={"id": replay["id"]})


def _give(world: World, rng: random.Random) -> None:
    service_id = rng.choice(("tester", "planner"))
    given = [each for each in world.given if each.service_id == service_id]
    choices: list[list[str] | None] = [[], ["task.*"], ["task.created", "order.*"], ["*"]]
    if given and given[-1].event_types is not None:
        choices.append(None)
    world.give(service_id, rng.choice(choices))


def _change(world: World, rng: random.Random) -> None:
    if not world.subscribed:
        return
    subscription_id = rng.choice(sorted(world.subscribed))
    if rng.random() < 0.2:
        world.delete(subscription_id)
    else:
        world.change(subscription_id, status=rng.choice(("active", "disabled")))


def _pause_or_resume(world: World, rng: random.Random) -> None:
    paused = sorted(world.paused)
    if paused and rng.random() < 0.5:
        world.resume(rng.choice(paused), rng.choice(("backlog", "backlog", "now")))
        return
    active = [each for each in sorted(world.subscribed) if each not in world.gone | set(paused)]
    if active:
        world.pause(rng.choice(active))


_ACTIONS: tuple[Callable[[World, random.Random], None], ...] = (
    _publish,
    _publish,
    _publish,
    _publish,
    _publish_again,
    _subscribe,
    _subscribe_inbox,
    _come_again,
    _pull,
    _retry,
    _retry_all,
    _replay,
    _change,
    _pause_or_resume,
    _pause_or_resume,
    commanding.send,
    commanding.send,
    commanding.answer,
    streaming.append,
    streaming.append,
    streaming.catch_up,
    streaming.read_state,
    _give,
)
