"""DynamoDB's form of the few value types that the tables use."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from botocore.exceptions import ClientError

from event_bus import times

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

Item = dict[str, Any]
"""An item as the client reads and writes it: `{"name": {"S": "value"}}`."""

_Element = TypeVar("_Element")

_BATCH_GET_LIMIT = 100


def text(value: str) -> "AttributeValueTypeDef":
    """A string."""
    return {"S": value}


def number(value: int) -> "AttributeValueTypeDef":
    """A whole number."""
    return {"N": str(value)}


def document(value: Any) -> "AttributeValueTypeDef":
    """A JSON document, kept as its text: numbers stay what they are, and it costs least."""
    return {"S": orjson.dumps(value).decode()}


def chunks(elements: list[_Element], size: int) -> Iterator[list[_Element]]:
    """The elements in lists of at most a size."""
    for start in range(0, len(elements), size):
        yield elements[start : start + size]


def condition_failed(error: ClientError) -> bool:
    """Whether a write was refused by its own condition."""
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"


@contextmanager
def unless_refused() -> Iterator[None]:
    """Has the block end early where a write in it was refused by its own condition."""
    try:
        yield
    except ClientError as error:
        if not condition_failed(error):
            raise


def unexpired(item: Mapping[str, Any]) -> bool:
    """Whether an item's time is not over; DynamoDB may delete it days after its expiry."""
    return int(item["expires_at"]["N"]) > times.unix()


def query_items(client: "DynamoDBClient", limit: int, **asked: Any) -> list[Item]:
    """The first items of a query: as many as there are, up to a limit.

    One answer of DynamoDB holds 1 MB at most, and fewer items than asked for where they are large
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html).

    Args:
        client: The client.
        limit: How many at most.
        asked: The other members of the request.
    """
    items: list[Item] = []
    while True:
        answer = client.query(**asked, Limit=limit - len(items))
        items += answer["Items"]
        if len(items) >= limit or "LastEvaluatedKey" not in answer:
            return items
        asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def batch_get(client: "DynamoDBClient", table: str, keys: list[Item], **options: Any) -> list[Item]:
    """Reads items by their keys, in any number.

    Args:
        client: The client.
        table: The table's name.
        keys: The keys, each once.
        options: Further members of the request, such as `ConsistentRead`.

    Returns:
        The items that exist, in no order.

    Raises:
        TimeoutError: The table left keys unread, again and again.
    """
    items: list[Item] = []
    for chunk in chunks(keys, _BATCH_GET_LIMIT):
        wanted: Any = {table: {"Keys": chunk, **options}}
        for _ in range(8):
            answer = client.batch_get_item(RequestItems=wanted)
            items.extend(answer["Responses"].get(table, []))
            wanted = answer["UnprocessedKeys"]
            if not wanted:
                break
        else:
            raise TimeoutError(f"{table} did not read all keys")
    return items
