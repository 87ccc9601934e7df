"""Transactions over several tables, and which part of one was refused."""

import random
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from event_bus.stores.items import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


_ATTEMPTS = 8


class TransactionRefused(Exception):
    """A transaction was not carried out.

    Attributes:
        conditions: The places of the parts whose condition did not hold; empty where the
            transaction met another one, and may be tried again as it is.
    """

    def __init__(self, conditions: frozenset[int]) -> None:
        super().__init__(f"conditions refused: {sorted(conditions)}")
        self.conditions = conditions


def transact(client: "DynamoDBClient", parts: list[Item]) -> None:
    """Carries out all parts or none.

    The client sends a token along, by which a repeated request is known for ten minutes: a lost
    answer does not make the transaction meet itself.

    Raises:
        TransactionRefused: A condition did not hold, or another transaction was in the way.
    """
    items: Any = parts
    try:
        client.transact_write_items(TransactItems=items)
    except ClientError as error:
        if error.response["Error"]["Code"] != "TransactionCanceledException":
            raise
        reasons = error.response.get("CancellationReasons", [])
        codes = [reason.get("Code") for reason in reasons]
        refused = frozenset(
            place for place, code in enumerate(codes) if code == "ConditionalCheckFailed"
        )
        if not refused and "TransactionConflict" not in codes:
            raise
        raise TransactionRefused(refused) from None


def transact_alone(client: "DynamoDBClient", parts: list[Item]) -> None:
    """Carries out all parts or none, again where another transaction was in the way.

    Raises:
        TransactionRefused: A condition did not hold.
        TimeoutError: Others were in the way again and again.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return transact(client, parts)
        except TransactionRefused as refusal:
            if refusal.conditions:
                raise
            time.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311
    raise TimeoutError("too many transactions at once")
