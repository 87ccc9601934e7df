"""Checks of commands and replies after the world has settled."""

from typing import Any

import orjson

from tests.simulation.archived import stored_events
from tests.simulation.known import Violation
from tests.simulation.world import World


def check_commands(world: World) -> None:
    """Checks commands and replies.

    Raises:
        Violation: A reply was lost or has no effect, or a command was answered too often.
    """
    events = stored_events(world)
    metadata = {name: orjson.loads(item["metadata"]["S"]) for (name,), item in events.items()}
    replies: dict[str, set[str]] = {}
    for name, members in metadata.items():
        if "reply_status" in members:
            replies.setdefault(members["causation_id"], set()).add(name)
    for (event_id,), item in events.items():
        members = metadata[event_id]
        single = item["type"]["S"].startswith("command.")
        expected = 1 if single else members.get("expect_replies")
        if expected is None:
            continue
        record = _record(world, event_id)
        listed = {each["event_id"] for each in record.get("replies", [])}
        _demand(listed == replies.get(event_id, set()), f"{event_id} lists {listed}")
        _demand(len(listed) <= expected, f"{event_id} has {len(listed)} replies")
        done = record.get("ended") in ("succeeded", "failed")
        _demand(done == (len(listed) == expected), f"{event_id} is {record.get('ended')}")
        if event_id in world.replied:
            _demand(world.replied[event_id] in listed, f"a reply to {event_id} is lost")
        if event_id in world.ends:
            _demand(record.get("ended") == world.ends[event_id], f"{event_id} changed its end")
        if single:
            _check_handled(world, event_id, record)


def _check_handled(world: World, event_id: str, record: dict[str, Any]) -> None:
    """Checks that a handler whose answer arrived has ended the command, or came too late."""
    for subscribed in world.subscribed.values():
        target = subscribed.request.get("target", {})
        if not (subscribed.request.get("handles") and target.get("reply")):
            continue
        answered = [
            each
            for each in world.subscribers[target["url"]].log
            if each.key.event_id == event_id and each.answered and each.replied
        ]
        status = world.tables.items["deliveries"].get((event_id, subscribed.id), {})
        delivered = status.get("status", {}).get("S") == "delivered"
        if answered and delivered:
            _demand(record.get("ended"), f"{event_id} was answered, and has not ended")


def _record(world: World, event_id: str) -> dict[str, Any]:
    item = world.tables.items["deliveries"].get((event_id, "#command"))
    return orjson.loads(item["document"]["S"]) if item else {}


def _demand(holds: object, said: str) -> None:
    if not holds:
        raise Violation(said)
