"""A walk along an event stream: who asks for it, its position, and the events that are owed."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

from event_bus.delivery.attempts import AttemptOrder
from event_bus.delivery.steps import AttemptResult
from event_bus.model.delivery import Delivery
from event_bus.model.event import Event
from event_bus.model.stream_name import StreamName
from event_bus.queues.message import Message
from event_bus.stores.streams import StreamEntry


@dataclass(frozen=True, slots=True)
class WalkOrder:
    """A message that asks for a walk along the stream of its event.

    Attributes:
        order: The message; nothing is delivered if its subscription was deleted.
        event: The event of the message.
        stream: The stream that the event belongs to.
    """

    order: AttemptOrder
    event: Event
    stream: StreamName

    @property
    def cursor_key(self) -> Hashable:
        """The key of the cursor that the walk takes: one function at a time holds it."""
        message = self.order.message
        return message.subscription_id, message.replay_id, self.stream

    @property
    def is_needless(self) -> bool:
        """Whether an earlier walk of the same batch has met the event.

        The walk has settled the event, or what it left continues the stream up to the event. Only a
        retry may be owed behind a walk, or a message that this one could not send at an earlier
        receipt.
        """
        message = self.order.message
        first = (message.attempt, message.round_start) == (1, 0) and message.replay_id is None
        queue_message = self.order.queue_message
        is_new = queue_message.receives == 1 and not queue_message.origin
        return first and is_new and message.key in self.order.walked


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
