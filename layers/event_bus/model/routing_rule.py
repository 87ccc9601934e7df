"""Routing rules: what the router keeps of subscriptions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from event_bus.model.filters import Filters
from event_bus.model.subscription import received_since


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """The part of a subscription that routers keep, without its target and its secrets.

    Attributes:
        id: The subscription.
        service_id: The service that it belongs to.
        event_types: The type patterns that it receives.
        filters: The event patterns that narrow them.
        active: Whether it receives anything; False also for a deleted subscription.
        version: The number of its last change.
        protocol: The lane of its target.
        since: It receives events that were stored at this time or later, RFC 3339.
        pause: The number of its present pause; 0 if it is not paused.
        paused_at: When the pause began, RFC 3339.
        skipped_pauses: The number of the last pause after which it was resumed from `now`. It does
            not receive the events of that pause and of earlier ones.
        handles: Whether it is the handler of the commands that it receives.
        enriched: Whether its events pass the enrichment lane first.
        ordered: Whether it receives the events of each stream in their order.
    """

    id: str
    service_id: str
    event_types: list[str]
    filters: Filters
    active: bool
    version: int
    protocol: str
    since: str = ""
    pause: int = 0
    paused_at: str = ""
    skipped_pauses: int = 0
    handles: bool = False
    enriched: bool = False
    ordered: bool = False

    def holds(self, stored_at: str) -> bool:
        """Returns whether the pause holds a matching event.

        A pause holds only the events that were stored since it began. Older ones are sent to their
        lane, which keeps them.

        Args:
            stored_at: When the event was stored, RFC 3339.
        """
        return self.pause > 0 and stored_at >= self.paused_at

    def owes(self, pause: int) -> bool:
        """Returns whether to send the events that a pause held: it ended, and was not skipped."""
        return self.skipped_pauses < pause != self.pause


def routing_rule(members: Mapping[str, Any], lane: str) -> RoutingRule:
    """Returns the routing rule of a subscription.

    Args:
        members: The stored members of the subscription. Its target is not read, so a router
            imports no target's module.
        lane: The lane of its target.
    """
    return RoutingRule(
        id=members["id"],
        service_id=members["service_id"],
        event_types=members["event_types"],
        filters=members["filters"],
        active=members["status"] != "disabled",
        version=members["version"],
        protocol=lane,
        since=received_since(members["created_at"]),
        pause=members["pauses"] if members["status"] == "paused" else 0,
        paused_at=members.get("paused_at") or "",
        skipped_pauses=members.get("skipped_pauses", 0),
        handles=members.get("handles", False),
        enriched=bool(members.get("enrichment")) and not members.get("ordered", False),
        ordered=members.get("ordered", False),
    )
