"""A DynamoDB table, and the requests that the stores make to it.

The keys and indexes of all tables are declared in `infra/tables.py`.

The members of the requests have DynamoDB's names. The methods whose names end with `_part` make
parts of a transaction, which `transactions.transact` carries out together with parts of other
tables.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from event_bus.batches import chunks
from event_bus.conflicts import attempts
from event_bus.stores.items import ConditionFailed, Item, conditional, text

if TYPE_CHECKING:
    from typing import Literal, Required, TypedDict, Unpack

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import QueryOutputTypeDef

    from event_bus.stores.refusals import Refused
    from event_bus.stores.transactions import Part

    class Condition(TypedDict, total=False):
        """The condition of a write."""

        ConditionExpression: str
        ExpressionAttributeNames: Mapping[str, str]
        ExpressionAttributeValues: Mapping[str, Any]

    class Answered(Condition, total=False):
        """The condition of a write, and what DynamoDB returns if it does not hold."""

        ReturnValuesOnConditionCheckFailure: Literal["ALL_OLD"]

    class Update(Condition, total=False):
        """What an update writes, and its condition."""

        UpdateExpression: Required[str]

    class AnsweredUpdate(Update, Answered, total=False):
        """An update, and what it and a refusal answer."""

        ReturnValues: Literal["ALL_NEW", "UPDATED_NEW"]

    class Read(TypedDict, total=False):
        """How items are read."""

        ConsistentRead: bool
        ProjectionExpression: str

    class Query(TypedDict, total=False):
        """Which items a query reads, and how."""

        IndexName: str
        KeyConditionExpression: Required[str]
        FilterExpression: str
        ExpressionAttributeNames: Mapping[str, str]
        ExpressionAttributeValues: Required[Mapping[str, Any]]
        ConsistentRead: bool
        ScanIndexForward: bool


_BATCH_GET_LIMIT = 100
_BATCH_REQUESTS = 8

BATCH_PAUSE_SECONDS = 0.05
"""The longest first wait, in seconds, before DynamoDB is asked again; it doubles."""


@dataclass(frozen=True, slots=True)
class Table:
    """A DynamoDB table, as the store of its items uses it.

    Attributes:
        client: The DynamoDB client.
        name: The table's name.
    """

    client: "DynamoDBClient"
    name: str

    def get(self, key: Item, **options: "Unpack[Read]") -> Item | None:
        """Returns the item with a key, or None."""
        answer = self.client.get_item(TableName=self.name, Key=key, **options)
        return answer.get("Item")

    def batch_get(self, keys: list[Item], **options: "Unpack[Read]") -> list[Item]:
        """Returns those items of any number of keys that exist, in no order.

        Args:
            keys: The keys, each once.
            options: How they are read.

        Raises:
            TimeoutError: DynamoDB left keys unread in eight requests.
        """
        items: list[Item] = []
        for chunk in chunks(keys, _BATCH_GET_LIMIT):
            items += tables_get((self, chunk), **options)[0]
        return items

    def query(self, limit: int, **query: "Unpack[Query]") -> list[Item]:
        """Returns the first items of a query.

        An answer of DynamoDB holds at most 1 MB, and so fewer items than asked for if they are
        large (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html).

        Args:
            limit: The largest number of items.
            query: The query.
        """
        items: list[Item] = []
        start: dict[str, Any] = {}
        while True:
            answer = self.query_once(limit - len(items), **start, **query)
            items += answer["Items"]
            if len(items) >= limit or "LastEvaluatedKey" not in answer:
                return items
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def query_once(self, limit: int, **query: Any) -> "QueryOutputTypeDef":
        """Returns DynamoDB's answer to one request of a query, with at most so many items."""
        return self.client.query(TableName=self.name, **query, Limit=limit)

    def query_all(self, **query: "Unpack[Query]") -> Iterator[Item]:
        """Yields all items of a query, page by page."""
        return chain.from_iterable(self.query_pages(**query))

    def query_pages(self, **query: "Unpack[Query]") -> Iterator[list[Item]]:
        """Yields the pages of a query."""
        for page in self.client.get_paginator("query").paginate(TableName=self.name, **query):
            yield page["Items"]

    def scan_all(self, **options: "Unpack[Read]") -> Iterator[Item]:
        """Yields all items of the table, page by page."""
        pages = self.client.get_paginator("scan").paginate(TableName=self.name, **options)
        for page in pages:
            yield from page["Items"]

    def index_page(
        self,
        index: str,
        partition: tuple[str, str],
        after: tuple[str, str],
        limit: int,
        *,
        descending: bool = False,
    ) -> list[Item]:
        """Returns items of a partition of an index, in the order of the index.

        Args:
            index: The index's name.
            partition: The name of the partition key, and its value.
            after: The name of the sort key, and the value that the page follows.
            limit: The largest number of items.
            descending: Whether the largest value comes first.
        """
        (name, value), (sort, behind) = partition, after
        side = "<" if descending else ">"
        return self.query(
            limit,
            IndexName=index,
            KeyConditionExpression=f"{name} = :value AND {sort} {side} :after",
            ExpressionAttributeValues={":value": text(value), ":after": text(behind)},
            ScanIndexForward=not descending,
        )

    def query_names(
        self, partition: str, *, source: str | None, after: str | None, limit: int
    ) -> list[Item]:
        """Returns items of a partition whose sort key `id` is a name of the form `source#name`.

        Args:
            partition: The partition.
            source: The service whose names are listed; None for all services.
            after: The name that the page follows; None for the first page.
            limit: The largest number of items.
        """
        prefix = f"{source}#" if source else ""
        return self.query(
            limit,
            KeyConditionExpression="#partition = :partition AND id BETWEEN :after AND :end",
            ExpressionAttributeNames={"#partition": "partition"},
            ExpressionAttributeValues={
                ":partition": text(partition),
                # A tab sorts after the name itself and before any longer name. A tilde sorts after
                # every character that is allowed in a name.
                ":after": text(f"{after or prefix}\t"),
                ":end": text(f"{prefix}~"),
            },
            ConsistentRead=True,
        )

    def put(self, item: Item, **condition: "Unpack[Answered]") -> None:
        """Writes an item, and replaces any other item that has the same key.

        Raises:
            ConditionFailed: The condition did not hold.
        """
        with conditional():
            self.client.put_item(TableName=self.name, Item=item, **condition)

    def put_unless_refused(self, item: Item, **condition: "Unpack[Condition]") -> bool:
        """Puts an item under a condition.

        A repeated request finds its own item, and counts as written.

        Returns:
            Whether the item was written; False if the condition did not hold.
        """
        # Functions that only read items, such as the authorizer, start without it.
        from event_bus.ids import new_id  # noqa: PLC0415

        writer = text(new_id("req"))
        marked = {**item, "written_by": writer}
        try:
            self.put(marked, **condition, ReturnValuesOnConditionCheckFailure="ALL_OLD")
        except ConditionFailed as refusal:
            return refusal.standing.get("written_by") == writer
        return True

    def update(self, key: Item, **update: "Unpack[AnsweredUpdate]") -> Item:
        """Updates the item with a key.

        Returns:
            The attributes that `ReturnValues` asks for.

        Raises:
            ConditionFailed: The condition did not hold.
        """
        with conditional():
            answer = self.client.update_item(TableName=self.name, Key=key, **update)
        return answer.get("Attributes", {})

    def delete(self, key: Item, **condition: "Unpack[Answered]") -> None:
        """Deletes the item with a key, if it exists.

        Raises:
            ConditionFailed: The condition did not hold.
        """
        with conditional():
            self.client.delete_item(TableName=self.name, Key=key, **condition)

    def if_unchanged(
        self, key: Item, before: object, read: Callable[[Item], object]
    ) -> "Condition":
        """Returns the condition that an item has not changed since a record was read from it.

        The condition names the document as it is stored: a later version of the bus may have stored
        members that the record does not have, and an earlier version may have stored fewer.

        Args:
            key: The key of the item.
            before: The record.
            read: Reads the record from an item.

        Returns:
            The condition. The write is refused if the item is gone or now holds another record.
        """
        item = self.get(key, ConsistentRead=True)
        # No document is an empty text.
        stored = item["document"] if item and read(item) == before else text("")
        return {
            "ConditionExpression": "document = :before",
            "ExpressionAttributeValues": {":before": stored},
        }

    def put_part(
        self, item: Item, refusal: "Refused | None" = None, **condition: "Unpack[Condition]"
    ) -> "Part":
        """Returns the part of a transaction that puts an item."""
        return self._part("Put", {"Item": item, **condition}, refusal)

    def update_part(
        self, key: Item, refusal: "Refused | None" = None, **update: "Unpack[Update]"
    ) -> "Part":
        """Returns the part of a transaction that updates the item with a key."""
        return self._part("Update", {"Key": key, **update}, refusal)

    def delete_part(
        self, key: Item, refusal: "Refused | None" = None, **condition: "Unpack[Condition]"
    ) -> "Part":
        """Returns the part of a transaction that deletes the item with a key."""
        return self._part("Delete", {"Key": key, **condition}, refusal)

    def check_part(self, key: Item, refusal: "Refused", **condition: "Unpack[Condition]") -> "Part":
        """Returns the part of a transaction that demands a condition of the item with a key."""
        return self._part("ConditionCheck", {"Key": key, **condition}, refusal)

    def _part(self, kind: str, members: Item, refusal: "Refused | None") -> "Part":
        # Functions without transactions, such as the writer of the audit log, start without it.
        from event_bus.stores.transactions import Part  # noqa: PLC0415

        return Part(self.client, {kind: {"TableName": self.name, **members}}, refusal)


def tables_get(
    *wanted: tuple[Table, Sequence[Item]], **options: "Unpack[Read]"
) -> list[list[Item]]:
    """Reads up to 100 items of several tables in one request.

    Args:
        wanted: The tables, each once, and the keys of each, each once.
        options: How they are read.

    Returns:
        The items of each table that exist, in no order.

    Raises:
        TimeoutError: DynamoDB left keys unread in eight requests.
    """
    items: dict[str, list[Item]] = {table.name: [] for table, _ in wanted}
    left: Any = {table.name: {"Keys": list(keys), **options} for table, keys in wanted}
    client = wanted[0][0].client
    for _ in attempts(_BATCH_REQUESTS, pause=BATCH_PAUSE_SECONDS):
        answer = client.batch_get_item(RequestItems=left)
        for name, found in answer["Responses"].items():
            items[name].extend(found)
        left = answer["UnprocessedKeys"]
        if not left:
            return list(items.values())
    raise TimeoutError(f"{', '.join(items)} did not read all keys")
