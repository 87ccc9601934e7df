"""Items as DynamoDB reads and writes them, and the requests that several stores make."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import orjson
from botocore.exceptions import ClientError

from event_bus import times
from event_bus.batches import chunks
from event_bus.conflicts import attempts

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

Item = dict[str, Any]
"""An item, or another part of a request: `{"name": {"S": "value"}}`."""

_BATCH_GET_LIMIT = 100
_BATCH_REQUESTS = 8

BATCH_PAUSE_SECONDS = 0.05
"""The longest first wait, in seconds, before DynamoDB is asked again; it doubles."""


def text(value: str) -> "AttributeValueTypeDef":
    """Returns a string attribute."""
    return {"S": value}


def number(value: int) -> "AttributeValueTypeDef":
    """Returns a number attribute, of a whole number."""
    return {"N": str(value)}


def document(value: Any) -> "AttributeValueTypeDef":
    """Returns a JSON document, or a dataclass as one, as a string attribute.

    A string keeps numbers exact and costs less than a map.
    """
    return {"S": orjson.dumps(value).decode()}


@contextmanager
def unless_refused() -> Iterator[None]:
    """Ends the block early if a write in it is refused by its own condition."""
    try:
        yield
    except ClientError as error:
        if not _condition_failed(error):
            raise


def standing_item(error: ClientError) -> Item:
    """Returns the item that refused a conditional write; empty if there is none.

    The write must ask for the item by `ReturnValuesOnConditionCheckFailure="ALL_OLD"`.

    Raises:
        ClientError: The write failed for another reason.
    """
    if not _condition_failed(error):
        raise error
    item: Item = error.response.get("Item", {})  # type: ignore[assignment]
    return item


def put_unless_refused(client: "DynamoDBClient", **request: Any) -> bool:
    """Puts an item under a condition. A repeated request finds its own item, and counts as written.

    Args:
        client: The DynamoDB client.
        request: The members of the request.

    Returns:
        Whether the item was written; False if the condition did not hold.
    """
    # Functions that only read items, such as the authorizer, start without it.
    from event_bus.ids import new_id  # noqa: PLC0415

    writer = text(new_id("req"))
    request["Item"] = {**request["Item"], "written_by": writer}
    try:
        client.put_item(**request, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    except ClientError as error:
        return standing_item(error).get("written_by") == writer
    return True


def if_unchanged(
    client: "DynamoDBClient",
    table: str,
    key: Item,
    before: object,
    read: Callable[[Item], object],
) -> Item:
    """Returns the condition that an item has not changed since a record was read from it.

    The condition names the document as it is stored: a later version of the bus may have stored
    members that the record does not have, and an earlier version may have stored fewer.

    Args:
        client: The DynamoDB client.
        table: The table's name.
        key: The key of the item.
        before: The record.
        read: Reads the record from an item.

    Returns:
        The members of the request. The write is refused if the item is gone or now holds another
        record.
    """
    item = client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
    # No document is an empty text.
    stored = item["document"] if item and read(item) == before else text("")
    return {
        "ConditionExpression": "document = :before",
        "ExpressionAttributeValues": {":before": stored},
    }


def unexpired(item: Mapping[str, Any]) -> bool:
    """Returns whether an item has not expired. DynamoDB may delete it days after its expiry.

    An item without an expiry is kept for ever.
    """
    return "expires_at" not in item or int(item["expires_at"]["N"]) > times.unix()


def query_all(client: "DynamoDBClient", **request: Any) -> Iterator[Item]:
    """Yields all items of a query, page by page.

    Args:
        client: The DynamoDB client.
        request: The members of the request.
    """
    for page in client.get_paginator("query").paginate(**request):
        yield from page["Items"]


def scan_all(client: "DynamoDBClient", **request: Any) -> Iterator[Item]:
    """Yields all items of a table, page by page.

    Args:
        client: The DynamoDB client.
        request: The members of the request.
    """
    for page in client.get_paginator("scan").paginate(**request):
        yield from page["Items"]


def of_service_or_all(service_id: str | None, kind: str) -> tuple[str, tuple[str, str]]:
    """Returns the index that lists the items of a service, or all of a kind, and the partition."""
    if service_id:
        return "by_service", ("service_id", service_id)
    return "by_kind", ("kind", kind)


def index_page(
    client: "DynamoDBClient",
    table: str,
    index: str,
    partition: tuple[str, str],
    after: tuple[str, str],
    limit: int,
    *,
    descending: bool = False,
) -> list[Item]:
    """Returns items of a partition of an index, in the order of the index.

    Args:
        client: The DynamoDB client.
        table: The table's name.
        index: The index's name.
        partition: The name of the partition key, and its value.
        after: The name of the sort key, and the value that the page follows.
        limit: The largest number of items.
        descending: Whether the largest value comes first.
    """
    (name, value), (sort, behind) = partition, after
    return query_items(
        client,
        limit,
        TableName=table,
        IndexName=index,
        KeyConditionExpression=f"{name} = :value AND {sort} {'<' if descending else '>'} :after",
        ExpressionAttributeValues={":value": text(value), ":after": text(behind)},
        ScanIndexForward=not descending,
    )


def query_items(client: "DynamoDBClient", limit: int, **asked: Any) -> list[Item]:
    """Returns the first items of a query.

    An answer of DynamoDB holds at most 1 MB, and so fewer items than asked for if they are large
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html).

    Args:
        client: The DynamoDB client.
        limit: The largest number of items.
        asked: The other members of the request.
    """
    items: list[Item] = []
    while True:
        answer = client.query(**asked, Limit=limit - len(items))
        items += answer["Items"]
        if len(items) >= limit or "LastEvaluatedKey" not in answer:
            return items
        asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def query_names(
    client: "DynamoDBClient",
    table: str,
    partition: str,
    *,
    source: str | None,
    after: str | None,
    limit: int,
) -> list[Item]:
    """Returns items of a partition whose sort key `id` is a name of the form `source#name`.

    Args:
        client: The DynamoDB client.
        table: The table's name.
        partition: The partition.
        source: The service whose names are listed; None for all services.
        after: The name that the page follows; None for the first page.
        limit: The largest number of items.
    """
    prefix = f"{source}#" if source else ""
    return query_items(
        client,
        limit,
        TableName=table,
        KeyConditionExpression="#partition = :partition AND id BETWEEN :after AND :end",
        ExpressionAttributeNames={"#partition": "partition"},
        ExpressionAttributeValues={
            ":partition": text(partition),
            # A tab sorts after the name itself and before any longer name. A tilde sorts after
            # every character that a name may hold.
            ":after": text(f"{after or prefix}\t"),
            ":end": text(f"{prefix}~"),
        },
        ConsistentRead=True,
    )


def batch_get(client: "DynamoDBClient", table: str, keys: list[Item], **options: Any) -> list[Item]:
    """Reads any number of items by their keys.

    Args:
        client: The DynamoDB client.
        table: The table's name.
        keys: The keys, each once.
        options: Further members of the request, such as `ConsistentRead`.

    Returns:
        The items that exist, in no order.

    Raises:
        TimeoutError: DynamoDB left keys unread in eight requests.
    """
    items: list[Item] = []
    for chunk in chunks(keys, _BATCH_GET_LIMIT):
        items.extend(tables_get(client, {table: chunk}, **options)[table])
    return items


def tables_get(
    client: "DynamoDBClient", keys: Mapping[str, Sequence[Item]], **options: Any
) -> dict[str, list[Item]]:
    """Reads up to 100 items of several tables in one request.

    Args:
        client: The DynamoDB client.
        keys: The keys of each table, by its name, each key once.
        options: Further members of the request for each table, such as `ConsistentRead`.

    Returns:
        The items of each table that exist, in no order.

    Raises:
        TimeoutError: DynamoDB left keys unread in eight requests.
    """
    items: dict[str, list[Item]] = {table: [] for table in keys}
    wanted: Any = {table: {"Keys": list(each), **options} for table, each in keys.items()}
    for _ in attempts(_BATCH_REQUESTS, pause=BATCH_PAUSE_SECONDS):
        answer = client.batch_get_item(RequestItems=wanted)
        for table, found in answer["Responses"].items():
            items[table].extend(found)
        wanted = answer["UnprocessedKeys"]
        if not wanted:
            return items
    raise TimeoutError(f"{', '.join(keys)} did not read all keys")


def _condition_failed(error: ClientError) -> bool:
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"
