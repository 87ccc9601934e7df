"""Leases: a consumer takes the next events of an inbox, and acknowledges them in time."""

from dataclasses import dataclass

from event_bus import times
from event_bus.conflicts import attempts
from event_bus.errors import Conflict, InvalidRequest
from event_bus.ids import new_id
from event_bus.inbox.reader import Fetched, InboxReader
from event_bus.stores.inbox_cursors import InboxCursorStore

_ATTEMPTS = 3

_RETRY_SECONDS = 1
"""After how many seconds to pull again if another consumer has the lease."""


@dataclass(frozen=True, slots=True)
class LeasedEvents:
    """Events that a consumer has taken and must acknowledge.

    Attributes:
        fetched: The events, in order.
        position: The last place that it has taken.
        lease: The lease with which to acknowledge them; None if there are no events.
        lease_until: The end of the lease, RFC 3339.
    """

    fetched: list[Fetched]
    position: int
    lease: str | None
    lease_until: str | None


@dataclass(frozen=True, slots=True)
class InboxLeases:
    """Leases the next events of inboxes to one consumer at a time.

    Attributes:
        reader: Reads inboxes.
        cursors: The acknowledged place of each inbox, and its last lease.
    """

    reader: InboxReader
    cursors: InboxCursorStore

    def take(
        self, subscription_id: str, limit: int, wait: float, lease_seconds: int
    ) -> LeasedEvents:
        """Takes the events after the acknowledged place.

        Args:
            subscription_id: Whose inbox.
            limit: How many events at most.
            wait: How many seconds to wait for the first of them.
            lease_seconds: How long the lease lasts, from now on.

        Raises:
            Conflict: Another consumer has taken them, and its lease has not ended.
            TooManyRequests: The request would have to wait, and too many are waiting.
        """
        for _ in attempts(_ATTEMPTS):
            cursor = self.cursors.get(subscription_id)
            if cursor.leased:
                break
            begun = cursor.acknowledged
            fetched, position = self.reader.read(subscription_id, begun, limit, wait)
            if not fetched:
                if position > begun:
                    # The events at these places have expired, so the next pull need not read them
                    # again.
                    self.cursors.advance(subscription_id, position)
                return LeasedEvents([], position, None, None)
            lease = new_id("lease")
            lent = self.cursors.lend(subscription_id, lease, begun, position, lease_seconds)
            if lent:
                return LeasedEvents(fetched, position, lease, times.at(lent.lease_until))
            # Another consumer was faster: it has a lease, or has acknowledged the events.
            wait = 0
        raise Conflict(
            "Another consumer has taken the next events, and its lease has not ended.",
            headers={"retry-after": str(_RETRY_SECONDS)},
        )

    def acknowledge(
        self, subscription_id: str, lease: str, place: int, extend: int | None = None
    ) -> None:
        """Acknowledges a lease's events up to a place; the rest stays leased until it ends.

        A refusal changes nothing. An acknowledgement may be repeated.

        Args:
            subscription_id: Whose inbox.
            lease: The lease.
            place: The last place to acknowledge.
            extend: How long the lease lasts for the rest, in seconds from now on; None to leave
                its end.

        Raises:
            Conflict: The lease has ended, or the inbox has another one.
            InvalidRequest: The lease does not cover the place.
        """
        cursor = self.cursors.acknowledge(subscription_id, lease, place, extend)
        if cursor.lease != lease:
            raise Conflict(
                "This is not the current lease of the inbox: it ended and another consumer took "
                "the events, or it was never given. Take the next events."
            )
        if not cursor.begun < place <= cursor.taken:
            raise InvalidRequest.at(
                "/cursor",
                f"is not covered by the lease, which reaches from {cursor.begun + 1} "
                f"to {cursor.taken}",
            )
        if place > cursor.acknowledged:
            raise Conflict(
                f"The lease ended before {place} was acknowledged. Events up to "
                f"{cursor.acknowledged} were. Take the later ones again."
            )
        extended = place == cursor.acknowledged and cursor.lease_until > times.unix()
        if extend is not None and place < cursor.taken and not extended:
            # An earlier request has acknowledged the place, so that this one changed nothing.
            self.extend(subscription_id, lease, extend)

    def extend(self, subscription_id: str, lease: str, seconds: int) -> None:
        """Extends a lease that has not ended.

        Args:
            subscription_id: Whose inbox.
            lease: The lease.
            seconds: How long it lasts, from now on.

        Raises:
            Conflict: The lease has ended, or all that it covers is acknowledged.
        """
        if not self.cursors.extend(subscription_id, lease, seconds):
            raise Conflict(
                "The lease cannot be extended: it has ended, or all of its events are "
                "acknowledged. Take the next events."
            )
