"""The streams of a random course: appends, catching up, and states."""

import random
from typing import Any

import orjson

from tests.simulation.clients import ADMIN
from tests.simulation.known import Subscriber, Violation
from tests.simulation.stories.story import REFUSED, SOON, TAKEN, event
from tests.simulation.world import World

_STREAMS = ("task/1", "task/2")
_EXPECTED: tuple[int | str | None, ...] = (None, None, "none", "exists", 0, 1, 2, 4)


def append(world: World, rng: random.Random) -> None:
    """Appends events that may expect a version, and perhaps repeats the append."""
    stream, expected = rng.choice(_STREAMS), rng.choice(_EXPECTED)
    number = len(world.published)
    events = [
        event(f"a{number}-{each}", payload={"n": number, f"m{number}-{each}": each})
        for each in range(rng.randint(1, 4))
    ]
    status, answer = world.append(stream, *events, expected=expected)
    if status == 409 and answer["actual_version"] == expected:
        raise Violation(f"an append to {stream} expected {expected}, and was refused")
    if status < 300 and rng.random() < 0.3:
        again, _ = world.append(stream, *events, expected=expected)
        if again != 200:
            raise Violation(f"a repeated append was answered {again}")
    elif status not in (200, 202, 409):
        raise Violation(f"an append was answered {status}: {answer}")


def catch_up(world: World, rng: random.Random) -> None:
    """Registers a subscription that follows streams from their first version."""
    followed: dict[str, Any] = {"source": "admin", "from_version": 1}
    followed |= {"id": rng.choice(_STREAMS)} if rng.random() < 0.5 else {"category": "task"}
    members: dict[str, Any] = {"stream": followed, "retry_policy": SOON}
    members["delivery_guarantee"] = rng.choice(("at_least_once", "exactly_once"))
    types = rng.choice((["task.*"], ["task.created"]))
    if rng.random() < 0.4:
        world.pulled[world.subscribe_inbox(types, "pull", **members)] = []
        return
    refuses = rng.choice((0.0, 0.3))
    answers = Subscriber(lambda _event, _number: REFUSED if rng.random() < refuses else TAKEN)
    world.subscribe(types, answers, **members)


def events_of(world: World, stream: str) -> dict[int, dict[str, Any]]:
    """Returns the stored events of a stream of an admin, by version."""
    found = {}
    for item in world.tables.items["events"].values():
        if item["source"]["S"] == "admin":
            metadata = orjson.loads(item["metadata"]["S"])
            if metadata.get("stream_id") == stream:
                found[metadata["stream_version"]] = item
    return found


def read_state(world: World, rng: random.Random) -> None:
    """Reads the state of a stream, and folds its events beside it."""
    stream = rng.choice(_STREAMS)
    query = {"source": "admin", "stream_id": stream}
    status, answer = world.insist("events", "GET /streams/state", ADMIN, query=query)
    if status != 200:
        raise Violation(f"the state of {stream} was answered {status}: {answer}")
    versions = events_of(world, stream)
    state: dict[str, Any] = {}
    for version in range(1, answer["version"] + 1):
        state |= orjson.loads(versions[version]["payload"]["S"])
    if (answer["state"], answer["events"]) != (state, answer["version"]):
        raise Violation(f"the state of {stream} is {answer}, and its fold is {state}")
    # A client reads what it has appended.
    seen = [
        version
        for event_id, version in world.versions.items()
        if orjson.loads(world.tables.items["events"][event_id,]["metadata"]["S"])["stream_id"]
        == stream
    ]
    if answer["version"] < max(seen, default=0):
        raise Violation(f"the state of {stream} is of {answer['version']}, not {max(seen)}")
