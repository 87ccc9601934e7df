"""Checks every promise after the world has settled.

It reads the answers to clients, what subscribers received, and the items of the tables. It knows
nothing of the code in between.
"""

from typing import Any

import orjson
from event_bus import times
from event_bus.model.delivery import DeliveryKey

from tests.simulation.answered_commands import check_commands
from tests.simulation.archived import stored_events
from tests.simulation.catch_ups import (
    check_catch_ups,
    fits,
    follows,
    inbox_of,
    may_be_hidden,
    version_of,
)
from tests.simulation.known import KnownSubscription, ReceivedAttempt, Violation
from tests.simulation.replayed import check_replays
from tests.simulation.surroundings import UNSENDABLE
from tests.simulation.world import World

_EARLIEST_SECONDS = 2
"""How long before its registration a subscription may receive stored events, in seconds: the
greatest difference between the clocks of two functions.
"""


_CATCHES_UP_SECONDS = 600
"""How long a new subscription takes to receive its history, in seconds."""


_DROPPED = (
    "subscription_deleted",
    "event_expired",
    "discarded",
    "command_answered",
    "command_cancelled",
    "command_expired",
    "command_replayed",
    "not_matched",
)
"""Why a delivery may be dropped, whatever its guarantee."""


def check(world: World) -> None:
    """Checks every promise.

    Raises:
        Violation: One is broken.
    """
    for event_id, published in world.published.items():
        if event_id in world.deduplicated:
            _check_deduplicated(world, event_id)
        elif published.status:
            _check_stored(world, event_id, published.event)
    _check_streams(world)
    for (event_id,) in stored_events(world):
        _check_routed(world, event_id)
    _check_history(world)
    for key, item in world.tables.items["deliveries"].items():
        if not key[1].startswith("#"):
            _check_delivery(world, item)
    _check_limits(world)
    _check_inboxes(world)
    check_catch_ups(world)
    _check_replays(world)
    _check_dead_letters(world)
    check_commands(world)


def _demand(holds: object, said: str) -> None:
    if not holds:
        raise Violation(said)


def _check_stored(world: World, event_id: str, sent: dict[str, Any]) -> None:
    item = stored_events(world).get((event_id,))
    _demand(item, f"{event_id} was answered 2xx and is not stored")
    assert item
    payload = orjson.loads(item["payload"]["S"]) if "payload" in item else _object(world, event_id)
    expected = sent.get("payload_base64", sent.get("payload"))
    _demand(payload == expected, f"{event_id} has another payload")
    _demand(item["type"]["S"] == sent["type"], f"{event_id} has another type")


def _check_deduplicated(world: World, event_id: str) -> None:
    first = world.deduplicated[event_id]
    _demand((event_id,) not in stored_events(world), f"{event_id} is stored as well")
    _demand((first,) in stored_events(world), f"{first} was answered and is not stored")


def _object(world: World, event_id: str) -> Any:
    [found] = [
        body for (_, key), body in world.objects.items() if key.startswith(f"events/{event_id}/")
    ]
    return orjson.loads(found)


def _check_streams(world: World) -> None:
    streams: dict[str, list[int]] = {}
    ends: dict[str, int] = {}
    for item in world.tables.items["streams"].values():
        if item["version"]["N"] == "0":
            continue
        if "event_id" not in item:
            ends[item["stream_id"]["S"]] = int(item["version"]["N"])
            continue
        streams.setdefault(item["stream_id"]["S"], []).append(int(item["version"]["N"]))
        event = stored_events(world).get((item["event_id"]["S"],))
        _demand(event, f"{item['event_id']['S']} has a place in a stream and is not stored")
        assert event
        metadata = orjson.loads(event["metadata"]["S"])
        _demand(metadata["stream_version"] == int(item["version"]["N"]), "an event has two places")
    for stream, versions in streams.items():
        _demand(sorted(versions) == list(range(1, len(versions) + 1)), f"{stream} has gaps")
        end = ends.get(stream, len(versions) + 1)
        _demand(end == len(versions) + 1, f"{stream} goes on behind its end")
    for event_id, version in world.versions.items():
        metadata = orjson.loads(stored_events(world)[event_id,]["metadata"]["S"])
        _demand(metadata["stream_version"] == version, f"{event_id} was answered version {version}")


