"""The table of changes: a numbered log of what routing must know.

The numbers have no gaps. A router that has seen the changes up to one number asks for what came
after it, once for each batch of events: so it never routes by a registry older than the events in
its hands.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from event_bus.stores.items import Item, document, number, text
from event_bus.stores.transactions import TransactionRefused, transact

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_LOG = "subscriptions"
_ATTEMPTS = 12


class Refused(Exception):
    """A condition among the parts of a change did not hold.

    Attributes:
        parts: The places of those parts.
    """

    def __init__(self, parts: frozenset[int]) -> None:
        super().__init__(f"parts refused: {sorted(parts)}")
        self.parts = parts


@dataclass(frozen=True, slots=True)
class ChangeLog:
    """Appends changes, and reads them in order.

    Attributes:
        client: The DynamoDB client.
        table: The table's name.
    """

    client: "DynamoDBClient"
    table: str

    def latest(self) -> int:
        """The number of the last change; 0 before the first."""
        answer = self.client.query(
            TableName=self.table,
            KeyConditionExpression="#log = :log",
            ExpressionAttributeNames={"#log": "log"},
            ExpressionAttributeValues={":log": text(_LOG)},
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=1,
        )
        return int(answer["Items"][0]["version"]["N"]) if answer["Items"] else 0

    def after(self, version: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """The changes after one, in order: the number of each, and its document."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="#log = :log AND version > :version",
            ExpressionAttributeNames={"#log": "log"},
            ExpressionAttributeValues={":log": text(_LOG), ":version": number(version)},
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                yield int(item["version"]["N"]), orjson.loads(item["document"]["S"])

    def append(
        self, describe: Callable[[int], dict[str, Any]], parts: Callable[[int], list[Item]]
    ) -> int:
        """Carries out a change under the next number, in one transaction with its entry.

        Args:
            describe: Makes the entry's document, given the number.
            parts: Makes the parts of the transaction that carry the change out.

        Returns:
            The number.

        Raises:
            Refused: A condition of a part did not hold.
            TimeoutError: Other changes took the number again and again.
        """
        for attempt in range(_ATTEMPTS):
            version = self.latest() + 1
            entry: Item = {
                "Put": {
                    "TableName": self.table,
                    "Item": {
                        "log": text(_LOG),
                        "version": number(version),
                        "document": document(describe(version)),
                    },
                    "ConditionExpression": "attribute_not_exists(#log)",
                    "ExpressionAttributeNames": {"#log": "log"},
                }
            }
            try:
                transact(self.client, [entry, *parts(version)])
            except TransactionRefused as refusal:
                if refused := frozenset(place - 1 for place in refusal.conditions if place > 0):
                    raise Refused(refused) from None
                # Another change took the number: take the next one.
                time.sleep(random.uniform(0, 0.01 * 2 ** min(attempt, 6)))  # noqa: S311
            else:
                return version
        raise TimeoutError("too many changes of registrations at once")
