"""Remembers deliveries in a table of Amazon DynamoDB, which the processes of a service share."""

import time
from collections.abc import Callable
from typing import Any

from event_bus_client.deduplication import CLAIM_SECONDS, KEEP_SECONDS, Seen
from event_bus_client.durations import checked


class DynamoDBStore:
    """Keeps the ids of deliveries in a table.

    The table has the partition key `id`, a string. Switch its time to live on, for the attribute
    `expires_at`.

    Example:
        ```python
        store = DynamoDBStore(boto3.client("dynamodb"), "seen-events", prefix="billing")
        ```
    """

    def __init__(
        self,
        client: Any,
        table: str,
        *,
        prefix: str = "",
        keep_seconds: int = KEEP_SECONDS,
        claim_seconds: int = CLAIM_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Uses a table.

        Args:
            client: A client of boto3 for `dynamodb`.
            table: The table's name.
            prefix: Keeps the ids of several subscriptions in one table apart.
            keep_seconds: How long a handled delivery is remembered.
            claim_seconds: After how long a claim ends by itself.
            clock: Returns the time as Unix seconds.
        """
        self._client = client
        self._table = table
        self._prefix = prefix
        self._keep_seconds = checked("keep_seconds", keep_seconds)
        self._claim_seconds = checked("claim_seconds", claim_seconds)
        self._clock = clock

    def begin(self, delivery_id: str) -> Seen:
        """Claims a delivery, unless it is claimed or handled."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item=self._item(delivery_id, Seen.BUSY, self._claim_seconds),
                ConditionExpression="attribute_not_exists(id) OR expires_at <= :now",
                ExpressionAttributeValues={":now": {"N": str(int(self._clock()))}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return Seen.DONE if self._read(delivery_id, "seen") == Seen.DONE.value else Seen.BUSY
        return Seen.NEW

    def finish(self, delivery_id: str, answer: str) -> None:
        """Notes that a claimed delivery was handled."""
        item = self._item(delivery_id, Seen.DONE, self._keep_seconds)
        self._client.put_item(TableName=self._table, Item={**item, "answer": {"S": answer}})

    def answer(self, delivery_id: str) -> str:
        """Returns the answer to a handled delivery."""
        return self._read(delivery_id, "answer")

    def abandon(self, delivery_id: str) -> None:
        """Gives a claimed delivery back."""
        self._client.delete_item(TableName=self._table, Key=self._key(delivery_id))

    def _read(self, delivery_id: str, member: str) -> str:
        found = self._client.get_item(
            TableName=self._table, Key=self._key(delivery_id), ConsistentRead=True
        )
        return str(found.get("Item", {}).get(member, {}).get("S", ""))

    def _key(self, delivery_id: str) -> dict[str, Any]:
        return {"id": {"S": f"{self._prefix}#{delivery_id}" if self._prefix else delivery_id}}

    def _item(self, delivery_id: str, state: Seen, seconds: int) -> dict[str, Any]:
        return {
            **self._key(delivery_id),
            "seen": {"S": state.value},
            "expires_at": {"N": str(int(self._clock()) + seconds)},
        }
