"""The routing records of the deliveries table: which subscriptions each event matched.

A function that has stood still for minutes may have matched an event with earlier subscriptions
than the function that took its place. So no write takes matches from a record: if the event has one
already, the matches that it lacks are added.

A record that would exceed the 400 KB of an item is divided. Its parts are written before the record
that counts them, under the sort keys `#routing#<writer>#1`, `#routing#<writer>#2` and so on. No two
writers share parts. Earlier releases left out the writer.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from event_bus import times
from event_bus.batches import batches, blames_content
from event_bus.conflicts import attempts
from event_bus.ids import new_id
from event_bus.log import logger
from event_bus.model.delivery import Routing
from event_bus.stores.delivery_items import ROUTING
from event_bus.stores.items import ConditionFailed, Item, document, number, text
from event_bus.stores.table import Table

_Work = TypeVar("_Work")
_Result = TypeVar("_Result")

_PART_BYTES = 200_000
"""How many bytes of matches an item holds, which leaves room for its other attributes."""

_SURELY_FIT = 400
"""How many matches fit into one item, however long their identifiers are."""

_CLOCKS_DIFFER_SECONDS = 60
"""How much earlier a record must be than its event to belong to an earlier event with its id."""


@dataclass(frozen=True, slots=True)
class RecordedRoutings:
    """The result of writing routing records.

    Attributes:
        standing: The records as they are stored, which others may have written.
        refused: The ids of the events whose record DynamoDB refuses.
    """

    standing: list[Routing]
    refused: list[str]


@dataclass(frozen=True, slots=True)
class RoutingStore:
    """Reads and writes routing records.

    Attributes:
        table: The deliveries table.
        retention_days: How many days a record is kept, unless its event is kept for ever.
    """

    table: Table
    retention_days: int = 0

    def record(
        self, routings: Sequence[Routing], executor: Executor | None = None
    ) -> RecordedRoutings:
        """Writes routing records. If an event has one already, the matches that it lacks are added.

        Args:
            routings: The records. If an event has two, the first one counts.
            executor: Writes several records in parallel.

        Raises:
            TimeoutError: Others have changed a record before each attempt.
        """
        first: dict[str, Routing] = {}
        for routing in routings:
            first.setdefault(routing.event_id, routing)
        written = _each(self._put, list(first.values()), executor)
        return RecordedRoutings(
            standing=[each for each in written if each],
            refused=[name for name, each in zip(first, written, strict=True) if each is None],
        )

    def release(self, routing: Routing, subscription_ids: Collection[str]) -> None:
        """Records that a pause holds an event no longer, because the router has sent it.

        Args:
            routing: The record as it is stored.
            subscription_ids: The subscriptions to which the event was sent.

        Raises:
            TimeoutError: Others have changed the record before each attempt.
        """
        sent = {each: routing.held[each] for each in subscription_ids}
        released = routing.released
        for _ in attempts():
            try:
                self._set_released(routing.event_id, released, {**released, **sent})
            except ConditionFailed as refusal:
                if not refusal.standing:
                    return
                released = routing_of(refusal.standing).released
            except ClientError as error:
                if not blames_content(error):
                    raise
                # The item is full. The backlog sends the events once more.
                logger.exception("release not recorded", event_id=routing.event_id)
                return
            else:
                return
        raise TimeoutError(f"{routing.event_id} is released by others in every attempt")

    def get_many(self, event_ids: Iterable[str], *, consistent: bool = False) -> dict[str, Routing]:
        """Returns the routing records of those events that were routed, by event id.

        Args:
            event_ids: The ids of the events, each once.
            consistent: Whether to read consistently, at twice the cost.
        """
        keys = [routing_key(event_id) for event_id in event_ids]
        found = self.table.batch_get(keys, ConsistentRead=consistent)
        return self.whole(found, consistent=consistent)

    def whole(self, items: Iterable[Item], *, consistent: bool = False) -> dict[str, Routing]:
        """Returns routing records, by event id. Their further parts are read from the table.

        Args:
            items: The items of the records, without their further parts.
            consistent: Whether to read consistently, at twice the cost.
        """
        found = list(items)
        further = [
            routing_key(item["event_id"]["S"], name) for item in found for name in _names(item)
        ]
        if further:
            found += self.table.batch_get(further, ConsistentRead=consistent)
        return routings_of(found)

    def _put(self, routing: Routing) -> Routing | None:
        """Writes a record, and returns the one that is stored; None if DynamoDB refuses it."""
        whole, *further = _divided(routing)
        writer = new_id("rtg") if further else ""
        item = {**_item(whole, self.retention_days), **_parts(writer, len(further))}
        try:
            for place, part in enumerate(further, start=1):
                key = routing_key(routing.event_id, _part_name(writer, place))
                self.table.put({**key, **_matches(part, self.retention_days)})
            self.table.put(
                item,
                **_unless_routed(routing),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ConditionFailed as refusal:
            return self._merged(routing, refusal.standing)
        except (ClientError, BotoCoreError) as error:
            if not blames_content(error):
                raise
            logger.exception("routing record refused", event_id=routing.event_id)
            return None
        return routing

    def _merged(self, routing: Routing, item: Item) -> Routing | None:
        """Adds to a stored record what it lacks of another one, and returns it as a whole."""
        for _ in attempts():
            items = [item] if item else []
            standing = self.whole(items, consistent=True).get(routing.event_id)
            if standing is None:
                return None
            lacking = _lacking(standing, routing)
            if not lacking.matched:
                return standing
            try:
                self._add(item, lacking)
            except ConditionFailed as refusal:
                item = refusal.standing
            except ClientError as error:
                if not blames_content(error):
                    raise
                logger.exception("matches not recorded", event_id=routing.event_id)
                return standing
            else:
                return _with_matches(standing, lacking)
        raise TimeoutError(f"{routing.event_id} is routed by others in every attempt")

    def _add(self, item: Item, lacking: Routing) -> None:
        # What a pause held stays in the item when it is released.
        stored = routing_of({name: each for name, each in item.items() if name != "released"})
        after = _with_matches(stored, lacking)
        changes: Item = {"matched": document(after.matched), "held": document(after.held)}
        if after.handler:
            changes["handler"] = text(after.handler)
        self.table.update(
            routing_key(lacking.event_id),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in changes),
            ConditionExpression="#matched = :before",
            ExpressionAttributeNames={f"#{name}": name for name in changes},
            ExpressionAttributeValues={
                ":before": item["matched"],
                **{f":{name}": value for name, value in changes.items()},
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    def _set_released(
        self, event_id: str, before: Mapping[str, int], after: Mapping[str, int]
    ) -> None:
        stands = "released = :before" if before else "attribute_not_exists(released)"
        self.table.update(
            routing_key(event_id),
            UpdateExpression="SET released = :after",
            ConditionExpression=f"attribute_exists(matched) AND {stands}",
            ExpressionAttributeValues={
                ":after": document(after),
                **({":before": document(before)} if before else {}),
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )


def is_routing(item: Mapping[str, Any]) -> bool:
    """Returns whether an item of the deliveries table is a routing record, or a part of one."""
    name: str = item["subscription_id"]["S"]
    return name == ROUTING or name.startswith(f"{ROUTING}#")


def parts_of(item: Mapping[str, Any]) -> int:
    """Returns how many further parts a routing record has."""
    return int(item.get("parts", {"N": "0"})["N"])


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
        names = [(event_id, name) for name in _names(item)]
        if all(name in parts for name in names):
            found[event_id] = _joined(routing_of(item), [parts[name] for name in names])
    return found


def _joined(routing: Routing, parts: Iterable[Mapping[str, Any]]) -> Routing:
    for part in parts:
        routing.matched.update(orjson.loads(part["matched"]["S"]))
        held: dict[str, int] = orjson.loads(part["held"]["S"]) if "held" in part else {}
        routing.held.update(_still(held, routing.released))
    return routing


def _divided(routing: Routing) -> list[Routing]:
    """Divides a record so that each part fits into an item."""
    if len(routing.matched) <= _SURELY_FIT:
        return [routing]

    def size(subscription_id: str) -> int:
        held = len(subscription_id) + 16 if subscription_id in routing.held else 0
        return len(subscription_id) + len(routing.matched[subscription_id]) + 8 + held

    parts = batches(routing.matched, size, most=len(routing.matched), most_bytes=_PART_BYTES)
    return [
        replace(
            routing,
            matched={each: routing.matched[each] for each in part},
            held={each: routing.held[each] for each in part if each in routing.held},
        )
        for part in parts
    ]


def routing_key(event_id: str, name: str = ROUTING) -> Item:
    """Returns the primary key of a routing record's item, or of one of its further parts.

    Args:
        event_id: The event.
        name: The sort key.
    """
    return {"event_id": text(event_id), "subscription_id": text(name)}


def _part_name(writer: str, place: int) -> str:
    return f"{ROUTING}#{writer}#{place}" if writer else f"{ROUTING}#{place}"


def _lacking(standing: Routing, routing: Routing) -> Routing:
    """Returns the part of a record with the matches that the stored one lacks."""
    matched = {
        each: service for each, service in routing.matched.items() if each not in standing.matched
    }
    held = {each: pause for each, pause in routing.held.items() if each in matched}
    return replace(routing, matched=matched, held=held)


def _with_matches(routing: Routing, lacking: Routing) -> Routing:
    return replace(
        routing,
        matched={**routing.matched, **lacking.matched},
        held={**routing.held, **lacking.held},
        handler=routing.handler or lacking.handler,
    )


def _names(item: Mapping[str, Any]) -> list[str]:
    """Returns the sort keys of the further parts of a record."""
    writer = item.get("writer", {"S": ""})["S"]
    return [_part_name(writer, place) for place in range(1, parts_of(item) + 1)]


def _still(held: Mapping[str, int], released: Mapping[str, int]) -> dict[str, int]:
    return {each: pause for each, pause in held.items() if each not in released}


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


def _item(routing: Routing, retention_days: int) -> Item:
    return {
        **routing_key(routing.event_id),
        **_matches(routing, retention_days),
        "routed_at": text(routing.routed_at),
        "event_type": text(routing.event_type),
        "source": text(routing.source),
        **({"limited": {"BOOL": True}} if routing.limited else {}),
        **({"schema_invalid": {"BOOL": True}} if routing.schema_invalid else {}),
        **({"handler": text(routing.handler)} if routing.handler else {}),
    }


def _matches(routing: Routing, retention_days: int) -> Item:
    """Returns the attributes that a record and its further parts have in common."""
    return {
        "matched": document(routing.matched),
        **({} if routing.kept else {"expires_at": number(times.expiry(retention_days))}),
        **({"held": document(routing.held)} if routing.held else {}),
    }


def _parts(writer: str, count: int) -> Item:
    return {"parts": number(count), "writer": text(writer)} if count else {}


def _unless_routed(routing: Routing) -> Item:
    """Returns the condition that an event has no record.

    The id of an expired event may be used again, while its record is still stored.
    """
    if not routing.stored_at:
        return {"ConditionExpression": "attribute_not_exists(event_id)"}
    before = times.at(times.seconds(routing.stored_at) - _CLOCKS_DIFFER_SECONDS)
    return {
        "ConditionExpression": "attribute_not_exists(event_id) OR routed_at < :before",
        "ExpressionAttributeValues": {":before": text(before)},
    }


def _each(
    work: Callable[[_Work], _Result], items: Sequence[_Work], executor: Executor | None
) -> list[_Result]:
    if executor is None or len(items) < 2:
        return [work(each) for each in items]
    return list(executor.map(work, items))
