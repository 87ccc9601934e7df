"""The table of API keys, by their hashes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from event_bus.security.keys import ApiKey
from event_bus.stores.items import Item, number, text, unexpired

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class KeyStore:
    """Finds, makes and removes keys.

    Attributes:
        client: The DynamoDB client.
        table: The table's name.
    """

    client: "DynamoDBClient"
    table: str

    def find(self, key_hash: str) -> ApiKey | None:
        """The key of this hash, or None."""
        answer = self.client.get_item(
            TableName=self.table, Key={"key_hash": text(key_hash)}, ConsistentRead=True
        )
        item = answer.get("Item")
        if item is None or ("expires_at" in item and not unexpired(item)):
            return None
        return _key(item)

    def of_service(self, service_id: str) -> list[ApiKey]:
        """The keys of a service; one made a moment ago may be missing."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            IndexName="by_service",
            KeyConditionExpression="service_id = :service",
            ExpressionAttributeValues={":service": text(service_id)},
        )
        return [_key(item) for page in pages for item in page["Items"]]

    def putting(self, key: ApiKey) -> Item:
        """The part of a transaction that adds a key, unless it stands for another service."""
        return {
            "Put": {
                "TableName": self.table,
                "Item": _item(key),
                "ConditionExpression": "attribute_not_exists(key_hash) OR service_id = :service",
                "ExpressionAttributeValues": {":service": text(key.service_id)},
            }
        }

    def add(self, key: ApiKey) -> None:
        """Adds a key that nobody chose, so that it cannot be another's already."""
        self.client.put_item(TableName=self.table, Item=_item(key))

    def delete(self, key_hash: str) -> None:
        """Removes a key, if it is there."""
        self.client.delete_item(TableName=self.table, Key={"key_hash": text(key_hash)})


def _key(item: Mapping[str, Any]) -> ApiKey:
    return ApiKey(
        key_hash=item["key_hash"]["S"],
        service_id=item["service_id"]["S"],
        created_at=item["created_at"]["S"],
        expires_at=int(item["expires_at"]["N"]) if "expires_at" in item else None,
        subscription_id=item["subscription_id"]["S"] if "subscription_id" in item else None,
    )


def _item(key: ApiKey) -> Item:
    item: Item = {
        "key_hash": text(key.key_hash),
        "service_id": text(key.service_id),
        "created_at": text(key.created_at),
    }
    if key.expires_at is not None:
        item["expires_at"] = number(key.expires_at)
    if key.subscription_id is not None:
        item["subscription_id"] = text(key.subscription_id)
    return item
