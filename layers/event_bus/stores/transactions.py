"""Transactions: several conditional writes that take effect together or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from event_bus.stores.items import ConditionFailed, Item, conditional
from event_bus.stores.refusals import Contended, Refused

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


_NOT_NOW = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
"""Codes of reasons that pass in a moment
(https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html)."""


@dataclass(frozen=True, slots=True)
class Part:
    """One write of a transaction, or one check. A `Table` makes it.

    Attributes:
        client: The DynamoDB client of its table.
        item: The element of `TransactItems`.
        refusal: What is raised if the condition of the element does not hold.
    """

    client: "DynamoDBClient"
    item: Item
    refusal: Refused | None = None


def transact(parts: Sequence[Part]) -> None:
    """Carries out all parts or none.

    The client sends a token, by which DynamoDB recognises a repeated request for ten minutes. So a
    transaction whose first answer was lost is not refused by its own result.

    Args:
        parts: The parts, of one table or of several; the client of the first one sends them. If
            several conditions do not hold, the first of them counts.

    Raises:
        Refused: A condition did not hold. The part determines the subclass.
        Contended: Another transaction on the same items was in the way, or DynamoDB throttled one
            of the writes. The SDK does not repeat such requests.
    """
    items: Any = [part.item for part in parts]
    try:
        parts[0].client.transact_write_items(TransactItems=items)
    except ClientError as error:
        if error.response["Error"]["Code"] != "TransactionCanceledException":
            raise
        reasons = error.response.get("CancellationReasons", [])
        codes = [reason.get("Code") for reason in reasons]
        for part, code in zip(parts, codes, strict=False):
            if code == "ConditionalCheckFailed" and part.refusal:
                raise part.refusal from None
        if _NOT_NOW.isdisjoint(codes):
            raise
        raise Contended("another transaction was in the way, or a write was throttled") from None


def put_alone(part: Part) -> None:
    """Carries out a part that puts an item, without a transaction, at half the cost.

    Raises:
        Refused: The condition did not hold. The part determines the subclass.
    """
    try:
        with conditional():
            part.client.put_item(**part.item["Put"])
    except ConditionFailed:
        if part.refusal:
            raise part.refusal from None
