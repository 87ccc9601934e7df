"""Moves messages of slow, new and limited subscriptions out of the main lane of their protocol.

So the messages of others do not wait for functions which slow subscriptions occupy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from event_bus.delivery.batch_plan import BatchPlan, is_paced, lane_for, mark_slow
from event_bus.delivery.circuits import Circuits
from event_bus.delivery.messages import Batch, attempted
from event_bus.model.subscription import Subscription
from event_bus.queues.message import LaneKind, Message
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.paces import PaceStore


@dataclass(frozen=True, slots=True)
class HandOver:
    """Moves messages of slow, new and limited subscriptions to their lanes, and marks slow ones.

    Attributes:
        circuits: The circuits and paces of the subscriptions.
        paces: Stores paces.
        deliveries: The recorded deliveries.
    """

    circuits: Circuits
    paces: PaceStore
    deliveries: DeliveryStore
    lane_kind: LaneKind = field(default="main", init=False)

    def plan(self, batch: Batch, subscriptions: Mapping[str, Subscription]) -> BatchPlan:
        """Takes the messages of paced subscriptions out of the batch."""
        return BatchPlan(
            {
                place: replace(message, lane_kind=self._lane_of(message), delay=0)
                for place, (queue_message, message) in enumerate(batch)
                if is_paced(self.circuits, subscriptions.get(message.subscription_id))
                and not attempted(self.deliveries, queue_message, message)
            }
        )

    def ended(self, subscription_id: str) -> None:
        """Does nothing: this lane takes no leases."""

    def close(self) -> None:
        """Does nothing: this lane takes no leases."""

    def slow(self, subscription_id: str) -> None:
        """Marks a subscription as slow, so that all functions move it."""
        mark_slow(self.circuits, self.paces, subscription_id)

    def _lane_of(self, message: Message) -> LaneKind:
        return lane_for(self.circuits.paces.last(message.subscription_id))
