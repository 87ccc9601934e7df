"""The filters of a list of subscriptions."""

from dataclasses import dataclass

from event_bus.matching.event_types import matches_any
from event_bus.model.subscription import Subscription, SubscriptionStatus


@dataclass(frozen=True, slots=True)
class SubscriptionQuery:
    """The subscriptions that a list contains. None means any.

    Attributes:
        service_id: The service that owns them.
        event_type: An event type that they receive.
        status: Their status.
    """

    service_id: str | None = None
    event_type: str | None = None
    status: SubscriptionStatus | None = None

    def selects(self, subscription: Subscription) -> bool:
        """Returns whether the list holds a subscription."""
        return (
            self.service_id in (None, subscription.service_id)
            and self.status in (None, subscription.status)
            and (self.event_type is None or matches_any(subscription.event_types, self.event_type))
        )
