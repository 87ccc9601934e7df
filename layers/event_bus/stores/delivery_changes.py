"""The records of the deliveries table's stream: how deliveries changed, and what was routed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from event_bus.model.delivery import Delivery, Routing
from event_bus.stores.delivery_items import COMMAND, ROUTING, delivery_of
from event_bus.stores.routings import routing_of


@dataclass(frozen=True, slots=True)
class RoutingChange:
    """A routing record that was written.

    Attributes:
        at: When it was written, in Unix seconds.
        before: The record as it was before; None if it is new.
        after: The record as it was written.
    """

    at: float
    before: Routing | None
    after: Routing


@dataclass(frozen=True, slots=True)
class DeliveryChange:
    """A delivery that was written.

    Attributes:
        at: When it was written, in Unix seconds.
        before: The delivery as it was before; None if it is new.
        after: The delivery as it was written.
    """

    at: float
    before: Delivery | None
    after: Delivery


def change_in(record: Mapping[str, Any]) -> RoutingChange | DeliveryChange | None:
    """Reads a record of the stream; returns None for a deleted item and for one of a command.

    Args:
        record: The record, as Lambda hands it over.
    """
    change = record["dynamodb"]
    new, old = change.get("NewImage"), change.get("OldImage")
    if not new:
        return None
    if new["subscription_id"]["S"] == COMMAND:
        return None
    at = float(change["ApproximateCreationDateTime"])
    if new["subscription_id"]["S"] == ROUTING:
        return RoutingChange(at, routing_of(old) if old else None, routing_of(new))
    return DeliveryChange(at, delivery_of(old) if old else None, delivery_of(new))
