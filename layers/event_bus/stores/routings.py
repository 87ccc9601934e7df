"""The routing records of the deliveries table: which subscriptions each event matched.

A record that would exceed the 400 KB of an item is divided. Its parts have the sort keys
`#routing#1`, `#routing#2` and so on, and are written before the record that counts them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from event_bus import times
from event_bus.batches import batches, blames_content, by_halves, chunks
from event_bus.log import logger
from event_bus.model.delivery import Routing
from event_bus.stores.delivery_items import ROUTING
from event_bus.stores.items import Item, batch_get, batch_write, document, number, text

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_BATCH_WRITE_LIMIT = 25

_PART_BYTES = 300_000
"""How many bytes of matches an item holds, which leaves room for its other attributes."""

_SURELY_FIT = 400
"""How many matches fit into one item, however long their identifiers are."""


@dataclass(frozen=True, slots=True)
class RoutingStore:
    """Reads and writes routing records.

    Attributes:
        client: The DynamoDB client.
        table: The name of the deliveries table.
        retention_days: How many days a record is kept, unless its event is kept for ever.
    """

    client: "DynamoDBClient"
    table: str
    retention_days: int = 0

    def record(self, routings: Sequence[Routing]) -> list[str]:
        """Writes routing records; overwrites existing ones.

        Returns:
            The ids of the events whose record DynamoDB refuses. All others are written.

        Raises:
            TimeoutError: DynamoDB left records unwritten in eight requests.
        """
        expiry: Item = {"expires_at": number(times.expiry(self.retention_days))}
        # A batch must not name a key twice. If an event has two records, the later one counts.
        latest = {routing.event_id: routing for routing in routings}
        divided = {each.event_id: _divided(each) for each in latest.values()}
        self._write_parts(divided.values(), expiry)
        refused: list[str] = []
        for chunk in chunks(list(divided), _BATCH_WRITE_LIMIT):
            requests = [
                _put_request(divided[each][0], expiry, len(divided[each]) - 1) for each in chunk
            ]
            refusals = by_halves(requests, self._write, _refused)
            refused += [
                event_id for event_id, is_refused in zip(chunk, refusals, strict=True) if is_refused
            ]
        return refused

    def get_many(self, event_ids: Iterable[str], *, consistent: bool = False) -> dict[str, Routing]:
        """Returns the routing records of those events that were routed, by event id.

        Args:
            event_ids: The ids of the events, each once.
            consistent: Whether to read consistently, at twice the cost.
        """
        keys = [routing_key(event_id) for event_id in event_ids]
        found = batch_get(self.client, self.table, keys, ConsistentRead=consistent)
        return self.whole(found, consistent=consistent)

    def whole(self, items: Iterable[Item], *, consistent: bool = False) -> dict[str, Routing]:
        """Returns routing records, by event id. Their further parts are read from the table.

        Args:
            items: The items of the records, without their further parts.
            consistent: Whether to read consistently, at twice the cost.
        """
        found = list(items)
        further = [
            routing_key(item["event_id"]["S"], place)
            for item in found
            for place in range(1, parts_of(item) + 1)
        ]
        if further:
            found += batch_get(self.client, self.table, further, ConsistentRead=consistent)
        return routings_of(found)

    def _write(self, requests: Sequence[Item]) -> list[bool]:
        batch_write(self.client, self.table, requests)
        return [False] * len(requests)

    def _write_parts(self, divided: Iterable[list[Routing]], expiry: Item) -> None:
        for _, *further in divided:
            # One at a time: a batch of them could exceed what a request holds.
            for place, part in enumerate(further, start=1):
                item: Item = {
                    **routing_key(part.event_id, place),
                    "matched": document(part.matched),
                    **({} if part.kept else expiry),
                    **({"held": document(part.held)} if part.held else {}),
                }
                batch_write(self.client, self.table, [{"PutRequest": {"Item": item}}])


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
        names = [(event_id, f"{ROUTING}#{place}") for place in range(1, parts_of(item) + 1)]
        if all(name in parts for name in names):
            found[event_id] = _joined(routing_of(item), [parts[name] for name in names])
    return found


def _joined(routing: Routing, parts: Iterable[Mapping[str, Any]]) -> Routing:
    for part in parts:
        routing.matched.update(orjson.loads(part["matched"]["S"]))
        routing.held.update(orjson.loads(part["held"]["S"]) if "held" in part else {})
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


def routing_key(event_id: str, part: int = 0) -> Item:
    """Returns the primary key of a routing record's item, or of one of its further parts."""
    name = f"{ROUTING}#{part}" if part else ROUTING
    return {"event_id": text(event_id), "subscription_id": text(name)}


def routing_of(item: Mapping[str, Any]) -> Routing:
    """Reads a routing record, or a further part of one, from its item."""
    return Routing(
        event_id=item["event_id"]["S"],
        matched=orjson.loads(item["matched"]["S"]),
        routed_at=item.get("routed_at", {}).get("S", ""),
        event_type=item.get("event_type", {}).get("S", ""),
        source=item.get("source", {}).get("S", ""),
        limited="limited" in item,
        held=orjson.loads(item["held"]["S"]) if "held" in item else {},
        schema_invalid="schema_invalid" in item,
        handler=item.get("handler", {}).get("S"),
    )


def _put_request(routing: Routing, expiry: Item, parts: int) -> Item:
    item: Item = {
        **routing_key(routing.event_id),
        "matched": document(routing.matched),
        "routed_at": text(routing.routed_at),
        "event_type": text(routing.event_type),
        "source": text(routing.source),
        **({} if routing.kept else expiry),
        **({"parts": number(parts)} if parts else {}),
        **({"limited": {"BOOL": True}} if routing.limited else {}),
        **({"held": document(routing.held)} if routing.held else {}),
        **({"schema_invalid": {"BOOL": True}} if routing.schema_invalid else {}),
        **({"handler": text(routing.handler)} if routing.handler else {}),
    }
    return {"PutRequest": {"Item": item}}


def _refused(error: ClientError | BotoCoreError) -> bool:
    if not blames_content(error):
        raise error
    logger.error("routing record refused", error=str(error))
    return True
