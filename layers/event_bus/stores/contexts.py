"""The table of contexts: one partition for each context of each service.

A further item for each service counts its entries. Entries of earlier releases are not counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from event_bus.model.contexts import ContextEntry
from event_bus.stores.items import Item, number, put_unless_refused, query_items, text
from event_bus.stores.refusals import Outdated, QuotaReached
from event_bus.stores.transactions import Part, transact

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class ContextStore:
    """Finds, lists and changes the entries of contexts.

    Attributes:
        client: The DynamoDB client.
        table: The table's name.
    """

    client: "DynamoDBClient"
    table: str

    def get(self, service_id: str, context: str, key: str) -> ContextEntry | None:
        """Returns the entry of a key; None if there is none."""
        answer = self.client.get_item(
            TableName=self.table, Key=_key(service_id, context, key), ConsistentRead=True
        )
        return _entry(answer["Item"]) if "Item" in answer else None

    def page(
        self, service_id: str, context: str, after: str | None, limit: int
    ) -> list[ContextEntry]:
        """Returns entries of a context in the order of their keys, after one."""
        asked: dict[str, Any] = {
            "KeyConditionExpression": "#context = :context",
            "ExpressionAttributeNames": {"#context": "context"},
            "ExpressionAttributeValues": {":context": text(_partition(service_id, context))},
        }
        if after is not None:
            asked["KeyConditionExpression"] += " AND #key > :after"
            asked["ExpressionAttributeNames"]["#key"] = "key"
            asked["ExpressionAttributeValues"][":after"] = text(after)
        return [
            _entry(item) for item in query_items(self.client, limit, TableName=self.table, **asked)
        ]

    def add(self, entry: ContextEntry, most: int) -> None:
        """Writes a new entry.

        Args:
            entry: The entry.
            most: How many entries its service may have in all its contexts.

        Raises:
            Outdated: There is an entry of this key.
            QuotaReached: The service has as many.
            Contended: Another entry of the service was written or removed at the same time.
        """
        put: Item = {
            "TableName": self.table,
            "Item": _item(entry),
            "ConditionExpression": "attribute_not_exists(#context)",
            "ExpressionAttributeNames": {"#context": "context"},
        }
        count = self._counting(entry.service_id, 1)
        count["ConditionExpression"] = "attribute_not_exists(entries) OR entries < :most"
        count["ExpressionAttributeValues"][":most"] = number(most)
        transact(
            self.client,
            [
                Part({"Put": put}, Outdated(entry.key)),
                Part({"Update": count}, QuotaReached(entry.service_id)),
            ],
        )

    def replace(self, entry: ContextEntry, before: ContextEntry) -> bool:
        """Writes an entry in place of another, unless that has changed since it was read.

        Returns:
            Whether it was written.
        """
        return put_unless_refused(
            self.client,
            TableName=self.table,
            Item=_item(entry),
            ConditionExpression="version = :version AND updated_at = :updated_at",
            ExpressionAttributeValues={
                ":version": number(before.version),
                # After a removal in between, versions begin at 1 again.
                ":updated_at": text(before.updated_at),
            },
        )

    def delete(self, service_id: str, context: str, key: str) -> None:
        """Removes an entry.

        Raises:
            Outdated: There is no such entry.
            Contended: Another entry of the service was written or removed at the same time.
        """
        removal: Item = {
            "TableName": self.table,
            "Key": _key(service_id, context, key),
            "ConditionExpression": "attribute_exists(#context)",
            "ExpressionAttributeNames": {"#context": "context"},
        }
        transact(
            self.client,
            [
                Part({"Delete": removal}, Outdated(key)),
                Part({"Update": self._counting(service_id, -1)}),
            ],
        )

    def _counting(self, service_id: str, by: int) -> Item:
        return {
            "TableName": self.table,
            # No context has an empty name.
            "Key": _key(service_id, "", "entries"),
            "UpdateExpression": "SET entries = if_not_exists(entries, :none) + :by",
            "ExpressionAttributeValues": {":none": number(0), ":by": number(by)},
        }


def _partition(service_id: str, context: str) -> str:
    return f"{service_id}/{context}"


def _key(service_id: str, context: str, key: str) -> Item:
    return {"context": text(_partition(service_id, context)), "key": text(key)}


def _item(entry: ContextEntry) -> Item:
    return {
        **_key(entry.service_id, entry.context, entry.key),
        "value": text(entry.value.decode()),
        "version": number(entry.version),
        "updated_at": text(entry.updated_at),
    }


def _entry(item: Mapping[str, Any]) -> ContextEntry:
    service_id, _, context = item["context"]["S"].partition("/")
    return ContextEntry(
        service_id,
        context,
        item["key"]["S"],
        item["value"]["S"].encode(),
        int(item["version"]["N"]),
        item["updated_at"]["S"],
    )
