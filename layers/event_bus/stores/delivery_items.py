"""The items of the deliveries table: their keys, their attributes, and the shards of its indexes.

The partition key is the event. The sort key is the subscription, followed by `#` and the replay if
the delivery belongs to one. The routing record of an event stands beside its deliveries, under the
sort key `#routing`, and the record of a command under `#command`.
"""

import zlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import orjson

from event_bus import times
from event_bus.model.delivery import (
    ON_LANE_SECONDS,
    SETTLED,
    Attempt,
    Delivery,
    DeliveryError,
    DeliveryKey,
    Routing,
)
from event_bus.model.event import Event, former_until, is_former
from event_bus.stored import restored
from event_bus.stores.items import ConditionFailed, Item, document, number, text
from event_bus.stores.table import Table

SHARDS = 4
"""The number of partitions that the indexes of due deliveries and of dead letters each have."""

ROUTING = "#routing"
"""The sort key of a routing record."""

COMMAND = "#command"
"""The sort key of the record of a command."""

_REOPENED_ONCE: Item = {"BOOL": True}
"""What earlier releases stored when a person had retried a delivery."""

UNSETTLED = "(attribute_not_exists(#status) OR #status IN (:pending, :retrying))"
"""The condition that a delivery has not ended."""


def item_key(key: DeliveryKey) -> Item:
    """Returns the primary key of a delivery's item."""
    sort = (
        key.subscription_id if key.replay_id is None else f"{key.subscription_id}#{key.replay_id}"
    )
    return {"event_id": text(key.event_id), "subscription_id": text(sort)}


def key_of(item: Mapping[str, Any]) -> DeliveryKey:
    """Reads the delivery's key from its item."""
    subscription_id, _, replay_id = item["subscription_id"]["S"].partition("#")
    return DeliveryKey(item["event_id"]["S"], subscription_id, replay_id or None)


def shard_of(identifier: str) -> str:
    """Returns the index partition of an event or a dead letter, by its id."""
    return str(zlib.crc32(identifier.encode()) % SHARDS)


def due_at(next_retry_at: str, *, waiting: bool) -> str:
    """Returns when the sweeper looks at a delivery, RFC 3339.

    Args:
        next_retry_at: The time of the next attempt, RFC 3339.
        waiting: Whether the delivery waits in the table. A delivery on its lane falls due
            `ON_LANE_SECONDS` later, in case its message is lost.
    """
    if waiting:
        return next_retry_at
    return times.at(times.seconds(next_retry_at) + ON_LANE_SECONDS)


def same_round(delivery: Delivery) -> tuple[str, Item]:
    """Returns the condition that no person has retried a delivery since it was read.

    Args:
        delivery: The delivery as it was read, or before its first record.

    Returns:
        The condition, and the values that it compares with.
    """
    if not delivery.reopened:
        return "attribute_not_exists(reopened)", {}
    rounds: Item = {":rounds": number(delivery.reopened)}
    if delivery.reopened > 1:
        return "reopened = :rounds", rounds
    return "reopened IN (:rounds, :once)", {**rounds, ":once": _REOPENED_ONCE}


def of_present(record: Delivery | None, event: Event | None) -> Delivery | None:
    """Returns the record of an event's delivery, unless it belongs to a former event with its id.

    Args:
        record: The record as it is stored, if there is one.
        event: The present event; None if it is not known, or has expired.
    """
    if record and event and is_former(record.stored_at, event.created_at):
        return None
    return record


def routing_of_present(routing: Routing | None, event: Event) -> Routing | None:
    """Returns the routing record of an event, unless it belongs to a former event with its id."""
    return None if routing and is_former(routing.routed_at, event.created_at) else routing


def unless_former(delivery: Delivery) -> tuple[str, Item]:
    """Returns the condition that the stored delivery does not belong to a former event.

    Args:
        delivery: The delivery of the present event.

    Returns:
        The end of a condition, and the values that it compares with; both are empty if it is not
        known when the present event was stored.
    """
    if not delivery.stored_at:
        return "", {}
    former = {":former": text(former_until(delivery.stored_at))}
    return " AND (attribute_not_exists(stored_at) OR stored_at >= :former)", former


def begin_anew(table: Table, standing: Item, delivery: Delivery, expires_at: int) -> bool:
    """Makes the item of a former event that of the present one, before its first attempt.

    Args:
        table: The table of deliveries.
        standing: The item as it is stored.
        delivery: The delivery of the present event.
        expires_at: When the item expires, in Unix seconds.

    Returns:
        Whether the item belonged to a former event; nothing is done if it did not.
    """
    stored_at = standing["stored_at"]["S"] if "stored_at" in standing else ""
    if not is_former(stored_at, delivery.stored_at):
        return False
    now = text(times.now())
    values: Item = {
        "service_id": text(delivery.service_id),
        "event_type": text(delivery.event_type),
        "protocol": text(delivery.protocol),
        "status": text("pending"),
        "created_at": now,
        "updated_at": now,
        "expires_at": number(expires_at),
    }
    removed = sorted(set(standing) - set(values) - set(item_key(delivery.key)))
    # Another function may have done it first.
    with suppress(ConditionFailed):
        table.update(
            item_key(delivery.key),
            UpdateExpression=f"SET {', '.join(f'#{name} = :{name}' for name in values)} "
            f"REMOVE {', '.join(f'#{name}' for name in removed)}",
            ConditionExpression="#stored_at = :former",
            ExpressionAttributeNames={f"#{name}": name for name in (*values, *removed)},
            ExpressionAttributeValues={
                ":former": text(stored_at),
                **{f":{name}": value for name, value in values.items()},
            },
        )
    return True


