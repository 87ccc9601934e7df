"""The table of counted requests."""

from dataclasses import dataclass

from event_bus.stores.items import number, text
from event_bus.stores.table import Table


@dataclass(frozen=True, slots=True)
class LimitStore:
    """Counts requests.

    Attributes:
        table: The table.
    """

    table: Table

    def add(self, name: str, requests: int, expires_at: int) -> int:
        """Adds to a counter, and returns its new value.

        Args:
            name: The counter.
            requests: The number to add.
            expires_at: When it expires, in Unix seconds.
        """
        counter = self.table.update(
            {"id": text(name)},
            UpdateExpression="ADD requests :number SET expires_at = :expiry",
            ExpressionAttributeValues={
                ":number": number(requests),
                ":expiry": number(expires_at),
            },
            ReturnValues="UPDATED_NEW",
        )
        return int(counter["requests"]["N"])
