"""Changes of subscriptions that the bus announces by an event of its own."""

from dataclasses import dataclass

from event_bus.model.event import Event
from event_bus.model.subscription import Subscription
from event_bus.stores.events import EventStore
from event_bus.stores.subscriptions import SubscriptionStore


@dataclass(frozen=True, slots=True)
class AnnouncedChanges:
    """Stores a change and its event in one transaction.

    Attributes:
        subscriptions: The subscriptions, with the log of changes.
        events: The event store.
        retention_days: How many days the event is kept.
    """

    subscriptions: SubscriptionStore
    events: EventStore
    retention_days: int

    def update(self, subscription: Subscription, event: Event) -> Subscription:
        """Replaces a subscription that was read at its version, and stores the event.

        Returns:
            The subscription as it is stored.

        Raises:
            Outdated: The subscription has changed since it was read, or is gone.
            IdTaken: An event with this id is stored.
        """
        return self.subscriptions.update(
            subscription, [self.events.adding_part(event, self.retention_days)]
        )
