"""See `event_bus.matching.filters`."""

from event_bus.matching.filters import SubscriptionFilter

__all__ = ["SubscriptionFilter"]
