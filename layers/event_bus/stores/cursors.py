"""The table of cursors: how far a long way has been gone, and who goes it at present."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from event_bus import times
from event_bus.stores.items import number, text, unless_refused

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a way has been gone.

    Attributes:
        owner: Whose way it is.
        name: Which of the owner's ways.
        position: How far it has been gone; empty at its beginning.
        holder: What tells whoever goes it from all others.
    """

    owner: str
    name: str
    position: str
    holder: str


@dataclass(frozen=True, slots=True)
class CursorStore:
    """Lends cursors, each to one at a time.

    Attributes:
        client: The DynamoDB client.
        table: The table's name.
        retention_days: How long one is kept that nobody uses any more.
    """

    client: "DynamoDBClient"
    table: str
    retention_days: int = 0

    def hold(self, owner: str, name: str, holder: str, seconds: float) -> Cursor | None:
        """Takes a cursor for some seconds.

        Returns:
            The cursor, or None while another one holds it.
        """
        now = int(times.unix())
        with unless_refused():
            answer = self.client.update_item(
                TableName=self.table,
                Key={"owner": text(owner), "name": text(name)},
                UpdateExpression="SET holder = :holder, held_until = :until, expires_at = :expiry",
                ConditionExpression="attribute_not_exists(held_until) OR held_until <= :now "
                "OR holder = :holder",
                ExpressionAttributeValues={
                    ":holder": text(holder),
                    ":until": number(int(now + seconds)),
                    ":now": number(now),
                    ":expiry": number(times.expiry(self.retention_days)),
                },
                ReturnValues="ALL_NEW",
            )
            item: Mapping[str, Any] = answer["Attributes"]
            return Cursor(owner, name, item.get("position", {"S": ""})["S"], holder)
        return None

    def release(self, cursor: Cursor, position: str) -> bool:
        """Gives a cursor back.

        Returns:
            Whether it was still held; where it was not, its position stays.
        """
        with unless_refused():
            self.client.update_item(
                TableName=self.table,
                Key={"owner": text(cursor.owner), "name": text(cursor.name)},
                UpdateExpression="SET #position = :position REMOVE held_until",
                ConditionExpression="holder = :holder",
                ExpressionAttributeNames={"#position": "position"},
                ExpressionAttributeValues={
                    ":position": text(position),
                    ":holder": text(cursor.holder),
                },
            )
            return True
        return False
