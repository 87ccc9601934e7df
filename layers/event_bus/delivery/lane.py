"""What every lane does with a batch: deliver side by side, record, tell what must come again."""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from event_bus import times
from event_bus.delivery.message import Message, from_json
from event_bus.delivery.outcome import Outcome, Target
from event_bus.delivery.subscription_cache import SubscriptionCache
from event_bus.log import logger, traces
from event_bus.model.delivery import Delivery, DeliveryStatus
from event_bus.model.event import Event
from event_bus.model.registration import Subscription
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.events import EventStore

_LONGEST_DELAY_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Received:
    """A message as the queue handed it over.

    Attributes:
        id: The queue's identifier of the message.
        receipt: By which the queue knows this receipt of it.
        attempt: How often it was received, this time included.
        body: What it carries.
    """

    id: str
    receipt: str
    attempt: int
    body: str


@dataclass(frozen=True, slots=True)
class Lane:
    """Delivers the messages of one protocol.

    Attributes:
        target: The protocol.
        subscriptions: The subscriptions that messages are for.
        events: Where events are read that are too large for a message.
        deliveries: Where outcomes are recorded.
        delay: Has the queue hand a message over again after some seconds, by its receipt.
        attempts: How often the queue hands a message over before it gives it up.
        executor: Delivers side by side; one worker for each message of a batch.
    """

    target: Target
    subscriptions: SubscriptionCache
    events: EventStore
    deliveries: DeliveryStore
    delay: Callable[[str, int], None]
    attempts: int
    executor: Executor

    def process(self, batch: Sequence[Received]) -> list[str]:
        """Delivers a batch.

        Returns:
            The ids of the messages that the queue must keep.
        """
        readable = [(received, message) for received in batch if (message := _read(received))]
        failed = {received.id for received in batch} - {received.id for received, _ in readable}
        subscriptions = self.subscriptions.of([message for _, message in readable])

        def attempt(each: tuple[Received, Message]) -> bool:
            received, message = each
            try:
                return self._attempt(received, message, subscriptions.get(message.subscription_id))
            except Exception:
                # The others of the batch are not to be delivered again for this one's sake.
                logger.exception("delivery failed", event_id=message.event_id)
                return False

        done = self.executor.map(attempt, readable)
        failed |= {
            received.id for (received, _), ended in zip(readable, done, strict=True) if not ended
        }
        return sorted(failed)

    def _attempt(
        self, received: Received, message: Message, subscription: Subscription | None
    ) -> bool:
        event = message.event or self.events.get(message.event_id)
        status, outcome = self._outcome(received, event, subscription)
        self._record(received, message, status, outcome)
        logger.info(
            "delivery attempted",
            **(traces(event) if event else {"event_id": message.event_id}),
            subscription_id=message.subscription_id,
            attempt=received.attempt,
            status=status,
            error=outcome.code,
        )
        if status == "retrying":
            self.delay(received.receipt, backoff(received.attempt))
        elif status == "exhausted":
            # The queue moves it to the redrive queue now, the sooner the better.
            self.delay(received.receipt, 0)
        return status in ("delivered", "dropped")

    def _outcome(
        self, received: Received, event: Event | None, subscription: Subscription | None
    ) -> tuple[DeliveryStatus, Outcome]:
        if subscription is None:
            return "dropped", Outcome("subscription_deleted", "the subscription was deleted")
        if event is None:
            return "dropped", Outcome("event_expired", "the event's retention ended")
        if subscription.status == "active":
            outcome = self.target.deliver(event, subscription)
        else:
            outcome = Outcome("subscription_disabled", "the subscription is disabled")
        if outcome.delivered:
            return "delivered", outcome
        return "exhausted" if received.attempt >= self.attempts else "retrying", outcome

    def _record(
        self, received: Received, message: Message, status: DeliveryStatus, outcome: Outcome
    ) -> None:
        now = times.now()
        error = {"code": outcome.code, "message": outcome.message} if outcome.code else None
        self.deliveries.record(
            Delivery(
                event_id=message.event_id,
                subscription_id=message.subscription_id,
                service_id=message.service_id,
                status=status,
                attempts=received.attempt,
                last_error=error,
                delivered_at=now if status == "delivered" else None,
                updated_at=now,
            )
        )


def backoff(attempt: int) -> int:
    """Seconds to wait after a failed attempt: exponential, with equal jitter.

    See https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
    """
    ceiling = min(_LONGEST_DELAY_SECONDS, 2**attempt)
    return round(random.uniform(ceiling / 2, ceiling))  # noqa: S311


def _read(received: Received) -> Message | None:
    try:
        return from_json(received.body)
    except Exception:
        # It stays on the queue, and goes to the redrive queue, for a person to look at.
        logger.exception("message cannot be read", message_id=received.id)
        return None
