"""What an attempt came to, and what every protocol does to make some."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

from event_bus.model.delivery import DeliveryKey
from event_bus.model.event import Event
from event_bus.model.registration import Subscription

_NEVER_FINAL = frozenset({408, 409, 425, 429})
_GONE = 410


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended.

    Attributes:
        code: What went wrong, in a word that does not change; None where nothing did.
        message: What went wrong, for people.
        status_code: The HTTP status of the answer, if there was one.
        response: How the answer began.
        retry_after: How long the subscriber asks to be left alone, in seconds.
    """

    code: str | None = None
    message: str = ""
    status_code: int | None = None
    response: str = ""
    retry_after: float | None = None

    @property
    def delivered(self) -> bool:
        """Whether the subscriber took the event."""
        return self.code is None

    @property
    def gone(self) -> bool:
        """Whether the subscriber wants nothing more, ever (Standard Webhooks: 410)."""
        return self.status_code == _GONE

    @property
    def client_error(self) -> bool:
        """Whether the subscriber refused this very request, so that another try may be vain."""
        return (
            self.status_code is not None
            and 300 <= self.status_code < 500
            and self.status_code not in _NEVER_FINAL
        )


@dataclass(frozen=True, slots=True)
class Parcel:
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

    def together(self, parcel: Parcel) -> Hashable:
        """What the parcels have in common that are handed over together."""
        ...

    def deliver(self, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Makes one attempt to deliver parcels that go together.

        Returns:
            What each came to, in their order; a failure of one says nothing about the others.
        """
        ...
