"""Records of the deliveries' table stream: changes of deliveries, and routed events."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from event_bus.model.delivery import Delivery, Routing
from event_bus.stores.delivery_items import COMMAND, delivery_of
from event_bus.stores.routing_items import is_routing, routing_of


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
    """Reads a record of the stream.

    Args:
        record: The record, as Lambda passes it.

    Returns:
        None for a deleted item, and for a command. A further part of a routing record is a record
        that has no source.
    """
    change = record["dynamodb"]
    new, old = change.get("NewImage"), change.get("OldImage")
    if not new:
        return None
    name, at = new["subscription_id"]["S"], float(change["ApproximateCreationDateTime"])
    if is_routing(new):
        return RoutingChange(at, routing_of(old) if old else None, routing_of(new))
    if name == COMMAND:
        return None
    return DeliveryChange(at, delivery_of(old) if old else None, delivery_of(new))
