"""Messages whose function went down, again and again: a lane's redrive queue."""

from dataclasses import dataclass, replace

from event_bus import times
from event_bus.delivery.message import from_json, nudge
from event_bus.ids import new_id
from event_bus.log import logger
from event_bus.model.delivery import SETTLED, DeliveryError
from event_bus.routing.lanes import Lanes
from event_bus.routing.unsent import begun
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.subscriptions import SubscriptionStore

CODE = "function_crashed"


@dataclass(frozen=True, slots=True)
class CrashedMessages:
    """Makes dead letters of the messages that a lane gave up.

    Attributes:
        deliveries: The deliveries.
        subscriptions: The subscriptions.
        lanes: Where what an ordered subscription held back goes on.
    """

    deliveries: DeliveryStore
    subscriptions: SubscriptionStore
    lanes: Lanes

    def take(self, message_id: str, body: str) -> None:
        """Makes a dead letter of a message; its payload is where the event is stored.

        It counts as an attempt, and further ones follow after the policy's waits.

        Args:
            message_id: The queue's identifier of the message.
            body: What the message carries.
        """
        message = from_json(body)
        record = self.deliveries.get(message.key)
        if record and record.status in SETTLED:
            self.lanes.send([nudge(record)])
            return
        if record and record.waiting and record.attempts >= message.attempt:
            return
        subscription = self.subscriptions.get(message.subscription_id)
        now = times.now()
        # The attempt may be on record already, and only the message after it missing.
        attempts = max(message.attempt, record.attempts if record else 0)
        delivery = replace(
            record or begun(message, message.event),
            attempts=attempts,
            updated_at=now,
            written_by=message_id,
            last_error=DeliveryError(CODE, "the function that delivers went down", now),
            waiting=False,
            next_retry_at=None,
        )
        tries = attempts - delivery.round_start
        if subscription is None:
            gone = DeliveryError("subscription_deleted", "the subscription was deleted", now)
            delivery = replace(delivery, status="dropped", last_error=gone)
        elif subscription.delivery_guarantee == "at_most_once":
            delivery = replace(delivery, status="dropped")
        elif tries >= subscription.retry_policy.max_attempts:
            delivery = replace(delivery, status="exhausted")
        else:
            wait = subscription.retry_policy.wait_after(tries)
            delivery = replace(
                delivery, status="retrying", waiting=True, next_retry_at=times.after(wait)
            )
        if delivery.status != "dropped":
            delivery = replace(delivery, dead_letter_id=delivery.dead_letter_id or new_id("dl"))
        self.deliveries.record(delivery, attempts + 1)
        if delivery.status in SETTLED:
            self.lanes.send([nudge(delivery)])
        logger.error(
            "message given up by its lane",
            event_id=message.event_id,
            subscription_id=message.subscription_id,
            status=delivery.status,
        )
