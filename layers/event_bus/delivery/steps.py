"""The common part of all steps of a delivery, from the message to the result.

A step checks whether the message was handled before and whether the delivery is still owed, and
records the outcome.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from event_bus import times
from event_bus.delivery.queue_message import QueueMessage
from event_bus.log import logger
from event_bus.model import transitions
from event_bus.model.commands import is_over
from event_bus.model.delivery import LANE_FUNCTION_SECONDS, SETTLED, Attempt, Delivery
from event_bus.model.event import UNREADABLE, UNREADABLE_DETAIL, Event, is_former
from event_bus.model.outcome import Outcome
from event_bus.model.pauses import PAUSED, SAID, look_again_at
from event_bus.model.subscription import Subscription
from event_bus.queues.message import Message
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.delivery_items import of_present
from event_bus.stores.events import EventStore

LEASE_SECONDS = LANE_FUNCTION_SECONDS + 30
"""How long a claim, or the cursor of a stream, is held, in seconds: longer than its function may
run."""


@dataclass(frozen=True, slots=True)
class StepOrder:
    """A message that asks for a step of a delivery.

    Attributes:
        queue_message: The message as received from the queue.
        message: The message: the delivery and the number of the attempt.
        subscription: The subscription; None if it was deleted.
    """

    queue_message: QueueMessage
    message: Message
    subscription: Subscription | None


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """The result of a message.

    Attributes:
        settled: Whether its delivery has ended.
        gone: Whether the subscriber answered 410 Gone.
        follow_up: The message that must be on its lane before this one is deleted.
    """

    settled: bool
    gone: bool = False
    follow_up: Message | None = None


@dataclass(frozen=True, slots=True)
class OwedDelivery:
    """A delivery that is still owed.

    Attributes:
        event: The event.
        subscription: The subscription.
        delivery: Its record before the step.
    """

    event: Event
    subscription: Subscription
    delivery: Delivery


def attempt_of(message: Message, began: str, duration_ms: int, outcome: Outcome) -> Attempt:
    """Returns the attempt that a message asked for, as it is recorded.

    Args:
        message: The message.
        began: When the attempt began, RFC 3339.
        duration_ms: How long it took, in milliseconds.
        outcome: Its outcome.
    """
    return Attempt(
        number=message.attempt,
        at=began,
        duration_ms=duration_ms,
        code=outcome.code,
        message=outcome.message,
        status_code=outcome.status_code,
        response=outcome.response,
    )


def delay_until(at: str) -> int:
    """Returns the delay of a message that must not come before a time, in seconds.

    It is rounded up, because SQS delays by whole seconds. So no attempt comes before the time that
    a subscriber asked for with `Retry-After`.

    Args:
        at: The time, RFC 3339.
    """
    left = math.ceil(times.seconds(at) - times.unix())
    return min(max(0, left), transitions.LONGEST_DELAY_SECONDS)


class DeliveryStep:
    """A step of a delivery, based on its record.

    Attributes:
        events: Reads events that their message does not carry.
        deliveries: Records the outcomes.
        may_receive: Whether a service may still receive an event.
    """

    __slots__ = ()

    events: EventStore
    deliveries: DeliveryStore
    may_receive: Callable[[str, Event], bool]

    def recorded(
        self, order: StepOrder, delivery: Delivery, epoch: int | None = None
    ) -> Delivery | None:
        """Records what a message has made of its delivery.

        Args:
            order: The message.
            delivery: The delivery after the step.
            epoch: The number of its claim, if it had one.

        Returns:
            None if it was recorded, else the delivery as it is stored.
        """
        return self.deliveries.record(delivery, order.message.attempt, epoch)

    def record_of(self, order: StepOrder) -> Delivery | None:
        """Returns the record of a message's delivery, if it may have one."""
        message, repeated = order.message, order.queue_message.receives > 1
        # Most first receipts of a first attempt have no record yet, so skip the read.
        if message.attempt > 1 or message.recorded or repeated:
            record, event = self.deliveries.get(message.key), message.event
            if record and event is None and message.is_first:
                # It may be the record of a former event with the same id.
                event, _ = self.event_of(message)
            return of_present(record, event)
        return None

    def event_of(self, message: Message) -> tuple[Event | None, bool]:
        """Returns the event of a message, if any, and whether it is stored but unreadable."""
        return (message.event, False) if message.event else self.events.find(message.event_id)

    def done(self, order: StepOrder, record: Delivery) -> AttemptResult | None:
        """Returns the rest of the work for a message whose attempt was made; None if it was not."""
        if record.status in SETTLED:
            if record.continues:
                # This message is kept until it has continued the stream.
                self.deliveries.continued(record)
            return AttemptResult(settled=True)
        if record.attempts < order.message.attempt:
            return None
        return AttemptResult(settled=False, follow_up=self.resumed(order, record))

    def resumed(self, order: StepOrder, record: Delivery) -> Message | None:
        """Returns the message that follows the recorded attempt, if this message must send it.

        A function may crash after it wrote the record and before it sent that message. Then the
        queue delivers the same message again, and the record names it as its writer.
        """
        if (
            record.status != "retrying"
            or record.waiting
            or record.written_by != order.queue_message.writer
        ):
            return None
        return replace(
            order.message,
            attempt=record.attempts + 1,
            round_start=record.round_start,
            # The recorded attempt has used its turn.
            turn=None,
            delay=delay_until(record.next_retry_at) if record.next_retry_at else 0,
        )

    def owed(
        self, order: StepOrder, event: Event | None, record: Delivery | None
    ) -> AttemptResult | OwedDelivery:
        """Returns the delivery of a message, unless it ends or waits without the step.

        The event in the result has its payload, wherever the payload is stored.

        Args:
            order: The message that asks for the step.
            event: The event, with or without its payload; None if it has expired.
            record: The recorded delivery, if it was read.
        """
        if event and record and is_former(record.stored_at, event.created_at):
            # The message retries the delivery of a former event with the same id.
            event = None
        delivery = _before_attempt(order, event, record)
        if order.subscription is None:
            said = "the subscription was deleted"
            return self.dropped(order, delivery, "subscription_deleted", said)
        event = self.events.whole(event) if event else None
        if event is None:
            return self.dropped(order, delivery, "event_expired", "the event's retention ended")
        return self._forbidden(order, delivery, event, order.subscription) or OwedDelivery(
            event, order.subscription, delivery
        )

    def failed(
        self,
        order: StepOrder,
        owed: OwedDelivery,
        attempt: Attempt,
        outcome: Outcome,
        epoch: int | None = None,
    ) -> AttemptResult:
        """Records a failed attempt, and returns the message that follows it.

        Args:
            order: The message that asked for it.
            owed: The delivery.
            attempt: The attempt.
            outcome: Its outcome, which is a failure.
            epoch: The number of its claim, if it had one.
        """
        message, subscription = order.message, owed.subscription
        failed = transitions.after_failure(
            owed.delivery,
            attempt,
            outcome,
            subscription.delivery_guarantee,
            subscription.retry_policy,
        )
        # If several messages made one attempt, only the one whose record was stored continues.
        stands = self.recorded(order, failed, epoch) or failed
        follow_up = self.resumed(order, stands)
        if stands.status not in SETTLED and stands.attempts < message.attempt:
            # Another message holds a newer claim, or brings the retry of a person. This one must
            # outlast it, or both might be lost.
            follow_up = replace(message, recorded=True, delay=LEASE_SECONDS)
        return AttemptResult(stands.status in SETTLED, outcome.gone, follow_up)

    def crashed(
        self, order: StepOrder, event: Event | None, record: Delivery | None
    ) -> AttemptResult:
        """Records that the function kept crashing at a delivery, which counts as an attempt.

        The arguments are those of `owed`.
        """
        owed = self.owed(order, event, record)
        if isinstance(owed, AttemptResult):
            return owed
        subscription, attempt = owed.subscription, order.message.attempt
        crashed = transitions.after_crash(
            owed.delivery, subscription.delivery_guarantee, subscription.retry_policy, attempt
        )
        stands = self.recorded(order, crashed) or crashed
        logger.error(
            "event given up by its lane",
            event_id=order.message.event_id,
            subscription_id=subscription.id,
            status=stands.status,
        )
        return AttemptResult(settled=stands.status in SETTLED)

    def _forbidden(
        self, order: StepOrder, delivery: Delivery, event: Event, subscription: Subscription
    ) -> AttemptResult | None:
        """Ends a delivery, or lets it wait, if no attempt is permitted now; None if one is."""
        if subscription.status == "paused":
            # Kept under every guarantee: without an attempt, no event can come twice.
            return self.waiting(order, delivery, look_again_at(subscription), PAUSED, SAID)
        if subscription.status == "disabled":
            said = "the subscription is disabled"
            return self.refused(order, delivery, subscription, "subscription_disabled", said)
        if is_over(event):
            return self._end(order, transitions.expired(delivery))
        if not self.may_receive(subscription.service_id, event):
            said = f"the service may not receive {event.type} any more"
            return self.refused(order, delivery, subscription, "not_permitted", said)
        if subscription.at_most_once and delivery.attempts > delivery.round_start:
            said = "an attempt was made before the subscription became at_most_once"
            return self.dropped(order, delivery, "already_attempted", said)
        return None

    def waiting(
        self, order: StepOrder, delivery: Delivery, until: float, code: str, said: str
    ) -> AttemptResult:
        """Records that a delivery waits in the table without an attempt."""
        waiting = transitions.postponed(delivery, until, code, said)
        stands = self.recorded(order, waiting)
        # Another function may have settled it, and left its stream to this message.
        return AttemptResult(settled=stands is not None and stands.status in SETTLED)

    def refused(
        self,
        order: StepOrder,
        delivery: Delivery,
        subscription: Subscription,
        code: str,
        said: str,
    ) -> AttemptResult:
        """Records a dead letter without an attempt; under `at_most_once`, drops the delivery."""
        end = transitions.dropped if subscription.at_most_once else transitions.exhausted
        return self._end(order, end(delivery, code, said))

    def unreadable(self, order: StepOrder, record: Delivery | None) -> AttemptResult:
        """Records a dead letter for an event that is stored, but cannot be read.

        Later events of its stream must not wait for it.

        Args:
            order: The message that asks for the step.
            record: The recorded delivery, if there is one.
        """
        delivery = _before_attempt(order, None, record)
        if order.subscription is None:
            said = "the subscription was deleted"
            return self.dropped(order, delivery, "subscription_deleted", said)
        return self.refused(order, delivery, order.subscription, UNREADABLE, UNREADABLE_DETAIL)

    def overtaken(
        self, order: StepOrder, event: Event, said: str, record: Delivery | None = None
    ) -> AttemptResult:
        """Records a dead letter for an event that matched too late for its place in the stream.

        Args:
            order: The message that asks for the step.
            event: The event of the message.
            said: The error message, which says what came before the event.
            record: The delivery of the event, if one is recorded.
        """
        if order.subscription and order.subscription.status == "paused":
            # No attempt is made, so there is no need to wait for the resume. The record of a
            # delivery that waits would not tell that the walk had passed the event.
            order = replace(order, subscription=replace(order.subscription, status="active"))
        owed = self.owed(order, event, record)
        if isinstance(owed, AttemptResult):
            return owed
        return self.refused(order, owed.delivery, owed.subscription, "stream_passed", said)

    def dropped(self, order: StepOrder, delivery: Delivery, code: str, said: str) -> AttemptResult:
        """Records that a delivery is no longer owed."""
        return self._end(order, transitions.dropped(delivery, code, said))

    def _end(self, order: StepOrder, ended: Delivery) -> AttemptResult:
        message = order.message
        stands = self.recorded(order, ended) or ended
        logger.warning(
            "delivery ended",
            event_id=message.event_id,
            subscription_id=message.subscription_id,
            status=stands.status,
            error=stands.last_error and stands.last_error.code,
        )
        # Another function may have recorded a later attempt, whose message continues.
        return AttemptResult(stands.status in SETTLED, follow_up=self.resumed(order, stands))


def _before_attempt(order: StepOrder, event: Event | None, record: Delivery | None) -> Delivery:
    message = order.message
    delivery = record or replace(message.first_record(event), attempts=message.attempt - 1)
    delivery = replace(
        delivery,
        round_start=max(delivery.round_start, message.round_start),
        updated_at=times.now(),
        written_by=order.queue_message.writer,
    )
    return transitions.of_event(delivery, event)
