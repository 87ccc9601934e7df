"""The items of the events table, and the records of its table stream."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from event_bus import times
from event_bus.log import logger
from event_bus.model.event import Event, EventOrigin
from event_bus.stores.items import Item, number, text
from event_bus.stores.listings import cell_of, odd_shard_of

ODD_SECONDS = 300
"""The largest difference between the timestamp of an event and the time at which it was stored, in
seconds, for which lists by time are enough. Events with a larger one are in an index of their own
as well.
"""

ARCHIVED = "archived"
"""The attribute of a stub that names the place of the whole item in the archive."""

_STUB = (
    *("id", "type", "source", "correlation_id", "trace_id"),
    *("cell", "position", "odd_shard", "odd_position"),
)
"""The attributes of an item that its stub keeps: those that the table's indexes hold."""


def to_item(event: Event, retention_days: int) -> Item:
    """Returns the item of an event, without a payload that is in the bucket."""
    item: Item = {
        "id": text(event.id),
        "type": text(event.type),
        "source": text(event.source),
        "timestamp": text(event.timestamp),
        "payload_bytes": number(event.payload_bytes),
        "metadata": text(orjson.dumps(event.metadata).decode()),
        "created_at": text(event.created_at),
        "digest": text(event.digest),
        "position": text(event.position),
        "cell": text(cell_of(event.id, event.type, event.source)),
        **({} if event.kept else {"expires_at": number(times.expiry(retention_days))}),
    }
    if event.inline and event.payload is not None:
        item["payload"] = text(event.payload.decode())
        if event.sealed:
            item["sealed"] = text(event.sealed)
    if event.sealed_key:
        item["sealed_key"] = text(event.sealed_key)
    if event.content_type:
        item["content_type"] = text(event.content_type)
    if event.hidden_hops:
        item["hidden_hops"] = number(event.hidden_hops)
    item |= _schema_attributes(event)
    if event.origin:
        item |= _origin_attributes(event.origin, event.source)
    for name in ("correlation_id", "trace_id"):
        if event.metadata.get(name):
            item[name] = text(event.metadata[name])
    if is_odd(event):
        item["odd_shard"] = text(odd_shard_of(event.id))
        item["odd_position"] = text(f"{event.created_at}#{event.id}")
    return item


def is_odd(event: Event) -> bool:
    """Returns whether the times at which an event happened and was stored differ too much."""
    stored, happened = times.seconds(event.created_at), times.seconds(event.timestamp)
    return abs(happened - stored) > ODD_SECONDS


def from_item(item: Mapping[str, Any]) -> Event:
    """Reads an event from its item, or from an image of it in the table stream."""
    payload = item.get("payload")
    return Event(
        id=item["id"]["S"],
        type=item["type"]["S"],
        source=item["source"]["S"],
        timestamp=item["timestamp"]["S"],
        payload=payload["S"].encode() if payload else None,
        payload_bytes=int(item["payload_bytes"]["N"]),
        metadata=orjson.loads(item["metadata"]["S"]),
        created_at=item["created_at"]["S"],
        digest=item["digest"]["S"],
        sealed_key=item.get("sealed_key", {}).get("S"),
        sealed=item.get("sealed", {}).get("S"),
        hidden_hops=int(item.get("hidden_hops", {}).get("N", 0)),
        origin=_origin(item),
        schema_version=int(item["schema_version"]["N"]) if "schema_version" in item else None,
        schema_valid=item.get("schema_valid", {}).get("BOOL"),
        content_type=item.get("content_type", {}).get("S"),
        kept="expires_at" not in item,
        expires_at=int(item["expires_at"]["N"]) if "expires_at" in item else None,
    )


def is_stub(item: Mapping[str, Any]) -> bool:
    """Returns whether the rest of an item is in the archive."""
    return ARCHIVED in item


def stub_of(item: Mapping[str, Any], place: object) -> Item:
    """Returns the item that takes the place of an item in the archive."""
    kept = {name: item[name] for name in _STUB if name in item}
    return {**kept, ARCHIVED: text(str(place))}


def _schema_attributes(event: Event) -> Item:
    found: Item = {}
    if event.schema_version is not None:
        found["schema_version"] = number(event.schema_version)
    if event.schema_valid is not None:
        found["schema_valid"] = {"BOOL": event.schema_valid}
    return found


def _origin_attributes(origin: EventOrigin, source: str) -> Item:
    # Each KB of an item costs a write unit, so an actor that equals the source is left out.
    implied = origin.actor == source and (origin.key_id or origin.ip_address)
    written = {
        "actor": None if implied else origin.actor,
        "key_id": origin.key_id,
        "ip_address": origin.ip_address,
    }
    return {name: text(value) for name, value in written.items() if value is not None}


def _origin(item: Mapping[str, Any]) -> EventOrigin | None:
    names = ("actor", "key_id", "ip_address")
    actor, key_id, ip_address = (item.get(name, {}).get("S") for name in names)
    if actor is None and key_id is None and ip_address is None:
        return None
    return EventOrigin(actor or item["source"]["S"], key_id, ip_address)


def events_in(records: Iterable[Mapping[str, Any]]) -> tuple[list[Event], list[str]]:
    """Reads the events that were stored, from records of the table stream.

    Args:
        records: The records, as Lambda hands them over. Records of deleted and of archived events
            are left out.

    Returns:
        The events, and the ids of those that cannot be read.
    """
    events: list[Event] = []
    unreadable: list[str] = []
    for record in records:
        change = record["dynamodb"]
        if (image := change.get("NewImage")) and not is_stub(image):
            try:
                events.append(from_item(image))
            except Exception:
                event_id = change["Keys"]["id"]["S"]
                logger.exception("event cannot be read", event_id=event_id)
                unreadable.append(event_id)
    return events, unreadable


def event_ids_in(records: Iterable[Mapping[str, Any]]) -> list[str]:
    """Returns the ids of the events that records of the table stream are about."""
    return [record["dynamodb"]["Keys"]["id"]["S"] for record in records]
