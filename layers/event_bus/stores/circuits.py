"""The table of circuit breakers: an item for each subscription that has failed lately."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import orjson

from event_bus import times
from event_bus.model.circuit import Circuit
from event_bus.stores.items import batch_get, document, number, text, unless_refused

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class CircuitStore:
    """Keeps circuits.

    Attributes:
        client: The DynamoDB client.
        table: The table's name.
        retention_days: How long one is kept that nobody changes any more.
    """

    client: "DynamoDBClient"
    table: str
    retention_days: int = 0

    def get_many(self, subscription_ids: Iterable[str]) -> dict[str, Circuit]:
        """The circuits of those of these subscriptions that have one."""
        keys = [{"subscription_id": text(each)} for each in dict.fromkeys(subscription_ids)]
        items = batch_get(self.client, self.table, keys, ConsistentRead=True)
        return {
            item["subscription_id"]["S"]: Circuit(**orjson.loads(item["document"]["S"]))
            for item in items
        }

    def all(self) -> Iterator[Circuit]:
        """Every circuit: those of subscriptions that have failed lately."""
        for page in self.client.get_paginator("scan").paginate(TableName=self.table):
            for item in page["Items"]:
                yield Circuit(**orjson.loads(item["document"]["S"]))

    def put(self, subscription_id: str, circuit: Circuit) -> bool:
        """Writes a circuit over the version before it.

        Returns:
            Whether it was written; False where another one was faster.
        """
        with unless_refused():
            self.client.put_item(
                TableName=self.table,
                Item={
                    "subscription_id": text(subscription_id),
                    "version": number(circuit.version),
                    "document": document(asdict(circuit)),
                    "expires_at": number(times.expiry(self.retention_days)),
                },
                ConditionExpression="attribute_not_exists(version) OR version = :before",
                ExpressionAttributeValues={":before": number(circuit.version - 1)},
            )
            return True
        return False

    def forget(self, subscription_id: str) -> None:
        """Removes a circuit: its subscription is as good as new."""
        self.client.delete_item(
            TableName=self.table, Key={"subscription_id": text(subscription_id)}
        )
