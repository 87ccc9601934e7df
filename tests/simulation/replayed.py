"""Checks of replays: they omit no event, and are ordered for ordered subscriptions."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson
from event_bus import times

from tests.simulation.archived import stored_events
from tests.simulation.catch_ups import fits, inbox_of, version_of
from tests.simulation.known import KnownSubscription, Violation
from tests.simulation.world import World

_INDEXED_SECONDS = 10
"""How long before a replay an event must have been stored to be certainly in the lists."""

_STORING_SECONDS = 1
"""How long it takes at most to store an event that was given its time, without faults."""

Owed = Callable[[KnownSubscription, dict[str, Any]], bool]
"""Returns whether a subscription matched an event all the time since it was stored."""


def check_replays(world: World, owed: Owed) -> None:
    """Checks every replay."""
    for item in world.tables.items["replays"].values():
        replay = orjson.loads(item["document"]["S"])
        if replay["state"] == "completed" and not replay["pause"] and not replay["catches_up"]:
            _check_complete(world, replay, owed)
    for subscribed in world.subscribed.values():
        if subscribed.request.get("ordered"):
            _check_order(world, subscribed)


def _check_complete(world: World, replay: dict[str, Any], owed: Owed) -> None:
    created = times.seconds(replay["created_at"])
    for subscribed in world.subscribed.values():
        addressed = (
            subscribed.at < created
            and replay["audience"] in (None, subscribed.request["service_id"])
            and replay["subscription_id"] in (None, subscribed.id)
        )
        if not addressed:
            continue
        ended = times.seconds(replay["updated_at"])
        for (event_id,), event in stored_events(world).items():
            if world.has_expired(event, ended):
                continue
            if _covers(world, replay, event_id, event) and owed(subscribed, event):
                name = f"{subscribed.id}#{replay['id']}"
                if (event_id, name) not in world.tables.items["deliveries"]:
                    raise Violation(f"{replay['id']} did not bring {event_id} to {subscribed.id}")


def _covers(world: World, replay: dict[str, Any], event_id: str, event: dict[str, Any]) -> bool:
    if replay["event_id"]:
        return bool(replay["event_id"] == event_id)
    wanted = replay["event_types"]
    created = times.seconds(replay["created_at"])
    stored = times.seconds(event["created_at"]["S"])
    # A function that stands still between giving an event its time and storing it stores it late.
    if any(began - _STORING_SECONDS <= stored <= ended for began, ended in world.standstills):
        return False
    return bool(
        (wanted is None or any(fits(pattern, event["type"]["S"]) for pattern in wanted))
        and replay["since"] <= event["timestamp"]["S"] < replay["until"]
        and stored < created - _INDEXED_SECONDS
    )


def _check_order(world: World, subscribed: KnownSubscription) -> None:
    streams: dict[tuple[str, str], list[int]] = {}
    for event_id, replay_id in dict.fromkeys(_replayed(world, subscribed)):
        event = stored_events(world)[event_id,]
        stream_id = orjson.loads(event["metadata"]["S"]).get("stream_id")
        record = world.tables.items["deliveries"].get((event_id, f"{subscribed.id}#{replay_id}"))
        # A former dead letter may arrive late.
        if stream_id and record and "dead_letter_id" not in record:
            stream = f"{event['source']['S']}/{stream_id}"
            streams.setdefault((replay_id, stream), []).append(version_of(event))
    for (replay_id, stream), versions in streams.items():
        if versions != sorted(versions):
            raise Violation(f"{replay_id} brought {stream} to {subscribed.id} as {versions}")


def _replayed(world: World, subscribed: KnownSubscription) -> Iterator[tuple[str, str]]:
    """Yields the events and replays of the attempts of a subscription, in their order."""
    if "target" in subscribed.request:
        if subscribed.id in world.gone:
            # A delivery that comes late begins the inbox anew. Nobody reads it.
            return
        for _, name in inbox_of(world, subscribed.id):
            event_id, _, replay_id = name.rpartition(":")
            if event_id and replay_id.startswith("rpl_"):
                yield event_id, replay_id
        return
    for subscriber in world.subscribers.values():
        for receipt in subscriber.log:
            if receipt.key.subscription_id == subscribed.id and receipt.key.replay_id:
                yield receipt.key.event_id, receipt.key.replay_id
