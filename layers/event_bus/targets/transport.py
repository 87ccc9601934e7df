"""A delivery request, and the interface of every transport."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from event_bus.model.delivery import DeliveryKey
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.model.subscription import Subscription
from event_bus.transforms.transform import Shaped


@dataclass(frozen=True, slots=True)
class DeliveryRequest:
    """An event, ready to be handed to its subscriber.

    Attributes:
        key: The delivery.
        event: The event, with its payload.
        subscription: The subscription.
        until: When the claim on the delivery ends, in Unix seconds; None if there is none.
        shaped: The event as its transform shapes it; None if its subscription has no transform.
        enrichment: What is added to the event, as a JSON object; None for nothing.
    """

    key: DeliveryKey
    event: Event
    subscription: Subscription
    until: float | None = None
    shaped: Shaped | None = None
    enrichment: bytes | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """What a target receives for an event.

    Attributes:
        body: The body, or its replacement.
        headers: The headers of the request over HTTP, without those of the signature.
        attributes: The message attributes of SQS and SNS, as these take them.
        in_base64: Whether the target receives bytes, and `body` holds them in base64.
    """

    body: str
    headers: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    in_base64: bool = False


class Transport(Protocol):
    """A protocol by which events are delivered."""

    def batch_key(self, request: DeliveryRequest) -> Hashable:
        """Returns a key that requests share if they are delivered together."""
        ...

    def deliver(self, requests: Sequence[DeliveryRequest]) -> list[Outcome]:
        """Makes one attempt to deliver requests of the same batch key.

        Returns:
            The outcome of each request, in their order; each fails for itself.
        """
        ...
