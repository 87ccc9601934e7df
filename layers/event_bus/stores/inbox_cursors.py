"""The cursors of inboxes, in the table of cursors: what was acknowledged, and the last lease."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from event_bus import times
from event_bus.stores.items import Item, number, standing_item, text, unless_refused

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_NAME = "inbox"


@dataclass(frozen=True, slots=True)
class InboxCursor:
    """How far an inbox was acknowledged, and its last lease.

    A lease covers the places behind `begun`, up to `taken`.

    Attributes:
        acknowledged: The place up to which consumers are done; 0 at the beginning.
        lease: The last lease that was given; empty where none was.
        begun: The place behind which that lease begins.
        taken: The last place that it covers.
        lease_until: When it ends unless it is acknowledged before, in Unix seconds.
    """

    acknowledged: int = 0
    lease: str = ""
    begun: int = 0
    taken: int = 0
    lease_until: int = 0

    @property
    def leased(self) -> bool:
        """Whether the lease has not ended, and a part of it is not acknowledged."""
        return self.lease_until > times.unix() and self.acknowledged < self.taken


@dataclass(frozen=True, slots=True)
class InboxCursorStore:
    """Keeps the cursors of inboxes.

    Attributes:
        client: The DynamoDB client.
        table: The table's name.
        retention_days: How long a cursor is kept that nobody uses.
    """

    client: "DynamoDBClient"
    table: str
    retention_days: int = 0

    def get(self, subscription_id: str) -> InboxCursor:
        """The cursor of an inbox as it stands."""
        answer = self.client.get_item(
            TableName=self.table, Key=_key(subscription_id), ConsistentRead=True
        )
        return _cursor(answer.get("Item", {}))

    def lend(
        self, subscription_id: str, lease: str, begun: int, taken: int, seconds: int
    ) -> InboxCursor | None:
        """Gives a lease, if nobody has one and nothing was acknowledged meanwhile.

        Args:
            subscription_id: Whose inbox.
            lease: The lease.
            begun: The place up to which the inbox was acknowledged.
            taken: The last place that the lease covers.
            seconds: How long it lasts.

        Returns:
            The cursor with the lease, or None where it was not given.
        """
        now = times.unix()
        with unless_refused():
            answer = self.client.update_item(
                TableName=self.table,
                Key=_key(subscription_id),
                UpdateExpression="SET holder = :lease, held_until = :until, begun = :begun, "
                "taken = :taken, acknowledged = :begun, expires_at = :expiry",
                # A write whose answer was lost, and which is repeated, meets itself.
                ConditionExpression="(attribute_not_exists(acknowledged) OR acknowledged = :begun) "
                "AND (attribute_not_exists(taken) OR acknowledged >= taken "
                "OR held_until <= :now OR holder = :lease)",
                ExpressionAttributeValues={
                    ":lease": text(lease),
                    # Never sooner than was promised.
                    ":until": number(math.ceil(now + seconds)),
                    ":begun": number(begun),
                    ":taken": number(taken),
                    ":now": number(int(now)),
                    ":expiry": number(times.expiry(self.retention_days)),
                },
                ReturnValues="ALL_NEW",
            )
            return _cursor(answer["Attributes"])
        return None

    def acknowledge(self, subscription_id: str, lease: str, place: int) -> InboxCursor:
        """Acknowledges up to a place that a lease covers, while it lasts, and only forwards.

        Returns:
            The cursor as it stands then, whether it was moved or not.
        """
        try:
            answer = self.client.update_item(
                TableName=self.table,
                Key=_key(subscription_id),
                UpdateExpression="SET acknowledged = :place, expires_at = :expiry",
                ConditionExpression="holder = :lease AND held_until > :now "
                "AND begun < :place AND taken >= :place AND acknowledged < :place",
                ExpressionAttributeValues={
                    ":lease": text(lease),
                    ":now": number(int(times.unix())),
                    ":place": number(place),
                    ":expiry": number(times.expiry(self.retention_days)),
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return _cursor(standing_item(error))
        return _cursor(answer["Attributes"])

    def advance(self, subscription_id: str, place: int) -> None:
        """Moves a cursor forwards to a place, whoever has a lease; never backwards."""
        with unless_refused():
            self.client.update_item(
                TableName=self.table,
                Key=_key(subscription_id),
                UpdateExpression="SET acknowledged = :place, expires_at = :expiry",
                ConditionExpression="attribute_not_exists(acknowledged) OR acknowledged < :place",
                ExpressionAttributeValues={
                    ":place": number(place),
                    ":expiry": number(times.expiry(self.retention_days)),
                },
            )


def _key(subscription_id: str) -> Item:
    return {"owner": text(subscription_id), "name": text(_NAME)}


def _cursor(item: Mapping[str, Any]) -> InboxCursor:
    def whole(name: str) -> int:
        return int(item[name]["N"]) if name in item else 0

    return InboxCursor(
        acknowledged=whole("acknowledged"),
        lease=item["holder"]["S"] if "holder" in item else "",
        begun=whole("begun"),
        taken=whole("taken"),
        lease_until=whole("held_until"),
    )
