"""The table of circuit breakers: one item for each subscription that has failed lately."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import orjson

from event_bus import times
from event_bus.model.circuit import Circuit
from event_bus.model.pace import Pace
from event_bus.stored import restored
from event_bus.stores.items import (
    Item,
    batch_get,
    document,
    number,
    put_unless_refused,
    scan_all,
    text,
)
from event_bus.stores.paces import pace_in, pace_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class CircuitStore:
    """Reads and writes circuits.

    Attributes:
        client: The DynamoDB client.
        table: The table's name.
        retention_days: How many days a circuit is kept after its last change.
    """

    client: "DynamoDBClient"
    table: str
    retention_days: int = 0

    def get_many(self, subscription_ids: Iterable[str]) -> dict[str, Circuit]:
        """Returns the circuits of those of these subscriptions that have one."""
        return _circuits(self._read([_key(each) for each in dict.fromkeys(subscription_ids)]))

    def with_paces(
        self, subscription_ids: Iterable[str], *, consistent: bool = True
    ) -> tuple[dict[str, Circuit], dict[str, Pace]]:
        """Returns the circuits and the paces of subscriptions that have them, in one request.

        Args:
            subscription_ids: The subscriptions.
            consistent: Whether to read consistently, at twice the cost.
        """
        keys = [
            key for each in dict.fromkeys(subscription_ids) for key in (_key(each), pace_key(each))
        ]
        items = self._read(keys, consistent=consistent)
        return _circuits(items), dict(found for item in items if (found := pace_in(item)))

    def all(self) -> Iterator[Circuit]:
        """Yields every circuit."""
        yield from _circuits(scan_all(self.client, TableName=self.table)).values()

    def put(self, subscription_id: str, circuit: Circuit) -> bool:
        """Replaces a circuit by its next version; version 1 is the first.

        Returns:
            Whether it was written; False if another function changed or removed it first.
        """
        condition: Any = (
            {"ConditionExpression": "attribute_not_exists(version)"}
            if circuit.version == 1
            else {
                "ConditionExpression": "version = :before",
                "ExpressionAttributeValues": {":before": number(circuit.version - 1)},
            }
        )
        # A permit to probe must not be lost with the answer to the request that takes it.
        return put_unless_refused(
            self.client,
            TableName=self.table,
            Item={
                "subscription_id": text(subscription_id),
                "version": number(circuit.version),
                "document": document(asdict(circuit)),
                "expires_at": number(times.expiry(self.retention_days)),
            },
            **condition,
        )

    def forget(self, subscription_id: str) -> None:
        """Removes the circuit of a subscription that no longer fails."""
        self.client.delete_item(TableName=self.table, Key=_key(subscription_id))

    def _read(self, keys: list[Item], *, consistent: bool = True) -> list[Item]:
        return batch_get(self.client, self.table, keys, ConsistentRead=consistent)


def _key(subscription_id: str) -> Item:
    return {"subscription_id": text(subscription_id)}


def _circuits(items: Iterable[Mapping[str, Any]]) -> dict[str, Circuit]:
    return {
        item["subscription_id"]["S"]: restored(Circuit, orjson.loads(item["document"]["S"]))
        for item in items
        if "document" in item
    }
