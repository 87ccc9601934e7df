"""Subscriptions of listeners, which end by themselves."""

from dataclasses import dataclass
from typing import Any, Literal

from event_bus import times
from event_bus.access.callers import Caller
from event_bus.access.subscription_rights import SubscriptionRights
from event_bus.errors import Conflict, Forbidden
from event_bus.ids import new_id
from event_bus.log import logger
from event_bus.model.filter_checks import check_sent_filters
from event_bus.model.subscription import Subscription
from event_bus.stores.inboxes import InboxStore
from event_bus.stores.refusals import QuotaReached, Refused
from event_bus.stores.subscriptions import SubscriptionStore
from event_bus.targets.inbox import InboxTarget

GRACE_SECONDS = 60
"""How long a listener is kept after its end, for a client that returns at the last moment."""

_PAGE = 100


@dataclass(frozen=True, slots=True)
class Listeners:
    """Creates and ends the subscriptions of listeners.

    Each is an ordinary subscription with an inbox, so matching, filters, records and order are the
    same as for all others.

    Attributes:
        subscriptions: The subscriptions.
        inboxes: Their inboxes.
        most: The most listeners of a service at a time; 0 in functions that begin none.
        rights: What services may receive; None in functions that begin no listener.
    """

    subscriptions: SubscriptionStore
    inboxes: InboxStore
    most: int = 0
    rights: SubscriptionRights | None = None

    def begin(
        self,
        event_types: list[str],
        filters: dict[str, Any],
        caller: Caller,
        kind: Literal["sse", "websocket"],
        seconds: int,
    ) -> Subscription:
        """Begins a listener for a caller.

        Args:
            event_types: The type patterns.
            filters: The event patterns that narrow them.
            caller: Who listens.
            kind: The protocol.
            seconds: How long it lasts, unless it is prolonged.

        Raises:
            Forbidden: The caller's token is for one subscription, or its service may not receive
                any type of a pattern.
            InvalidRequest: The filters are refused.
            Conflict: The service has as many listeners as it may have.
        """
        if self.rights is None:
            raise LookupError("this function was not given what services may receive")
        if caller.subscription_id is not None:
            raise Forbidden(
                "The token permits one subscription only; send an API key to begin a listener.",
                reason="scope",
            )
        check_sent_filters(event_types, filters)
        self.rights.check(caller.service_id, event_types)
        now = times.now()
        begun = Subscription(
            id=new_id("sub"),
            service_id=caller.service_id,
            name=f"{caller.service_id} listens",
            event_types=event_types,
            filters=filters,
            target=InboxTarget(kind),
            status="active",
            version=0,
            created_at=now,
            updated_at=now,
            ends_at=int(times.unix()) + seconds,
        )
        try:
            return self.subscriptions.create(begun, most=self.most)
        except QuotaReached:
            raise Conflict(
                f"The service {caller.service_id} has {self.most} listeners, the most that it may "
                "have at a time by the deployment's setting service_listeners; end one of them, or "
                "register a subscription."
            ) from None

    def prolong(self, subscription: Subscription, seconds: int) -> bool:
        """Prolongs a listener to `seconds` from now, unless more than half of this time is left.

        Returns:
            Whether it continues; False if it has ended.
        """
        left = (subscription.ends_at or 0) - times.unix()
        if left > seconds / 2:
            return True
        until = int(times.unix()) + seconds
        return left > 0 and self.subscriptions.prolong(subscription.id, until)

    def end(self, subscription_id: str) -> None:
        """Ends a listener, if it has not ended yet."""
        subscription = self.subscriptions.get(subscription_id)
        if subscription is None or subscription.ends_at is None:
            return
        try:
            self.subscriptions.delete(subscription)
        except Refused:
            # Another function ended or changed it first; the sweeper checks again after its end.
            logger.info("listener not ended", subscription_id=subscription_id)
            return
        self.inboxes.forget(subscription_id)

    def sweep(self) -> int:
        """Removes up to a hundred listeners that have ended.

        Returns:
            The number of removed listeners.
        """
        ended = self.subscriptions.ended(int(times.unix()) - GRACE_SECONDS, _PAGE)
        for each in ended:
            self.end(each)
        return len(ended)
