"""What an attempt came to, and what every protocol does to make one."""

from dataclasses import dataclass
from typing import Protocol

from event_bus.model.event import Event
from event_bus.model.registration import Subscription


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended.

    Attributes:
        code: What went wrong, in a word that does not change; None where nothing did.
        message: What went wrong, for people.
    """

    code: str | None = None
    message: str = ""

    @property
    def delivered(self) -> bool:
        """Whether the subscriber took the event."""
        return self.code is None


class Target(Protocol):
    """A protocol by which events are delivered."""

    def deliver(self, event: Event, subscription: Subscription) -> Outcome:
        """Makes one attempt to deliver an event, within a bounded time."""
        ...
