"""Streams that would stand still because a queue refuses the message of their blocking event."""

from dataclasses import dataclass, replace

from event_bus.delivery.waiting_events import WaitingEvents
from event_bus.model.delivery import Delivery
from event_bus.model.stream_name import StreamName
from event_bus.queues.message import Message, next_message
from event_bus.stores.subscriptions import SubscriptionStore

CONTINUED_SECONDS = 60
"""After how many seconds a stream continues: its blocking delivery has ended by then."""


@dataclass(frozen=True, slots=True)
class RefusedMessages:
    """Makes the messages that continue streams behind refused ones.

    Attributes:
        subscriptions: The subscriptions.
        waiting: Finds the events that may wait.
    """

    subscriptions: SubscriptionStore
    waiting: WaitingEvents

    def following(self, refused: Delivery) -> Message | None:
        """Returns the message that continues the stream of a refused delivery, if one waits."""
        key = refused.key
        if not refused.stream or key.replay_id is not None:
            return None
        subscription = self.subscriptions.get(key.subscription_id)
        if subscription is not None and not subscription.ordered:
            return None
        stream = StreamName.of_key(refused.stream)
        event_id = self.waiting.first(key.subscription_id, subscription, stream, key.event_id)
        if event_id is None:
            return None
        message = replace(next_message(refused), event_id=event_id, attempt=1, round_start=0)
        return replace(message, delay=CONTINUED_SECONDS)
