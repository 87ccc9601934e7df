"""The table of cursors: progress and lease of each long-running scan."""

from contextlib import suppress
from dataclasses import dataclass

from event_bus import times
from event_bus.stores.items import ConditionFailed, Item, number, text
from event_bus.stores.table import Table


@dataclass(frozen=True, slots=True)
class Cursor:
    """The progress of a scan.

    Attributes:
        owner: The subscription, or the sweeper, that the scan is for.
        name: The name of the scan among those of its owner.
        position: The position up to which it has come; empty at its beginning.
        holder: The identifier of the function call that holds the lease.
    """

    owner: str
    name: str
    position: str
    holder: str


@dataclass(frozen=True, slots=True)
class CursorStore:
    """Leases each cursor to one function call at a time.

    Attributes:
        table: The table.
        retention_days: How many days a cursor is kept after its last lease.
    """

    table: Table
    retention_days: int = 0

    def position(self, owner: str, name: str, *, consistent: bool = False) -> str:
        """Returns the position of a cursor; empty if there is none yet.

        Args:
            owner: The subscription, or the sweeper, that the scan is for.
            name: The name of the scan among those of its owner.
            consistent: Whether to read consistently, at twice the cost.
        """
        item = self.table.get(_key(owner, name), ConsistentRead=consistent)
        return _position(item or {})

    def hold(
        self, owner: str, name: str, holder: str, seconds: float, *, days: int | None = None
    ) -> Cursor | None:
        """Takes the lease of a cursor for some seconds.

        Args:
            owner: The subscription, or the sweeper, that the scan is for.
            name: The name of the scan among those of its owner.
            holder: The identifier of the function call that takes the lease.
            seconds: How long the lease lasts.
            days: How many days the cursor is kept, if not as long as others.

        Returns:
            The cursor, or None while another call holds it.
        """
        now = int(times.unix())
        with suppress(ConditionFailed):
            item = self.table.update(
                _key(owner, name),
                UpdateExpression="SET holder = :holder, held_until = :until, expires_at = :expiry",
                ConditionExpression="attribute_not_exists(held_until) OR held_until <= :now "
                "OR holder = :holder",
                ExpressionAttributeValues={
                    ":holder": text(holder),
                    ":until": number(int(now + seconds)),
                    ":now": number(now),
                    ":expiry": number(times.expiry(days or self.retention_days)),
                },
                ReturnValues="ALL_NEW",
            )
            return Cursor(owner, name, _position(item), holder)
        return None

    def release(self, cursor: Cursor, position: str) -> bool:
        """Ends the lease of a cursor, and stores its position.

        Returns:
            Whether the lease still held. If not, the stored position stays.
        """
        with suppress(ConditionFailed):
            self.table.update(
                _key(cursor.owner, cursor.name),
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


def _key(owner: str, name: str) -> Item:
    return {"owner": text(owner), "name": text(name)}


def _position(item: Item) -> str:
    position: str = item.get("position", {"S": ""})["S"]
    return position