def _check_routed(world: World, event_id: str) -> None:
    item = stored_events(world)[event_id,]
    _demand(
        (event_id, "#routing") in world.tables.items["deliveries"], f"{event_id} was never routed"
    )
    published = world.published.get(event_id)
    uncertain = world.unsettled | _disabled(world)
    for subscribed in world.subscribed.values():
        owed = (
            published is not None
            and subscribed.answered <= published.began
            and subscribed.id not in uncertain
            and _wants(subscribed.request, item)
            and _permitted(world, subscribed.request, item) == {True}
        )
        if owed:
            _demand(world.matched(event_id, subscribed.id), f"{event_id} missed {subscribed.id}")
        if world.matched(event_id, subscribed.id):
            _demand(_wants(subscribed.request, item), f"{event_id} does not fit {subscribed.id}")
            _demand(
                _permitted(world, subscribed.request, item) != {False},
                f"{event_id} was routed to {subscribed.id}, which may not have it",
            )
            early = subscribed.at - times.seconds(item["created_at"]["S"])
            _demand(early <= _EARLIEST_SECONDS, f"{event_id} came {early} s before {subscribed.id}")
    for subscription_id in orjson.loads(
        world.tables.items["deliveries"][event_id, "#routing"]["matched"]["S"]
    ):
        _demand(
            (event_id, subscription_id) in world.tables.items["deliveries"]
            or world.passed_over(event_id, subscription_id)
            or _expired_in_line(world, event_id, subscription_id),
            f"of {event_id} to {subscription_id} nothing is known",
        )


def _expired_in_line(world: World, event_id: str, subscription_id: str) -> bool:
    """Whether an event has expired that may have waited for earlier ones of its stream."""
    subscribed = world.subscribed.get(subscription_id)
    if subscribed is None or not world.event_has_expired(event_id):
        return False
    return bool(subscribed.request.get("ordered") or "stream" in subscribed.request)


def _check_history(world: World) -> None:
    delivered: dict[str, set[str]] = {}
    for event_id, name in world.tables.items["deliveries"]:
        delivered.setdefault(event_id, set()).add(name.partition("#")[0])
    for subscribed in world.subscribed.values():
        since = subscribed.request.get("replay_from")
        followed = subscribed.request.get("stream", {}).get("from_version")
        if not (since or followed) or subscribed.id in world.unsettled | _disabled(world):
            continue
        for (event_id,), item in stored_events(world).items():
            if (
                (item["timestamp"]["S"] >= since if since else version_of(item) >= followed)
                and _wants(subscribed.request, item)
                and _permitted(world, subscribed.request, item) == {True}
                and not world.passed_over(event_id, subscribed.id)
                and not _is_about(item, subscribed.id)
                and not (followed and may_be_hidden(world, item, subscribed.at))
                and not world.has_expired(item, subscribed.at + _CATCHES_UP_SECONDS)
            ):
                _demand(
                    subscribed.id in delivered[event_id],
                    f"{event_id} is missing in the history of {subscribed.id}",
                )


def _check_replays(world: World) -> None:
    uncertain = world.unsettled | _disabled(world) | world.gone

    def owed(subscribed: KnownSubscription, item: dict[str, Any]) -> bool:
        return (
            subscribed.id not in uncertain
            and _wants(subscribed.request, item)
            and _permitted(world, subscribed.request, item) == {True}
            and not _is_about(item, subscribed.id)
        )

    check_replays(world, owed)


