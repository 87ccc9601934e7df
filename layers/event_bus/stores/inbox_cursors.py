"""The cursors of inboxes, in the table of cursors: the acknowledged place and the last lease."""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from event_bus import times
from event_bus.stores.items import ConditionFailed, Item, number, text
from event_bus.stores.table import Table

_NAME = "inbox"


@dataclass(frozen=True, slots=True)
class InboxCursor:
    """The acknowledged place of an inbox, and its last lease.

    Attributes:
        acknowledged: The place up to which events are acknowledged; 0 at the beginning.
        lease: The id of the last lease; empty if there was none.
        begun: The place after which the lease begins.
        taken: The last place that the lease covers.
        lease_until: When the lease ends, in Unix seconds.
    """

    acknowledged: int = 0
    lease: str = ""
    begun: int = 0
    taken: int = 0
    lease_until: int = 0

    @property
    def leased(self) -> bool:
        """Whether the lease holds, and covers an event that is not acknowledged."""
        return self.lease_until > times.unix() and self.acknowledged < self.taken


@dataclass(frozen=True, slots=True)
class InboxCursorStore:
    """Reads and moves the cursors of inboxes.

    Attributes:
        table: The table.
        retention_days: How many days a cursor is kept after its last use.
    """

    table: Table
    retention_days: int = 0

    def get(self, subscription_id: str) -> InboxCursor:
        """Returns the cursor of an inbox."""
        item = self.table.get(_key(subscription_id), ConsistentRead=True)
        return _cursor(item or {})

    def lend(
        self, subscription_id: str, lease: str, begun: int, taken: int, seconds: int
    ) -> InboxCursor | None:
        """Gives a lease, if no other one holds and nothing was acknowledged meanwhile.

        Args:
            subscription_id: The subscription that owns the inbox.
            lease: The id of the lease.
            begun: The place up to which the inbox was acknowledged.
            taken: The last place that the lease covers.
            seconds: How long the lease holds.

        Returns:
            The cursor with the lease, or None if the lease was not given.
        """
        now = times.unix()
        with suppress(ConditionFailed):
            item = self.table.update(
                _key(subscription_id),
                UpdateExpression="SET holder = :lease, held_until = :until, begun = :begun, "
                "taken = :taken, acknowledged = :begun, expires_at = :expiry",
                # A repeated write whose first answer was lost finds its own lease.
                ConditionExpression="(attribute_not_exists(acknowledged) OR acknowledged = :begun) "
                "AND (attribute_not_exists(taken) OR acknowledged >= taken "
                "OR held_until <= :now OR holder = :lease)",
                ExpressionAttributeValues={
                    ":lease": text(lease),
                    # Rounded up: no lease ends before the promised time.
                    ":until": number(math.ceil(now + seconds)),
                    ":begun": number(begun),
                    ":taken": number(taken),
                    ":now": number(int(now)),
                    ":expiry": number(times.expiry(self.retention_days)),
                },
                ReturnValues="ALL_NEW",
            )
            return _cursor(item)
        return None

    def acknowledge(
        self, subscription_id: str, lease: str, place: int, extend: int | None = None
    ) -> InboxCursor:
        """Acknowledges up to a place that a lease covers, while it holds; never backwards.

        Args:
            subscription_id: The subscription that owns the inbox.
            lease: The id of the lease.
            place: The place of the last event to acknowledge.
            extend: How long the lease holds, from now on, in seconds; None to leave its end.

        Returns:
            The cursor after the request, whether it was moved or not.
        """
        now = times.unix()
        values = {
            ":lease": text(lease),
            ":now": number(int(now)),
            ":place": number(place),
            ":expiry": number(times.expiry(self.retention_days)),
        }
        change = "SET acknowledged = :place, expires_at = :expiry"
        if extend is not None:
            change += ", held_until = :until"
            values[":until"] = number(math.ceil(now + extend))
        try:
            item = self.table.update(
                _key(subscription_id),
                UpdateExpression=change,
                ConditionExpression="holder = :lease AND held_until > :now "
                "AND begun < :place AND taken >= :place AND acknowledged <= :place",
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ConditionFailed as refusal:
            return _cursor(refusal.standing)
        return _cursor(item)

    def extend(self, subscription_id: str, lease: str, seconds: int) -> bool:
        """Lets a lease last longer, while it holds and covers what is not acknowledged.

        Args:
            subscription_id: The subscription that owns the inbox.
            lease: The id of the lease.
            seconds: How long it holds, from now on.

        Returns:
            Whether it was extended.
        """
        now = times.unix()
        with suppress(ConditionFailed):
            self.table.update(
                _key(subscription_id),
                UpdateExpression="SET held_until = :until",
                ConditionExpression="holder = :lease AND held_until > :now "
                "AND acknowledged < taken",
                ExpressionAttributeValues={
                    ":lease": text(lease),
                    ":until": number(math.ceil(now + seconds)),
                    ":now": number(int(now)),
                },
            )
            return True
        return False

    def advance(self, subscription_id: str, place: int) -> None:
        """Moves a cursor forwards to a place, whatever lease there is; never backwards."""
        with suppress(ConditionFailed):
            self.table.update(
                _key(subscription_id),
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
