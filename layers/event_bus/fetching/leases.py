"""Taking what is next in an inbox, for one consumer at a time, and acknowledging it."""

from dataclasses import dataclass

from event_bus import times
from event_bus.errors import Conflict
from event_bus.fetching.reader import Fetched, InboxReader
from event_bus.ids import new_id
from event_bus.stores.cursors import Cursor, CursorStore

INBOX = "inbox"
"""The name of the cursor that tells how far an inbox was acknowledged."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a consumer has taken, and must acknowledge.

    Attributes:
        fetched: The events, in order.
        position: The place up to which it has taken.
        lease: What it acknowledges them by; None where there is nothing.
        lease_until: Until when nobody else may take them, RFC 3339.
    """

    fetched: list[Fetched]
    position: int
    lease: str | None
    lease_until: str | None


@dataclass(frozen=True, slots=True)
class InboxLeases:
    """Lends what is next in inboxes.

    Attributes:
        reader: Reads inboxes.
        cursors: How far each was acknowledged, and who has taken what is next.
    """

    reader: InboxReader
    cursors: CursorStore

    def take(self, subscription_id: str, limit: int, wait: float, lease_seconds: int) -> Taken:
        """What stands behind what was acknowledged, for one consumer at a time.

        Args:
            subscription_id: Whose inbox.
            limit: How many events at most.
            wait: How many seconds to wait for the first of them.
            lease_seconds: How long they are its own to acknowledge.

        Raises:
            Conflict: Another consumer has taken them, and its lease has not ended.
        """
        lease = new_id("lease")
        seconds = wait + lease_seconds
        cursor = self.cursors.hold(subscription_id, INBOX, lease, seconds)
        if cursor is None:
            raise Conflict("Another consumer has taken what is next, and its lease has not ended.")
        until = times.after(seconds)
        fetched, position = self.reader.read(
            subscription_id, int(cursor.position or 0), limit, wait
        )
        if not fetched:
            self.cursors.release(cursor, str(position))
            return Taken([], position, None, None)
        return Taken(fetched, position, lease, until)

    def acknowledge(self, subscription_id: str, lease: str, position: int) -> None:
        """Has a consumer be done with all up to a place: what is behind it comes next.

        Raises:
            Conflict: The lease has ended, and another one may have taken the same.
        """
        if not self.cursors.release(Cursor(subscription_id, INBOX, "", lease), str(position)):
            raise Conflict("The lease has ended, or was acknowledged; take the events again.")
