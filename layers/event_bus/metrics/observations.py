"""What the stream of the deliveries table tells: the change of one item is what happened."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from event_bus import times
from event_bus.model.metrics import Observation
from event_bus.stores.delivery_items import ROUTING
from event_bus.stores.levels import held, waiting


def observed(record: Mapping[str, Any]) -> Iterator[Observation]:
    """What happened when an item changed.

    A change is told once: what a repeated request, a retry or a replay does is a change of its own
    where it changes anything, and none where it does not.

    Args:
        record: A record of the stream, with the item before and after.
    """
    change = record["dynamodb"]
    new, old = change.get("NewImage"), change.get("OldImage") or {}
    if not new:
        return
    at = float(change["ApproximateCreationDateTime"])
    if new["subscription_id"]["S"] == ROUTING:
        # Whoever is routed again was published before.
        if not old and "source" in new:
            yield Observation("published", _text(new, "event_type"), _text(new, "source"), at)
        return
    labels = _text(new, "event_type"), _text(new, "service_id")
    done = int(old.get("attempts", {"N": "0"})["N"])
    for attempt in orjson.loads(_text(new, "attempt_log") or "[]"):
        if attempt["number"] > done and attempt["code"] is not None:
            yield Observation("failed", *labels, at)
    if _text(new, "status") == "delivered" != _text(old, "status"):
        yield Observation("delivered", *labels, at, _latency(new))
    if "dead_letter_id" in new and "dead_letter_id" not in old:
        yield Observation("dead_lettered", *labels, at)


def levels_changed(record: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """By how much the change of an item changes levels: the name of each, and the change.

    Args:
        record: A record of the stream, with the item before and after.
    """
    change = record["dynamodb"]
    new, old = change.get("NewImage"), change.get("OldImage") or {}
    if not new:
        return
    subscription_id = new["subscription_id"]["S"]
    if subscription_id == ROUTING:
        for image, sign in ((new, 1), (old, -1)):
            for each, pause in orjson.loads(_text(image, "held") or "{}").items():
                yield held(each, pause), sign
    elif (waits := _text(new, "status") == "retrying") != (_text(old, "status") == "retrying"):
        yield waiting(subscription_id.partition("#")[0]), 1 if waits else -1


def _latency(item: Mapping[str, Any]) -> float | None:
    # How long ago the event of a replay was accepted says nothing of the bus.
    if "stored_at" not in item or "#" in item["subscription_id"]["S"]:
        return None
    return times.seconds(_text(item, "delivered_at")) - times.seconds(_text(item, "stored_at"))


def _text(item: Mapping[str, Any], name: str) -> str:
    return str(item[name]["S"]) if name in item else ""
