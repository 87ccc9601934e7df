"""The table of API keys, by their identifiers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import orjson

from event_bus.security.keys import ApiKey
from event_bus.stores.items import Item, document, number, text, unexpired, unless_refused
from event_bus.stores.transactions import TransactionRefused, transact_alone

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class KeyStore:
    """Finds, makes, ends and removes keys.

    Attributes:
        client: The DynamoDB client.
        table: The table's name.
    """

    client: "DynamoDBClient"
    table: str

    def find(self, key_id: str) -> ApiKey | None:
        """The key of this id that is good now, or None."""
        answer = self.client.get_item(
            TableName=self.table, Key={"id": text(key_id)}, ConsistentRead=True
        )
        item = answer.get("Item")
        return _key(item) if item and _good(item) else None

    def of_service(self, service_id: str) -> list[ApiKey]:
        """The keys of a service that are good now; one made a moment ago may be missing."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            IndexName="by_service",
            KeyConditionExpression="service_id = :service",
            ExpressionAttributeValues={":service": text(service_id)},
        )
        return [_key(item) for page in pages for item in page["Items"] if _good(item)]

    def putting(self, key: ApiKey) -> Item:
        """The part of a transaction that adds a key, unless it stands for another service."""
        return {
            "Put": {
                "TableName": self.table,
                "Item": _item(key),
                "ConditionExpression": "attribute_not_exists(id) OR service_id = :service",
                "ExpressionAttributeValues": {":service": text(key.service_id)},
            }
        }

    def ending(self, key: ApiKey, at: int) -> Item:
        """The part of a transaction that has a key end, at a time in Unix seconds.

        It is refused where the key is gone, or has been given another end since it was read.
        """
        unchanged, values = _unchanged(key)
        return {
            "Update": {
                "TableName": self.table,
                "Key": {"id": text(key.id)},
                "UpdateExpression": "SET expires_at = :at",
                "ConditionExpression": f"attribute_exists(id) AND {unchanged}",
                "ExpressionAttributeValues": {**values, ":at": number(at)},
            }
        }

    def keeping(self, key_id: str) -> Item:
        """The part of a transaction that is refused where a key is gone."""
        return {
            "ConditionCheck": {
                "TableName": self.table,
                "Key": {"id": text(key_id)},
                "ConditionExpression": "attribute_exists(id)",
            }
        }

    def removing_unless_rotated(self, key: ApiKey) -> Item:
        """The part of a transaction that removes a key, if it is there.

        It is refused where the key has been given another end since it was read: then another key
        has taken its place.
        """
        unchanged, values = _unchanged(key)
        part: Item = {
            "TableName": self.table,
            "Key": {"id": text(key.id)},
            "ConditionExpression": f"attribute_not_exists(id) OR {unchanged}",
        }
        if values:
            part["ExpressionAttributeValues"] = values
        return {"Delete": part}

    def removing(self, key_id: str) -> Item:
        """The part of a transaction that removes a key; it is refused where the key is gone."""
        return {
            "Delete": {
                "TableName": self.table,
                "Key": {"id": text(key_id)},
                "ConditionExpression": "attribute_exists(id)",
            }
        }

    def add(self, key: ApiKey) -> bool:
        """Adds a key.

        Returns:
            Whether it was added; False where it stands for another service.
        """
        with unless_refused():
            self.client.put_item(**self.putting(key)["Put"])
            return True
        return False

    def saw(self, key_id: str, at: str) -> None:
        """Notes that a key was used, if it is still there."""
        with unless_refused():
            self.client.update_item(
                TableName=self.table,
                Key={"id": text(key_id)},
                UpdateExpression="SET last_used_at = :at",
                ConditionExpression="attribute_exists(id)",
                ExpressionAttributeValues={":at": text(at)},
            )

    def remove(self, key_id: str) -> bool:
        """Removes a key.

        Returns:
            Whether this removed it; of several who do so at once, one does.
        """
        try:
            transact_alone(self.client, [self.removing(key_id)])
        except TransactionRefused:
            return False
        return True


_OWN = ("id", "service_id", "expires_at", "last_used_at")
"""What stands beside the document: keys of the table, and what changes by itself."""


def _unchanged(key: ApiKey) -> tuple[str, Item]:
    """The condition that a key has the end that it was read with, and its values."""
    if key.expires_at is None:
        return "attribute_not_exists(expires_at)", {}
    return "expires_at = :read", {":read": number(key.expires_at)}


def _good(item: Mapping[str, Any]) -> bool:
    return "expires_at" not in item or unexpired(item)


def _key(item: Mapping[str, Any]) -> ApiKey:
    members = orjson.loads(item["document"]["S"])
    if members.get("scopes") is not None:
        members["scopes"] = tuple(members["scopes"])
    return ApiKey(
        **members,
        id=item["id"]["S"],
        service_id=item["service_id"]["S"],
        expires_at=int(item["expires_at"]["N"]) if "expires_at" in item else None,
        last_used_at=item["last_used_at"]["S"] if "last_used_at" in item else None,
    )


def _item(key: ApiKey) -> Item:
    members = asdict(key)
    item: Item = {
        "id": text(key.id),
        "service_id": text(key.service_id),
        "document": document({name: members[name] for name in members if name not in _OWN}),
    }
    if key.expires_at is not None:
        item["expires_at"] = number(key.expires_at)
    if key.last_used_at is not None:
        item["last_used_at"] = text(key.last_used_at)
    return item
