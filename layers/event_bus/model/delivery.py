"""What becomes of an event: its routing, and a delivery for each subscription that it matched."""

from dataclasses import dataclass, replace
from typing import Literal

DeliveryStatus = Literal["pending", "delivered", "retrying", "exhausted", "dropped"]
"""Pending: no attempt yet. Retrying: it failed and will be tried again. Exhausted: it failed for
the last time and waits for a person. Dropped: the subscription was deleted meanwhile."""


@dataclass(frozen=True, slots=True)
class Routing:
    """Whom an event was routed to.

    Attributes:
        event_id: The event.
        matched: The service of each subscription that it matched, by subscription.
        routed_at: When, RFC 3339.
    """

    event_id: str
    matched: dict[str, str]
    routed_at: str

    def to(self, service_id: str) -> "Routing":
        """The part of the record that is about one service."""
        own = {each: service for each, service in self.matched.items() if service == service_id}
        return replace(self, matched=own)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far the delivery of an event to a subscription has come.

    Attributes:
        event_id: The event.
        subscription_id: The subscription.
        service_id: The service that the subscription belongs to.
        status: Where it stands.
        attempts: How many attempts were made.
        last_error: What went wrong last (`code`, `message`), while it is not delivered.
        delivered_at: When the subscriber took it, RFC 3339.
        updated_at: When the last attempt ended, RFC 3339.
    """

    event_id: str
    subscription_id: str
    service_id: str
    status: DeliveryStatus
    attempts: int
    last_error: dict[str, str] | None
    delivered_at: str | None
    updated_at: str
