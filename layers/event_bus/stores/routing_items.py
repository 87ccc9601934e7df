"""The items of routing records in the deliveries table.

A record that would exceed the 400 KB of an item is divided. Its parts are written before the record
that counts them, under the sort keys `#routing#<writer>#1`, `#routing#<writer>#2` and so on. No two
writers share parts. Earlier releases left out the writer.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from event_bus import times
from event_bus.model.delivery import Routing
from event_bus.stores.delivery_items import ROUTING
from event_bus.stores.items import Item, document, number, text


def routing_key(event_id: str, name: str = ROUTING) -> Item:
    """Returns the primary key of a routing record's item, or of one of its further parts.

    Args:
        event_id: The event.
        name: The sort key.
    """
    return {"event_id": text(event_id), "subscription_id": text(name)}


def part_name(writer: str, place: int) -> str:
    """Returns the sort key of a further part of a record; only earlier releases have no writer."""
    return f"{ROUTING}#{writer}#{place}" if writer else f"{ROUTING}#{place}"


def is_routing(item: Mapping[str, Any]) -> bool:
    """Returns whether an item of the deliveries table is a routing record, or a part of one."""
    name: str = item["subscription_id"]["S"]
    return name == ROUTING or name.startswith(f"{ROUTING}#")


def part_names(item: Mapping[str, Any]) -> list[str]:
    """Returns the sort keys of the further parts of a record."""
    writer, count = item.get("writer", {"S": ""})["S"], int(item.get("parts", {"N": "0"})["N"])
    return [part_name(writer, place) for place in range(1, count + 1)]


def routing_of(item: Mapping[str, Any]) -> Routing:
    """Reads a routing record, or a further part of one, from its item."""
    released: dict[str, int] = orjson.loads(item["released"]["S"]) if "released" in item else {}
    held: dict[str, int] = orjson.loads(item["held"]["S"]) if "held" in item else {}
    return Routing(
        event_id=item["event_id"]["S"],
        matched=orjson.loads(item["matched"]["S"]),
        routed_at=item.get("routed_at", {}).get("S", ""),
        event_type=item.get("event_type", {}).get("S", ""),
        source=item.get("source", {}).get("S", ""),
        limited="limited" in item,
        held=_still(held, released),
        released=released,
        schema_invalid="schema_invalid" in item,
        handler=item.get("handler", {}).get("S"),
    )


def routings_of(items: Iterable[Mapping[str, Any]]) -> dict[str, Routing]:
    """Reads routing records from their items, by event id.

    Args:
        items: The items of records and of their further parts. A record without one of its parts is
            left out.
    """
    whole: dict[str, Mapping[str, Any]] = {}
    parts: dict[tuple[str, str], Mapping[str, Any]] = {}
    for item in items:
        event_id, name = item["event_id"]["S"], item["subscription_id"]["S"]
        if name == ROUTING:
            whole[event_id] = item
        else:
            parts[event_id, name] = item
    found = {}
    for event_id, item in whole.items():
        names = [(event_id, name) for name in part_names(item)]
        if all(name in parts for name in names):
            found[event_id] = _joined(routing_of(item), [parts[name] for name in names])
    return found


def _joined(routing: Routing, parts: Iterable[Mapping[str, Any]]) -> Routing:
    for part in parts:
        routing.matched.update(orjson.loads(part["matched"]["S"]))
        held: dict[str, int] = orjson.loads(part["held"]["S"]) if "held" in part else {}
        routing.held.update(_still(held, routing.released))
    return routing


def _still(held: Mapping[str, int], released: Mapping[str, int]) -> dict[str, int]:
    return {each: pause for each, pause in held.items() if each not in released}


def routing_item(routing: Routing, retention_days: int) -> Item:
    """Returns the item of a record, without the attributes that name further parts."""
    return {
        **routing_key(routing.event_id),
        **match_attributes(routing, retention_days),
        "routed_at": text(routing.routed_at),
        "event_type": text(routing.event_type),
        "source": text(routing.source),
        **({"limited": {"BOOL": True}} if routing.limited else {}),
        **({"schema_invalid": {"BOOL": True}} if routing.schema_invalid else {}),
        **({"handler": text(routing.handler)} if routing.handler else {}),
    }


def match_attributes(routing: Routing, retention_days: int) -> Item:
    """Returns the attributes that a record and its further parts have in common."""
    return {
        "matched": document(routing.matched),
        **({} if routing.kept else {"expires_at": number(times.expiry(retention_days))}),
        **({"held": document(routing.held)} if routing.held else {}),
    }


def part_attributes(writer: str, count: int) -> Item:
    """Returns the attributes of a record that name its further parts.

    Args:
        writer: The writer of the parts.
        count: How many there are.
    """
    return {"parts": number(count), "writer": text(writer)} if count else {}
