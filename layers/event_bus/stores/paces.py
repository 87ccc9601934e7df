"""The paces of subscriptions: items of the table of circuits, read together with the circuits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from event_bus import times
from event_bus.model.pace import Pace
from event_bus.stored import restored
from event_bus.stores.items import Item, document, number, text, unless_refused
from event_bus.stores.transactions import Part

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_SUFFIX = "#pace"


def pace_key(subscription_id: str) -> Item:
    """Returns the primary key of a pace's item."""
    return {"subscription_id": text(subscription_id + _SUFFIX)}


def pace_in(item: Mapping[str, Any]) -> tuple[str, Pace] | None:
    """Returns the subscription and its pace; None if the item holds no pace."""
    if "pace" not in item:
        return None
    members = orjson.loads(item["pace"]["S"])
    members["leases"] = {name: tuple(lease) for name, lease in members["leases"].items()}
    return item["subscription_id"]["S"].removesuffix(_SUFFIX), restored(Pace, members)


@dataclass(frozen=True, slots=True)
class PaceStore:
    """Reads and writes paces.

    Attributes:
        client: The DynamoDB client.
        table: The name of the table of circuits.
        retention_days: How many days a pace is kept after its last change.
    """

    client: "DynamoDBClient"
    table: str
    retention_days: int = 0

    def get(self, subscription_id: str) -> Pace | None:
        """Returns the pace of a subscription, or None."""
        answer = self.client.get_item(
            TableName=self.table, Key=pace_key(subscription_id), ConsistentRead=True
        )
        found = pace_in(answer["Item"]) if "Item" in answer else None
        return found[1] if found else None

    def put(self, subscription_id: str, pace: Pace) -> bool:
        """Replaces a pace by its next version.

        Returns:
            Whether it was written; False if another function wrote that version first.
        """
        with unless_refused():
            self.client.put_item(
                TableName=self.table,
                Item=self._item(subscription_id, pace),
                ConditionExpression="attribute_not_exists(version) OR version = :before",
                ExpressionAttributeValues={":before": number(pace.version - 1)},
            )
            return True
        return False

    def putting_part(self, subscription_id: str, pace: Pace) -> Part:
        """Returns the part that writes a pace over any other."""
        return Part({"Put": {"TableName": self.table, "Item": self._item(subscription_id, pace)}})

    def put_anew(self, subscription_id: str, pace: Pace) -> None:
        """Writes a pace over any other."""
        self.client.put_item(TableName=self.table, Item=self._item(subscription_id, pace))

    def _item(self, subscription_id: str, pace: Pace) -> Item:
        return {
            **pace_key(subscription_id),
            "version": number(pace.version),
            "pace": document(pace),
            "expires_at": number(times.expiry(self.retention_days)),
        }
