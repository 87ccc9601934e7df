"""Checks of subscriptions that follow streams, and readers of inboxes."""

from typing import Any

import orjson
from event_bus import times

from tests.simulation.archived import stored_events
from tests.simulation.known import Violation
from tests.simulation.world import World


def inbox_of(world: World, subscription_id: str) -> list[tuple[int, str]]:
    """Returns the delivery at each place of an inbox."""
    found = []
    for item in world.tables.items["inbox"].values():
        if item["subscription_id"]["S"] == subscription_id and "event_id" in item:
            replay = f":{item['replay_id']['S']}" if "replay_id" in item else ""
            found.append((int(item["position"]["N"]), item["event_id"]["S"] + replay))
    return sorted(found)


def fits(pattern: str, event_type: str) -> bool:
    """Returns whether a type matches an exact pattern, or `domain.*`."""
    if pattern.endswith(".*"):
        return event_type.startswith(pattern.removesuffix("*"))
    return pattern == event_type


def version_of(item: dict[str, Any]) -> int:
    """Returns the version of an event in its stream; 0 if it is in none."""
    return int(orjson.loads(item["metadata"]["S"]).get("stream_version", 0))


def follows(followed: dict[str, Any], item: dict[str, Any]) -> bool:
    """Whether an event is of the streams that a subscription follows."""
    name = orjson.loads(item["metadata"]["S"]).get("stream_id")
    if name is None or item["source"]["S"] != followed["source"]:
        return False
    if "id" in followed:
        return bool(name == followed["id"])
    return bool(name.split("/")[0] == followed["category"])


def may_be_hidden(world: World, item: dict[str, Any], since: float) -> bool:
    """Whether a truncation or deletion may hide an event that was stored before a time."""
    name = orjson.loads(item["metadata"]["S"]).get("stream_id", "")
    hidden = max(world.hiding.get(name, {0}))
    return version_of(item) < hidden and times.seconds(item["created_at"]["S"]) < since


def check_catch_ups(world: World) -> None:
    """Checks that subscriptions that follow a stream received each of its events once, in order."""
    stored = stored_events(world)
    for subscribed in world.subscribed.values():
        if "stream" not in subscribed.request or subscribed.id in world.unsettled:
            continue
        taken = [
            receipt.key.event_id
            for subscriber in world.subscribers.values()
            for receipt in subscriber.log
            if receipt.taken
            and receipt.key.subscription_id == subscribed.id
            and receipt.key.replay_id is None
        ]
        if "target" in subscribed.request:
            taken = [name for _, name in inbox_of(world, subscribed.id) if ":" not in name]
        deliveries = world.tables.items["deliveries"]
        streams: dict[str, list[int]] = {}
        for event_id in dict.fromkeys(taken):
            if "dead_letter_id" in deliveries.get((event_id, subscribed.id), {}):
                # An exhausted dead letter may arrive late, when a person retries it.
                continue
            name = orjson.loads(stored[event_id,]["metadata"]["S"])["stream_id"]
            streams.setdefault(name, []).append(version_of(stored[event_id,]))
        for name, versions in streams.items():
            if versions != sorted(versions):
                raise Violation(f"{subscribed.id} got {name} as {versions}")
        # A second attempt is possible only if the answer to the first was lost.
        lied = any(subscriber.lies for subscriber in world.subscribers.values())
        if subscribed.request.get("delivery_guarantee") == "exactly_once" and not lied:
            again = len(taken) - len(set(taken))
            if again and not world.spoiled:
                raise Violation(f"{subscribed.id} got {again} events twice")
