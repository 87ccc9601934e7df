"""A walk along an event stream: its position, and the events that are owed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from event_bus.delivery.steps import AttemptResult
from event_bus.model.delivery import Delivery
from event_bus.model.event import Event
from event_bus.queues.message import Message
from event_bus.stores.streams import StreamEntry


@dataclass(frozen=True, slots=True)
class Turn:
    """An event that is owed, and whose turn has come.

    Attributes:
        event: The event, if it was read.
        record: Its delivery, if one is recorded.
    """

    event: Event | None
    record: Delivery | None


@dataclass(frozen=True, slots=True)
class NotYet:
    """An event that cannot be decided yet: whether the subscription receives it is not known.

    Attributes:
        seconds: After how many seconds to check again.
    """

    seconds: int


class StreamWalk(Protocol):
    """A walk along one stream for one subscription.

    Attributes:
        position: The version up to which every event that is owed is settled.
    """

    position: int

    @property
    def cursor_name(self) -> str:
        """The name of the cursor that keeps the position."""
        ...

    @property
    def cursor_days(self) -> int | None:
        """How many days the cursor is kept after its last use; None for as long as others."""
        ...

    def begin(self, stored: str) -> Message | None:
        """Goes to the position that its cursor keeps.

        Args:
            stored: The text in the cursor; empty for a new cursor.

        Returns:
            The message to send instead, if this function may not continue.
        """
        ...

    def kept(self) -> str:
        """Returns the text for the cursor."""
        ...

    def entries(self) -> Sequence[StreamEntry]:
        """Returns the next entries behind the position; empty at the end of the walk."""
        ...

    def turn(self, entry: StreamEntry) -> Turn | NotYet | None:
        """Decides about the next event; None if it is not owed, or settled."""
        ...

    def passed_over(self, record: Delivery | None) -> AttemptResult | None:
        """The result of a message whose event the walk does not meet, and which is not settled.

        Args:
            record: The delivery of the event, if one is recorded.

        Returns:
            None if the event is to be attempted.
        """
        ...
