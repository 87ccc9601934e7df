"""The table of what became of each event: whom it was routed to, and each delivery's outcome."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from botocore.exceptions import ClientError

from event_bus import times
from event_bus.model.delivery import Delivery, DeliveryStatus, Routing
from event_bus.stores.items import Item, batch_get, chunks, condition_failed, document, number, text

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ROUTING = "#routing"
_BATCH_WRITE_LIMIT = 25


@dataclass(frozen=True, slots=True)
class DeliveryStore:
    """Keeps routing records and deliveries, both beside each other under the event's id.

    Attributes:
        client: The DynamoDB client.
        table: The table's name.
        retention_days: How long both are kept.
    """

    client: "DynamoDBClient"
    table: str
    retention_days: int = 0

    def record_routings(self, routings: Sequence[Routing]) -> None:
        """Records whom events were routed to; a repeated record replaces its like.

        Raises:
            TimeoutError: The table left records unwritten, again and again.
        """
        expires_at = number(times.expiry(self.retention_days))
        # A batch must not name a key twice; of two records of an event the later one counts.
        latest = {routing.event_id: routing for routing in routings}
        for chunk in chunks(list(latest.values()), _BATCH_WRITE_LIMIT):
            wanted: Any = {
                self.table: [
                    {
                        "PutRequest": {
                            "Item": {
                                **_key(routing.event_id, _ROUTING),
                                "matched": document(routing.matched),
                                "routed_at": text(routing.routed_at),
                                "expires_at": expires_at,
                            }
                        }
                    }
                    for routing in chunk
                ]
            }
            for _ in range(8):
                wanted = self.client.batch_write_item(RequestItems=wanted)["UnprocessedItems"]
                if not wanted:
                    break
            else:
                raise TimeoutError(f"{self.table} did not write all records")

    def record(self, delivery: Delivery) -> None:
        """Records the outcome of an attempt; no later outcome undoes a success."""
        values = {
            ":service": text(delivery.service_id),
            ":status": text(delivery.status),
            ":attempts": number(delivery.attempts),
            ":now": text(delivery.updated_at),
            ":expiry": number(times.expiry(self.retention_days)),
            ":delivered": text("delivered"),
        }
        sets = [
            "service_id = :service",
            "#status = :status",
            "attempts = :attempts",
            "updated_at = :now",
            "expires_at = :expiry",
        ]
        removes = []
        for name, value in (
            ("last_error", delivery.last_error),
            ("delivered_at", delivery.delivered_at),
        ):
            if value is None:
                removes.append(name)
            else:
                sets.append(f"{name} = :{name}")
                values[f":{name}"] = document(value) if isinstance(value, dict) else text(value)
        try:
            self.client.update_item(
                TableName=self.table,
                Key=_key(delivery.event_id, delivery.subscription_id),
                UpdateExpression=f"SET {', '.join(sets)}"
                + (f" REMOVE {', '.join(removes)}" if removes else ""),
                ConditionExpression="attribute_not_exists(#status) OR #status <> :delivered",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            if not condition_failed(error):
                raise

    def of_event(self, event_id: str) -> tuple[Routing | None, list[Delivery]]:
        """Whom an event was routed to, if it was, and the outcomes so far."""
        routing: Routing | None = None
        deliveries: list[Delivery] = []
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="event_id = :event",
            ExpressionAttributeValues={":event": text(event_id)},
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                if item["subscription_id"]["S"] == _ROUTING:
                    routing = _routing(item)
                else:
                    deliveries.append(_delivery(item))
        return routing, deliveries

    def routings(self, event_ids: Iterable[str]) -> dict[str, Routing]:
        """The routing records of those of these events that were routed, by event."""
        keys: list[Item] = [_key(event_id, _ROUTING) for event_id in event_ids]
        found = map(_routing, batch_get(self.client, self.table, keys, ConsistentRead=True))
        return {routing.event_id: routing for routing in found}


def _key(event_id: str, subscription_id: str) -> Item:
    return {"event_id": text(event_id), "subscription_id": text(subscription_id)}


def _routing(item: Mapping[str, Any]) -> Routing:
    return Routing(
        event_id=item["event_id"]["S"],
        matched=orjson.loads(item["matched"]["S"]),
        routed_at=item["routed_at"]["S"],
    )


def _delivery(item: Mapping[str, Any]) -> Delivery:
    error = item.get("last_error")
    status: DeliveryStatus = item["status"]["S"]
    return Delivery(
        event_id=item["event_id"]["S"],
        subscription_id=item["subscription_id"]["S"],
        service_id=item["service_id"]["S"],
        status=status,
        attempts=int(item["attempts"]["N"]),
        last_error=orjson.loads(error["S"]) if error else None,
        delivered_at=item.get("delivered_at", {}).get("S"),
        updated_at=item["updated_at"]["S"],
    )
