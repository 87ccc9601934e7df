"""The paces of subscriptions: items in the table of circuits, read together with these."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import orjson

from event_bus import times
from event_bus.model.pace import Pace
from event_bus.stored import restored
from event_bus.stores.items import Item, document, number, text, unless_refused

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_SUFFIX = "#pace"


def pace_key(subscription_id: str) -> Item:
    """The key of a subscription's pace."""
    return {"subscription_id": text(subscription_id + _SUFFIX)}


def pace_in(item: Mapping[str, Any]) -> tuple[str, Pace] | None:
    """The subscription and its pace; None where the item holds no pace."""
    if "pace" not in item:
        return None
    members = orjson.loads(item["pace"]["S"])
    members["leases"] = {name: tuple(lease) for name, lease in members["leases"].items()}
    return item["subscription_id"]["S"].removesuffix(_SUFFIX), restored(Pace, members)


@dataclass(frozen=True, slots=True)
class PaceStore:
    """Keeps paces.

    Attributes:
        client: The DynamoDB client.
        table: The name of the table of circuits.
        retention_days: How long one is kept that nobody changes any more.
    """

    client: "DynamoDBClient"
    table: str
    retention_days: int = 0

    def get(self, subscription_id: str) -> Pace | None:
        """The pace of a subscription, if it has one."""
        answer = self.client.get_item(
            TableName=self.table, Key=pace_key(subscription_id), ConsistentRead=True
        )
        found = pace_in(answer["Item"]) if "Item" in answer else None
        return found[1] if found else None

    def put(self, subscription_id: str, pace: Pace) -> bool:
        """Writes a pace over the version before it.

        Returns:
            Whether it was written; False where another one was faster.
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

    def putting(self, subscription_id: str, pace: Pace) -> Item:
        """The part of a transaction that writes a pace, whatever was there."""
        return {"Put": {"TableName": self.table, "Item": self._item(subscription_id, pace)}}

    def put_anew(self, subscription_id: str, pace: Pace) -> None:
        """Writes a pace, whatever was there."""
        self.client.put_item(TableName=self.table, Item=self._item(subscription_id, pace))

    def _item(self, subscription_id: str, pace: Pace) -> Item:
        return {
            **pace_key(subscription_id),
            "version": number(pace.version),
            "pace": document(asdict(pace)),
            "expires_at": number(times.expiry(self.retention_days)),
        }
