"""The table of publishers, by their services."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import orjson

from event_bus.model.registration import Publisher
from event_bus.stored import restored
from event_bus.stores.items import Item, document, query_items, text, unless_refused

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KIND = "publisher"
_PAGE = 100


@dataclass(frozen=True, slots=True)
class PublisherStore:
    """Finds, lists, adds and removes publishers.

    Attributes:
        client: The DynamoDB client.
        table: The table's name.
    """

    client: "DynamoDBClient"
    table: str

    def get(self, service_id: str) -> Publisher | None:
        """The publisher that a service is, or None."""
        answer = self.client.get_item(
            TableName=self.table, Key={"service_id": text(service_id)}, ConsistentRead=True
        )
        return _publisher(answer["Item"]) if "Item" in answer else None

    def page(self, after: str | None, limit: int) -> list[Publisher]:
        """Publishers in the order of their services, those behind `after`."""
        # Service ids are not empty, so that all of them sort behind a space.
        items = query_items(
            self.client,
            limit,
            TableName=self.table,
            IndexName="by_kind",
            KeyConditionExpression="kind = :kind AND service_id > :after",
            ExpressionAttributeValues={":kind": text(_KIND), ":after": text(after or " ")},
        )
        return [_publisher(item) for item in items]

    def all(self) -> Iterator[Publisher]:
        """Every publisher."""
        after = None
        while page := self.page(after, _PAGE):
            yield from page
            after = page[-1].service_id

    def adding(self, publisher: Publisher) -> Item:
        """The part of a transaction that adds a publisher, unless its service is one already."""
        return {
            "Put": {
                "TableName": self.table,
                "Item": _item(publisher),
                "ConditionExpression": "attribute_not_exists(service_id)",
            }
        }

    def replace(self, before: Publisher, after: Publisher) -> bool:
        """Writes a publisher anew, unless it has changed, or gone, since it was read.

        Returns:
            Whether it was written.
        """
        with unless_refused():
            self.client.put_item(**self.replacing(before, after)["Put"])
            return True
        return False

    def replacing(self, before: Publisher, after: Publisher) -> Item:
        """The part of a transaction that does what `replace` does, and is refused as it is."""
        return {
            "Put": {
                "TableName": self.table,
                "Item": _item(after),
                "ConditionExpression": "document = :before",
                "ExpressionAttributeValues": {":before": document(_members(before))},
            }
        }

    def removing(self, service_id: str) -> Item:
        """The part of a transaction that removes a publisher, if it is there."""
        return {
            "Delete": {
                "TableName": self.table,
                "Key": {"service_id": text(service_id)},
                "ConditionExpression": "attribute_exists(service_id)",
            }
        }

    def keeping(self, service_id: str) -> Item:
        """The part of a transaction that is refused where there is no such publisher."""
        return self._checking(service_id, "attribute_exists(service_id)")

    def lacking(self, service_id: str) -> Item:
        """The part of a transaction that is refused where there is such a publisher."""
        return self._checking(service_id, "attribute_not_exists(service_id)")

    def _checking(self, service_id: str, condition: str) -> Item:
        return {
            "ConditionCheck": {
                "TableName": self.table,
                "Key": {"service_id": text(service_id)},
                "ConditionExpression": condition,
            }
        }


def _item(publisher: Publisher) -> Item:
    return {
        "service_id": text(publisher.service_id),
        "kind": text(_KIND),
        "document": document(_members(publisher)),
    }


def _members(publisher: Publisher) -> dict[str, Any]:
    members = asdict(publisher)
    if not publisher.restricted:
        # Earlier releases stored no such member; a change compares what it read with the stored.
        del members["restricted"]
    return members


def _publisher(item: Mapping[str, Any]) -> Publisher:
    return restored(Publisher, orjson.loads(item["document"]["S"]))
