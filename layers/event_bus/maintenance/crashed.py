"""Messages in the redrive queue of a lane, whose function crashed in every attempt."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from event_bus.log import logger
from event_bus.model import transitions
from event_bus.model.delivery import SETTLED, Delivery
from event_bus.model.event import Event
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import Message, continuation, from_json
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.delivery_items import of_present
from event_bus.stores.subscriptions import SubscriptionStore

if TYPE_CHECKING:
    from event_bus.stores.events import EventStore


@dataclass(frozen=True, slots=True)
class CrashedMessages:
    """Makes dead letters of messages in a redrive queue.

    Attributes:
        deliveries: The deliveries.
        events: Returns the events, whose payloads are not read. Few messages need them.
        subscriptions: The subscriptions.
        lanes: The lanes on which an ordered subscription continues.
    """

    deliveries: DeliveryStore
    events: "Callable[[], EventStore]"
    subscriptions: SubscriptionStore
    lanes: Lanes

    def take(self, message_id: str, body: str) -> None:
        """Makes a dead letter of a message.

        The crash counts as an attempt, and further ones follow after the policy's waits.

        Args:
            message_id: The queue's identifier of the message.
            body: The text of the message.
        """
        message = from_json(body)
        record = self._record(message)
        if record and record.status in SETTLED:
            self.lanes.send([continuation(record)])
            return
        if record and (_waits_behind(record, message) or _is_retried_since(record, message)):
            return
        # The attempt may already be recorded, and only its follow-up message may be missing.
        attempts = max(message.attempt, record.attempts if record else 0)
        before = replace(self._before(message, record), written_by=message_id)
        subscription = self.subscriptions.get(message.subscription_id)
        if subscription is None:
            said = "the subscription was deleted"
            delivery = transitions.dropped(before, "subscription_deleted", said)
        else:
            delivery = transitions.after_crash(
                before, subscription.delivery_guarantee, subscription.retry_policy, attempts
            )
        # Another function may have settled it since it was read, or a person may have retried it.
        stands = self.deliveries.record(delivery, attempts + 1) or delivery
        if stands.status in SETTLED:
            self.lanes.send([continuation(stands)])
        logger.error(
            "message given up by its lane",
            event_id=message.event_id,
            subscription_id=message.subscription_id,
            status=stands.status,
        )

    def _before(self, message: Message, record: Delivery | None) -> Delivery:
        """Returns the delivery before the crash, with the stream of its event.

        Without the stream, nothing would continue it if the event expired. A claim records a
        delivery without it, and a message does not carry a large event.
        """
        if record and record.stored_at:
            return record
        return transitions.of_event(record or message.first_record(None), self._event(message))

    def _record(self, message: Message) -> Delivery | None:
        record = self.deliveries.get(message.key)
        if record is None or not message.is_first:
            return record
        return of_present(record, self._event(message))

    def _event(self, message: Message) -> Event | None:
        if message.event is not None:
            return message.event
        found, _ = self.events().readable([message.event_id])
        return found.get(message.event_id)


def _waits_behind(record: Delivery, message: Message) -> bool:
    """Returns whether the attempt of a message is recorded, and the next one waits in the table."""
    return record.waiting and record.attempts >= message.attempt


def _is_retried_since(record: Delivery, message: Message) -> bool:
    """Returns whether a person has retried a delivery after a message of it was sent.

    The retry has a message of its own, and the sweep sends another one if that is lost.
    """
    return record.round_start > message.round_start or (record.reopened > 0 and message.is_first)