def changes_of(delivery: Delivery, expires_at: int) -> tuple[str, Item]:
    """Returns the update expression that records a delivery, and its values.

    Args:
        delivery: The delivery.
        expires_at: When the item expires, in Unix seconds.
    """
    values: dict[str, Any] = {
        ":service": text(delivery.service_id),
        ":type": text(delivery.event_type),
        ":status": text(delivery.status),
        ":attempts": number(delivery.attempts),
        ":round": number(delivery.round_start),
        ":log": document(delivery.log),
        ":writer": text(delivery.written_by),
        ":protocol": text(delivery.protocol),
        ":created": text(delivery.created_at),
        ":now": text(delivery.updated_at),
        ":expiry": number(expires_at),
    }
    sets = [
        "service_id = :service",
        "event_type = :type",
        "#status = :status",
        "attempts = :attempts",
        "round_start = :round",
        "attempt_log = :log",
        "written_by = :writer",
        "protocol = :protocol",
        "created_at = if_not_exists(created_at, :created)",
        "updated_at = :now",
        "expires_at = :expiry",
    ]
    removes = ["lease_until"]
    for name, value in _optional_attributes(delivery).items():
        if value is None:
            removes.append(name)
        else:
            sets.append(f"{name} = :{name}")
            values[f":{name}"] = value
    if delivery.stored_at:
        sets.append("stored_at = :stored")
        values[":stored"] = text(delivery.stored_at)
    if delivery.reopened:
        sets.append("reopened = :reopened")
        values[":reopened"] = number(delivery.reopened)
    if delivery.stream and delivery.next_retry_at:
        sets.append("stream_key = :stream")
        values[":stream"] = text(delivery.stream)
    for name, value in _dead_letter_attributes(delivery).items():
        sets.append(f"{name} = if_not_exists({name}, :{name})")
        values[f":{name}"] = value
    return f"SET {', '.join(sets)} REMOVE {', '.join(removes)}", values


def _optional_attributes(delivery: Delivery) -> dict[str, Any]:
    """Returns the attributes that a later outcome removes, each None if it has no value."""
    error, retry_at = delivery.last_error, delivery.next_retry_at
    return {
        "last_error": error and document(error),
        "error_code": error and text(error.code),
        "delivered_at": delivery.delivered_at and text(delivery.delivered_at),
        "next_retry_at": retry_at and text(retry_at),
        "due_shard": retry_at and text(shard_of(delivery.key.event_id)),
        "due_at": retry_at and text(due_at(retry_at, waiting=delivery.waiting)),
    }


def _dead_letter_attributes(delivery: Delivery) -> Item:
    """Returns the attributes by which the indexes list a dead letter; they never change."""
    if not delivery.dead_letter_id:
        return {}
    shard = shard_of(delivery.dead_letter_id)
    return {
        "dead_letter_id": text(delivery.dead_letter_id),
        "dead_shard": text(shard),
        "dead_service_shard": text(f"{delivery.service_id}#{shard}"),
    }


def delivery_of(item: Mapping[str, Any]) -> Delivery:
    """Reads a delivery from its item."""
    error, log = item.get("last_error"), item.get("attempt_log", {"S": "[]"})["S"]
    due, retry_at = item.get("due_at"), item.get("next_retry_at")

    def word(name: str) -> str | None:
        return item[name]["S"] if name in item else None

    return Delivery(
        key=key_of(item),
        # Claims of earlier releases did not store these two. The first outcome does.
        service_id=word("service_id") or "",
        event_type=word("event_type") or "",
        status=item["status"]["S"],
        attempts=int(item.get("attempts", {"N": "0"})["N"]),
        round_start=int(item.get("round_start", {"N": "0"})["N"]),
        reopened=_times_reopened(item),
        last_error=restored(DeliveryError, orjson.loads(error["S"])) if error else None,
        next_retry_at=word("next_retry_at"),
        waiting=due is not None and due == retry_at,
        continues=due is not None and item["status"]["S"] in SETTLED,
        dead_letter_id=word("dead_letter_id"),
        log=tuple(restored(Attempt, each) for each in orjson.loads(log)),
        delivered_at=word("delivered_at"),
        stored_at=word("stored_at") or "",
        created_at=item["created_at"]["S"],
        updated_at=item["updated_at"]["S"],
        written_by=word("written_by") or "",
        protocol=word("protocol") or "http",
        stream=word("stream_key") or "",
    )


def _times_reopened(item: Mapping[str, Any]) -> int:
    stored = item.get("reopened", {"N": "0"})
    return 1 if stored == _REOPENED_ONCE else int(stored["N"])
