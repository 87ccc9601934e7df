"""Disables subscriptions whose subscriber is gone or has failed for too long."""

from dataclasses import dataclass, replace

from event_bus import times
from event_bus.conflicts import attempts
from event_bus.log import logger
from event_bus.model.bus_events import SUBSCRIPTION_DISABLED, about_subscription
from event_bus.model.subscription import Subscription
from event_bus.stores.announced_changes import AnnouncedChanges
from event_bus.stores.refusals import Refused

GONE = "the subscriber answered 410 Gone"
LONG_FAILING = "every delivery has failed for longer than the retry policy allows"


@dataclass(frozen=True, slots=True)
class Disabler:
    """Disables subscriptions, and publishes an event about it.

    Attributes:
        changes: Changes subscriptions together with the event that announces it.
    """

    changes: AnnouncedChanges

    def disable(self, failing: Subscription, reason: str) -> None:
        """Disables a subscription, if it is active; its event is stored in the same transaction.

        If it has another target by now, it stays active: the attempts say nothing about that one.

        Args:
            failing: The subscription for which the attempts were made.
            reason: The reason, for its owner.
        """
        for _ in attempts():
            subscription = self.changes.subscriptions.get(failing.id)
            if subscription is None or subscription.status != "active":
                return
            if subscription.target != failing.target:
                logger.info("former target failed", subscription_id=failing.id)
                return
            disabled = replace(
                subscription, status="disabled", disabled_reason=reason, updated_at=times.now()
            )
            event = about_subscription(SUBSCRIPTION_DISABLED, disabled)
            try:
                self.changes.update(disabled, event)
            except Refused:
                continue
            logger.warning("subscription disabled", subscription_id=failing.id, reason=reason)
            return
