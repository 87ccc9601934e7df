"""Messages in the redrive queue of a lane, whose function crashed in every attempt."""

from dataclasses import dataclass, replace

from event_bus.log import logger
from event_bus.model import transitions
from event_bus.model.delivery import SETTLED
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import continuation, from_json
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.subscriptions import SubscriptionStore


@dataclass(frozen=True, slots=True)
class CrashedMessages:
    """Makes dead letters of messages in a redrive queue.

    Attributes:
        deliveries: The deliveries.
        subscriptions: The subscriptions.
        lanes: The lanes on which an ordered subscription continues.
    """

    deliveries: DeliveryStore
    subscriptions: SubscriptionStore
    lanes: Lanes

    def take(self, message_id: str, body: str) -> None:
        """Makes a dead letter of a message; its payload is where the event is stored.

        It counts as an attempt, and further ones follow after the policy's waits.

        Args:
            message_id: The queue's identifier of the message.
            body: The text of the message.
        """
        message = from_json(body)
        record = self.deliveries.get(message.key)
        if record and record.status in SETTLED:
            self.lanes.send([continuation(record)])
            return
        if record and record.waiting and record.attempts >= message.attempt:
            return
        # The attempt may already be recorded, and only its follow-up message may be missing.
        attempts = max(message.attempt, record.attempts if record else 0)
        before = replace(record or message.first_record(message.event), written_by=message_id)
        subscription = self.subscriptions.get(message.subscription_id)
        if subscription is None:
            said = "the subscription was deleted"
            delivery = transitions.dropped(before, "subscription_deleted", said)
        else:
            delivery = transitions.after_crash(
                before, subscription.delivery_guarantee, subscription.retry_policy, attempts
            )
        # Another function may have settled it since it was read.
        stands = self.deliveries.record(delivery, attempts + 1) or delivery
        if stands.status in SETTLED:
            self.lanes.send([continuation(stands)])
        logger.error(
            "message given up by its lane",
            event_id=message.event_id,
            subscription_id=message.subscription_id,
            status=stands.status,
        )
