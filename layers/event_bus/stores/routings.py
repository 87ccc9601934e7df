"""The routing records of the deliveries table: which subscriptions each event matched."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from event_bus import times
from event_bus.batches import blames_content, by_halves, chunks
from event_bus.log import logger
from event_bus.model.delivery import Routing
from event_bus.stores.delivery_items import ROUTING
from event_bus.stores.items import Item, batch_get, document, number, text

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_BATCH_WRITE_LIMIT = 25
_WRITES = 8


@dataclass(frozen=True, slots=True)
class RoutingStore:
    """Reads and writes routing records.

    Attributes:
        client: The DynamoDB client.
        table: The name of the deliveries table.
        retention_days: How many days a record is kept.
    """

    client: "DynamoDBClient"
    table: str
    retention_days: int = 0

    def record(self, routings: Sequence[Routing]) -> list[str]:
        """Writes routing records; overwrites existing ones.

        Returns:
            The ids of the events whose record DynamoDB refuses, such as one beyond 400 KB. All
            others are written.

        Raises:
            TimeoutError: DynamoDB left records unwritten in eight requests.
        """
        expires_at = number(times.expiry(self.retention_days))
        # A batch must not name a key twice. Of two records of one event, the later one counts.
        latest = {routing.event_id: routing for routing in routings}
        refused: list[str] = []
        for chunk in chunks(list(latest.values()), _BATCH_WRITE_LIMIT):
            requests = [_put_request(routing, expires_at) for routing in chunk]
            refusals = by_halves(requests, self._write, _refused)
            refused += [
                routing.event_id
                for routing, is_refused in zip(chunk, refusals, strict=True)
                if is_refused
            ]
        return refused

    def get_many(self, event_ids: Iterable[str], *, consistent: bool = False) -> dict[str, Routing]:
        """Returns the routing records of those events that were routed, by event id.

        Args:
            event_ids: The ids of the events, each once.
            consistent: Whether to read consistently, at twice the cost.
        """
        keys: list[Item] = [
            {"event_id": text(event_id), "subscription_id": text(ROUTING)} for event_id in event_ids
        ]
        found = batch_get(self.client, self.table, keys, ConsistentRead=consistent)
        return {routing.event_id: routing for routing in map(routing_of, found)}

    def _write(self, requests: Sequence[Item]) -> list[bool]:
        unwritten: Any = {self.table: list(requests)}
        for _ in range(_WRITES):
            unwritten = self.client.batch_write_item(RequestItems=unwritten)["UnprocessedItems"]
            if not unwritten:
                return [False] * len(requests)
        raise TimeoutError(f"{self.table} did not write all records")


def routing_of(item: Mapping[str, Any]) -> Routing:
    """Reads a routing record from its item."""
    return Routing(
        event_id=item["event_id"]["S"],
        matched=orjson.loads(item["matched"]["S"]),
        routed_at=item["routed_at"]["S"],
        event_type=item.get("event_type", {}).get("S", ""),
        source=item.get("source", {}).get("S", ""),
        limited="limited" in item,
        held=orjson.loads(item["held"]["S"]) if "held" in item else {},
        schema_invalid="schema_invalid" in item,
        handler=item.get("handler", {}).get("S"),
    )


def _put_request(routing: Routing, expires_at: Any) -> Item:
    item: Item = {
        "event_id": text(routing.event_id),
        "subscription_id": text(ROUTING),
        "matched": document(routing.matched),
        "routed_at": text(routing.routed_at),
        "event_type": text(routing.event_type),
        "source": text(routing.source),
        "expires_at": expires_at,
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