def _is_about(item: dict[str, Any], subscription_id: str) -> bool:
    """Returns whether an event of the bus is about a subscription, which does not receive it."""
    told = orjson.loads(item["metadata"]["S"])
    return bool(item["source"]["S"] == "eventbus" and told.get("about") == subscription_id)


def _disabled(world: World) -> set[str]:
    # Those that the bus itself disabled, at some time.
    changes = [
        orjson.loads(item["document"]["S"])
        for item in world.tables.items["changes"].values()
        if "document" in item
    ]
    return {change["id"] for change in changes if not change.get("active", True)}


def _permitted(world: World, request: dict[str, Any], item: dict[str, Any]) -> set[bool]:
    """Returns whether the service of a subscription might receive an event since it was stored."""
    if item["source"]["S"] == "eventbus":
        told = orjson.loads(item["metadata"]["S"])
        return {told["audience"] == request["service_id"]}
    return world.permitted(
        request["service_id"],
        item["type"]["S"],
        item["source"]["S"],
        times.seconds(item["created_at"]["S"]),
    )


def _wants(request: dict[str, Any], item: dict[str, Any]) -> bool:
    # Independent of the code under test, and much simpler: exact types, `domain.*`, and equality.
    event_type = item["type"]["S"]
    if not any(fits(pattern, event_type) for pattern in request["event_types"]):
        return False
    if (followed := request.get("stream")) and not follows(followed, item):
        return False
    is_json = "payload" in item and "content_type" not in item
    payload = orjson.loads(item["payload"]["S"]) if is_json else {}
    return all(
        payload.get(name) in wanted
        for pattern, fields in request.get("filters", {}).items()
        if pattern == event_type
        for name, wanted in fields.items()
    )


def _receipts(world: World, item: dict[str, Any]) -> list[ReceivedAttempt]:
    subscription_id, _, replay_id = item["subscription_id"]["S"].partition("#")
    event_id = item["event_id"]["S"]
    key = DeliveryKey(event_id, subscription_id, replay_id or None)
    if item.get("protocol", {"S": "http"})["S"] == "inbox":
        return [
            ReceivedAttempt(key, taken=True, answered=True, at=world.now)
            for _, name in inbox_of(world, subscription_id)
            if name == key.webhook_id
        ]
    return [
        receipt
        for subscriber in world.subscribers.values()
        for receipt in subscriber.log
        if receipt.key.event_id == item["event_id"]["S"]
        and receipt.key.subscription_id == subscription_id
        and (receipt.key.replay_id or "") == replay_id
    ]


def _check_delivery(world: World, item: dict[str, Any]) -> None:
    status = item["status"]["S"]
    name = f"{item['event_id']['S']} to {item['subscription_id']['S']}"
    _demand(status in ("delivered", "exhausted", "dropped"), f"{name} is left {status}")
    receipts = _receipts(world, item)
    if status == "delivered":
        # A deleted subscription has no inbox.
        gone = item["subscription_id"]["S"].partition("#")[0] in world.gone
        _demand(gone or any(each.taken for each in receipts), f"{name} was never taken")
        _demand("due_shard" not in item, f"{name} is delivered and waits")
    else:
        _demand("last_error" in item, f"{name} ended without a reason")
    if status == "exhausted":
        _demand("dead_letter_id" in item, f"{name} is exhausted and no dead letter")
        # If a call failed, it may have been the one that records it.
        _demand(
            world.spoiled or not any(each.taken and each.answered for each in receipts),
            f"{name} was taken, and is exhausted",
        )
    guarantee = _subscription(world, item).get("delivery_guarantee", "at_least_once")
    if status == "dropped" and guarantee != "at_most_once":
        _demand(
            item["error_code"]["S"] in _DROPPED,
            f"{name} was dropped",
        )
    unsendable = item["event_id"]["S"].startswith(UNSENDABLE)
    refused = "error_code" in item and item["error_code"]["S"] == "message_refused"
    _demand(unsendable or not refused, f"{name} was refused")
    if guarantee == "at_most_once":
        _demand(len(receipts) <= 1, f"{name} was attempted {len(receipts)} times")
        # No subscriber has seen an event whose message was refused, so a retry is possible. A
        # delivery that met a pause has waited for its end.
        paused = world.pauses[item["subscription_id"]["S"].partition("#")[0]] > 0
        _demand(unsendable or paused or "dead_letter_id" not in item, f"{name} is a dead letter")
    for receipt in receipts:
        stored = stored_events(world).get((receipt.key.event_id,))
        _demand(stored, f"{name} was attempted, and its event is not stored")


