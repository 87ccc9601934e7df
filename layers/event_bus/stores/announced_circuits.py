"""Circuits that open or close, stored together with the events that announce it."""

from dataclasses import dataclass

from event_bus.model.circuit import Circuit
from event_bus.model.event import Event
from event_bus.stores.circuits import CircuitStore
from event_bus.stores.events import EventStore
from event_bus.stores.refusals import IdTaken, Outdated
from event_bus.stores.transactions import Part, transact


@dataclass(frozen=True, slots=True)
class AnnouncedCircuits:
    """Stores a circuit and its event in one transaction.

    Attributes:
        circuits: The circuits.
        events: The event store.
        retention_days: How many days the event is kept.
    """

    circuits: CircuitStore
    events: EventStore
    retention_days: int

    def put(self, subscription_id: str, circuit: Circuit, event: Event) -> bool:
        """Writes a circuit over the version before it.

        Args:
            subscription_id: The subscription.
            circuit: The circuit with its new version.
            event: The event that announces the change.

        Returns:
            Whether it was written; False if another function was faster.
        """
        return self._carried_out(self.circuits.putting_part(subscription_id, circuit), event)

    def forget(self, subscription_id: str, circuit: Circuit, event: Event) -> bool:
        """Removes a circuit; its event is stored once, even if several functions remove it.

        Args:
            subscription_id: The subscription.
            circuit: The circuit as it was read.
            event: The event that announces the change.

        Returns:
            Whether the subscription has no circuit now; False if another function has changed it.
        """
        return self._carried_out(self.circuits.removing_part(subscription_id, circuit), event)

    def _carried_out(self, part: Part, event: Event) -> bool:
        announcing = self.events.adding_part(event, self.retention_days)
        try:
            try:
                transact([part, announcing])
            except IdTaken:
                # The event is stored already; only the circuit is left to change.
                transact([part])
        except Outdated:
            return False
        return True
