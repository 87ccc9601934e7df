"""The table of counted requests."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from event_bus.stores.items import number, text

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class LimitStore:
    """Counts requests.

    Attributes:
        client: The DynamoDB client.
        table: The table's name.
    """

    client: "DynamoDBClient"
    table: str

    def add(self, name: str, requests: int, expires_at: int) -> int:
        """Adds to a counter, and returns its new value.

        Args:
            name: The counter.
            requests: The number to add.
            expires_at: When it expires, in Unix seconds.
        """
        answer = self.client.update_item(
            TableName=self.table,
            Key={"id": text(name)},
            UpdateExpression="ADD requests :number SET expires_at = :expiry",
            ExpressionAttributeValues={
                ":number": number(requests),
                ":expiry": number(expires_at),
            },
            ReturnValues="UPDATED_NEW",
        )
        return int(answer["Attributes"]["requests"]["N"])
