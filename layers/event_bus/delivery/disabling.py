"""Disables subscriptions whose subscriber is gone or has failed for too long."""

from dataclasses import dataclass, replace

from event_bus import times
from event_bus.conflicts import attempts
from event_bus.log import logger
from event_bus.model.event import BUS_DOMAIN, Event, EventSubmission, accept
from event_bus.model.registration import Subscription
from event_bus.stores.announced_changes import AnnouncedChanges
from event_bus.stores.refusals import Refused

GONE = "the subscriber answered 410 Gone"
LONG_FAILING = "every delivery has failed for longer than the retry policy allows"

DISABLED_TYPE = f"{BUS_DOMAIN}.subscription.disabled"
"""The type of the event that tells of it."""


@dataclass(frozen=True, slots=True)
class Disabler:
    """Disables subscriptions, and publishes an event about it.

    Attributes:
        changes: Changes subscriptions together with the event that announces it.
    """

    changes: AnnouncedChanges

    def disable(self, subscription_id: str, reason: str) -> None:
        """Disables a subscription, if it is active; its event is stored in the same transaction.

        Args:
            subscription_id: The subscription.
            reason: The reason, for its owner.
        """
        for _ in attempts():
            subscription = self.changes.subscriptions.get(subscription_id)
            if subscription is None or subscription.status != "active":
                return
            disabled = replace(
                subscription, status="disabled", disabled_reason=reason, updated_at=times.now()
            )
            event = _event(disabled)
            try:
                self.changes.update(disabled, event)
            except Refused:
                continue
            logger.warning("subscription disabled", subscription_id=subscription_id, reason=reason)
            return


def _event(subscription: Subscription) -> Event:
    submission = EventSubmission(
        # An id of the bus's own, which nobody can take first. The version is the one that is
        # disabled: to disable it twice tells of it once.
        id=f"{BUS_DOMAIN}:disabled_{subscription.id}_{subscription.version}",
        type=DISABLED_TYPE,
        payload={
            "subscription_id": subscription.id,
            "service_id": subscription.service_id,
            "name": subscription.name,
            "reason": subscription.disabled_reason,
        },
    )
    return accept(submission, BUS_DOMAIN)
