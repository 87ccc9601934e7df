"""Items as DynamoDB reads and writes them, and the refusal of a conditional write."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import orjson
from botocore.exceptions import ClientError

from event_bus import times

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

Item = dict[str, Any]
"""An item, or another part of a request: `{"name": {"S": "value"}}`."""


class ConditionFailed(Exception):
    """The condition of a write did not hold.

    Attributes:
        standing: The stored item; empty if there is none, or if the write did not ask for it by
            `ReturnValuesOnConditionCheckFailure="ALL_OLD"`.
    """

    def __init__(self, standing: Item) -> None:
        super().__init__("the condition of a write did not hold")
        self.standing = standing


@contextmanager
def conditional() -> Iterator[None]:
    """Raises `ConditionFailed` if a write of the block is refused by its own condition."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        standing: Item = error.response.get("Item", {})  # type: ignore[assignment]
        raise ConditionFailed(standing) from error


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


def unexpired(item: Mapping[str, Any]) -> bool:
    """Returns whether an item has not expired. DynamoDB may delete it days after its expiry.

    An item without an expiry is kept for ever.
    """
    return "expires_at" not in item or int(item["expires_at"]["N"]) > times.unix()


def of_service_or_all(service_id: str | None, kind: str) -> tuple[str, tuple[str, str]]:
    """Returns the index that lists the items of a service, or all of a kind, and the partition."""
    if service_id:
        return "by_service", ("service_id", service_id)
    return "by_kind", ("kind", kind)