def _subscription(world: World, item: dict[str, Any]) -> dict[str, Any]:
    subscription_id = item["subscription_id"]["S"].partition("#")[0]
    stored = world.tables.items["subscriptions"].get((subscription_id,))
    if stored:
        document: dict[str, Any] = orjson.loads(stored["document"]["S"])
        return document
    known = world.subscribed.get(subscription_id)
    return known.request if known else {}


def _check_inboxes(world: World) -> None:
    for subscribed in world.subscribed.values():
        kind = subscribed.request.get("target", {}).get("type", "http")
        if kind == "http" or subscribed.id in world.gone:
            continue
        entries = inbox_of(world, subscribed.id)
        places = [place for place, _ in entries]
        _demand(places == list(range(1, len(entries) + 1)), f"{subscribed.id} has gaps")
        names = [name for _, name in entries]
        left_out = {name for name in names if world.event_has_expired(name.partition(":")[0])}
        if subscribed.request.get("ordered"):
            # A former dead letter may arrive late.
            on_time = [
                name
                for name in dict.fromkeys(names)
                if "dead_letter_id"
                not in world.tables.items["deliveries"].get((name, subscribed.id), {})
            ]
            _check_order(world, on_time)
        for client in world.sockets:
            if client.subscription_id == subscribed.id:
                seen = list(client.seen.values())
                shown = [each for each in names if each in seen or each not in left_out]
                _demand(seen == shown, f"{client.connection_id} has not seen all")
        if subscribed.id in world.pulled:
            pulled = list(dict.fromkeys(world.pulled[subscribed.id]))
            held = [name for name in dict.fromkeys(names) if name in pulled or name not in left_out]
            if subscribed.request.get("handles"):
                # Commands that have ended are left out.
                held = [name for name in held if name in pulled]
            _demand(pulled == held, f"{subscribed.id} was not pulled in order")


def _check_order(world: World, names: list[str]) -> None:
    streams: dict[str, list[int]] = {}
    for item in sorted(
        (
            item
            for item in world.tables.items["streams"].values()
            if "event_id" in item and item["event_id"]["S"] in names
        ),
        key=lambda item: names.index(item["event_id"]["S"]),
    ):
        streams.setdefault(item["stream_id"]["S"], []).append(int(item["version"]["N"]))
    for stream, versions in streams.items():
        _demand(versions == sorted(versions), f"{stream} is out of order in an inbox")


_KEPT = ("unroutable_queue_redrive", "replay_queue_redrive", "audit_queue")
"""The queues whose messages nothing receives here."""


def _check_limits(world: World) -> None:
    for url, queue in world.queues.queues.items():
        _demand(
            not queue.messages or url in _KEPT,
            f"{url} holds {len(queue.messages)} messages",
        )


def _check_dead_letters(world: World) -> None:
    dead = {
        item["dead_letter_id"]["S"]
        for item in world.tables.items["deliveries"].values()
        if "dead_letter_id" in item
    }
    # The checker's own request is not part of the story.
    world.faults, world.chaos, world.staleness = {}, 0.0, 0.0
    calls, made = world.calls, len(world.made)
    shown = {each["id"] for each in world.dead_letters()}
    world.calls = calls
    del world.made[made:]
    _demand(shown == dead or len(dead) > 100, "the list of dead letters is another one")
