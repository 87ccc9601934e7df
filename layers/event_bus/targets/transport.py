"""A delivery request, and the interface of every transport."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

from event_bus.model.delivery import DeliveryKey
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.model.registration import Subscription


@dataclass(frozen=True, slots=True)
class DeliveryRequest:
    """An event, ready to be handed to its subscriber.

    Attributes:
        key: The delivery.
        event: The event, with its payload.
        subscription: The subscription.
        until: When the claim on the delivery ends, in Unix seconds; None where there is none.
    """

    key: DeliveryKey
    event: Event
    subscription: Subscription
    until: float | None = None


class Transport(Protocol):
    """A protocol by which events are delivered."""

    def batch_key(self, request: DeliveryRequest) -> Hashable:
        """A key that requests share if they are delivered together."""
        ...

    def deliver(self, requests: Sequence[DeliveryRequest]) -> list[Outcome]:
        """Makes one attempt to deliver requests of the same batch key.

        Returns:
            The outcome of each request, in their order; each fails for itself.
        """
        ...
