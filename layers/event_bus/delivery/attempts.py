"""Attempts: decides whether one may be made, makes it, records it and sends what follows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from event_bus import times
from event_bus.delivery.circuits import Permits
from event_bus.delivery.pauses import PAUSED, SAID, look_again_at
from event_bus.ids import new_id
from event_bus.log import logger, traces
from event_bus.model import transitions
from event_bus.model.commands import EndState, is_over
from event_bus.model.delivery import SETTLED, Attempt, Delivery, DeliveryError
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.model.registration import Subscription
from event_bus.queues.message import Message
from event_bus.stores.claims import Claim, ClaimStore
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.events import EventStore
from event_bus.targets.transport import DeliveryRequest, Transport

_KEPT_CHARACTERS = 500

LEASE_SECONDS = 90
"""How long a claim is valid, in seconds: longer than its function may run."""


_ANSWERED = ("command_answered", "the command was answered before this attempt")
_ENDED_COMMANDS = {
    "succeeded": _ANSWERED,
    "failed": _ANSWERED,
    "expired": ("command_expired", "the deadline of the command has passed"),
    "cancelled": ("command_cancelled", "the command was cancelled"),
}


class NotRecorded(Exception):
    """The outcome of an attempt could not be recorded."""


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """A message as received from the queue.

    Attributes:
        id: The queue's identifier of the message.
        receives: The number of receipts, including this one.
        body: The message's text.
    """

    id: str
    receives: int
    body: str


@dataclass(frozen=True, slots=True)
class AttemptOrder:
    """A message that asks for an attempt, and what decides on it.

    Attributes:
        queue_message: The message as received from the queue.
        message: The message: the delivery and the number of the attempt.
        subscription: The subscription; None if it was deleted.
        permits: The permits of the batch's circuits.
    """

    queue_message: QueueMessage
    message: Message
    subscription: Subscription | None
    permits: Permits


@dataclass(frozen=True, slots=True)
class PendingAttempt:
    """An attempt that may be made.

    Attributes:
        order: The message that asks for it.
        request: The delivery request.
        delivery: The delivery before the attempt.
        epoch: The number of its claim, if it needs one.
    """

    order: AttemptOrder
    request: DeliveryRequest
    delivery: Delivery
    epoch: int | None


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
class AttemptRunner:
    """Makes attempts over one protocol, as the guarantees of subscriptions allow.

    Attributes:
        transport: The protocol's transport.
        events: Reads events that their message does not carry.
        claims: Claims deliveries for one attempt.
        deliveries: Records the outcomes.
        may_receive: Whether a service may still receive an event.
        command_end: Finds the final state of a command, if it has ended.
        clock: Monotonic clock, in seconds.
    """

    transport: Transport
    events: EventStore
    claims: ClaimStore
    deliveries: DeliveryStore
    may_receive: Callable[[str, Event], bool]
    command_end: Callable[[str], EndState | None] = lambda _: None
    clock: Callable[[], float] = times.steady

    def begin(self, order: AttemptOrder) -> AttemptResult | PendingAttempt:
        """Does everything that a message asks for up to the attempt, unless it is already done.

        Returns:
            The attempt to make, or the message's result if there is none to make.
        """
        message, record = order.message, None
        # A first receipt of a first attempt has no record yet, so skip the read.
        if message.attempt > 1 or order.queue_message.receives > 1:
            record = self.deliveries.get(message.key)
        if record and (done := self.done(order, record)):
            return done
        event = message.event or self.events.get(message.event_id)
        return self.permit(order, event, record)

    def done(self, order: AttemptOrder, record: Delivery) -> AttemptResult | None:
        """What remains for a message whose attempt was made; None if it was not made."""
        if record.status in SETTLED:
            return AttemptResult(settled=True)
        if record.attempts < order.message.attempt:
            return None
        return AttemptResult(settled=False, follow_up=self.resumed(order, record))

    def resumed(self, order: AttemptOrder, record: Delivery) -> Message | None:
        """The message that follows the recorded attempt, if this message must send it.

        A function may crash after it wrote the record and before it sent that message. Then the
        queue delivers the same message again, and the record names it as its writer.
        """
        if (
            record.status != "retrying"
            or record.waiting
            or record.written_by != order.queue_message.id
        ):
            return None
        wait = times.seconds(record.next_retry_at) - times.unix() if record.next_retry_at else 0
        return replace(
            order.message,
            attempt=record.attempts + 1,
            round_start=record.round_start,
            delay=max(0, round(wait)),
        )

    def attempt(
        self, order: AttemptOrder, event: Event | None, record: Delivery | None
    ) -> AttemptResult:
        """Attempts one delivery if permitted; the arguments are those of `permit`.

        Raises:
            NotRecorded: The outcome could not be recorded.
        """
        permitted = self.permit(order, event, record)
        if isinstance(permitted, AttemptResult):
            return permitted
        [result] = self.make([permitted])
        if result is None:
            raise NotRecorded(order.message.event_id)
        return result

    def permit(
        self, order: AttemptOrder, event: Event | None, record: Delivery | None
    ) -> AttemptResult | PendingAttempt:
        """Permits an attempt, if its subscription and its circuit allow one.

        Args:
            order: The message that asks for it.
            event: The event; None if it has expired.
            record: The recorded delivery, if it was read.
        """
        delivery = _before_attempt(order, event, record)
        if order.subscription is None:
            said = "the subscription was deleted"
            return self._dropped(order, delivery, "subscription_deleted", said)
        if event is None:
            return self._dropped(order, delivery, "event_expired", "the event's retention ended")
        return self._forbidden(order, delivery, event, order.subscription) or self._permitted(
            order, event, order.subscription, delivery
        )

    def _permitted(
        self, order: AttemptOrder, event: Event, subscription: Subscription, delivery: Delivery
    ) -> AttemptResult | PendingAttempt:
        once = subscription.delivery_guarantee == "at_most_once"
        if (retry_at := order.permits.retry_at(subscription.id)) is not None:
            return self._postponed(order, delivery, retry_at, once=once)
        epoch, until = None, None
        if subscription.delivery_guarantee != "at_least_once":
            claim = self.claims.take(delivery, new_id("clm"), LEASE_SECONDS, once=once)
            if claim.epoch is None:
                return self._claimed_by_another(order, delivery, claim, once=once)
            epoch, until = claim.epoch, claim.lease_until
        if (ended := self._ended_command(order, event, subscription, delivery)) is not None:
            return ended
        # The last check before the attempt: a permit that was taken must be used.
        if (retry_at := order.permits.take(subscription.id)) is not None:
            return self._postponed(order, delivery, retry_at, once=once)
        request = DeliveryRequest(order.message.key, event, subscription, until)
        return PendingAttempt(order, request, delivery, epoch)

    def make(self, pending: Sequence[PendingAttempt]) -> list[AttemptResult | None]:
        """Makes attempts of one batch key together, and records the outcome of each.

        Returns:
            The result of each attempt; None if it could not be recorded.
        """
        began, start = times.now(), self.clock()
        outcomes = self.transport.deliver([each.request for each in pending])
        duration_ms = round(1000 * (self.clock() - start))
        # An attempt counts for its circuit, whether it can be recorded or not.
        for each, outcome in zip(pending, outcomes, strict=True):
            if not outcome.unsendable:
                each.order.permits.ended(
                    each.order.message.subscription_id,
                    _error(outcome, began),
                    delivered=outcome.delivered,
                )

        def conclude(each: PendingAttempt, outcome: Outcome) -> AttemptResult | None:
            attempt = Attempt(
                number=each.order.message.attempt,
                at=began,
                duration_ms=duration_ms,
                code=outcome.code,
                message=outcome.message,
                status_code=outcome.status_code,
                response=outcome.response,
            )
            try:
                return self._conclude(each, attempt, outcome)
            except Exception:
                # The other attempts were made too, and must be recorded.
                event_id = each.order.message.event_id
                logger.exception("outcome not recorded", event_id=event_id)
                return None

        return [conclude(*each) for each in zip(pending, outcomes, strict=True)]

    def _conclude(
        self, pending: PendingAttempt, attempt: Attempt, outcome: Outcome
    ) -> AttemptResult:
        message, subscription = pending.order.message, pending.request.subscription
        logger.info(
            "delivery attempted",
            **traces(pending.request.event),
            subscription_id=message.subscription_id,
            attempt=message.attempt,
            error=outcome.code,
        )
        if outcome.delivered:
            delivered = transitions.after_success(pending.delivery, attempt)
            self.deliveries.record(delivered, message.attempt)
            return AttemptResult(settled=True)
        failed = transitions.after_failure(
            pending.delivery,
            attempt,
            outcome,
            subscription.delivery_guarantee,
            subscription.retry_policy,
        )
        # Of several messages about one attempt, only the one whose record stands goes on.
        stands = self.deliveries.record(failed, message.attempt, pending.epoch) or failed
        follow_up = self.resumed(pending.order, stands)
        if stands.status not in SETTLED and stands.attempts < message.attempt:
            # Another holds a newer claim. This message must outlast it, or both might be lost.
            follow_up = replace(message, delay=LEASE_SECONDS)
        return AttemptResult(stands.status in SETTLED, outcome.gone, follow_up)

    def _forbidden(
        self, order: AttemptOrder, delivery: Delivery, event: Event, subscription: Subscription
    ) -> AttemptResult | None:
        """Ends a delivery whose subscription now permits no attempt."""
        once = subscription.delivery_guarantee == "at_most_once"
        refusal = None
        if subscription.status == "paused":
            # Kept whatever the guarantee: nothing was attempted, so nothing can come twice.
            return self._waiting(order, delivery, look_again_at(subscription), PAUSED, SAID)
        if subscription.status == "disabled":
            refusal = "subscription_disabled", "the subscription is disabled"
        elif is_over(event):
            return self._end(order, transitions.expired(delivery))
        elif not self.may_receive(subscription.service_id, event):
            refusal = "not_permitted", f"the service may not receive {event.type} any more"
        if refusal:
            end = transitions.dropped if once else transitions.exhausted
            return self._end(order, end(delivery, *refusal))
        if once and delivery.attempts > delivery.round_start:
            said = "an attempt was made before the subscription became at_most_once"
            return self._dropped(order, delivery, "already_attempted", said)
        return None

    def _ended_command(
        self, order: AttemptOrder, event: Event, subscription: Subscription, delivery: Delivery
    ) -> AttemptResult | None:
        """Ends the delivery of a command to its handler that must not act on it any more.

        It is asked behind the claim. So a client that cancels a command either keeps this attempt
        from being made, or sees the claim.
        """
        if not subscription.handles or not event.is_command:
            return None
        if order.message.replay_id:
            said = "a replay brings no command to its handler"
            return self._dropped(order, delivery, "command_replayed", said)
        if (ended := self.command_end(event.id)) is None:
            return None
        return self._dropped(order, delivery, *_ENDED_COMMANDS[ended])

    def _postponed(
        self, order: AttemptOrder, delivery: Delivery, retry_at: float, *, once: bool
    ) -> AttemptResult:
        code = "circuit_open"
        said = "too many attempts failed in a row, so the circuit of the subscription is open"
        if once:
            return self._dropped(order, delivery, code, said)
        return self._waiting(order, delivery, retry_at, code, said)

    def _waiting(
        self, order: AttemptOrder, delivery: Delivery, until: float, code: str, said: str
    ) -> AttemptResult:
        waiting = transitions.postponed(delivery, until, code, said)
        stands = self.deliveries.record(waiting, order.message.attempt)
        # Another function may have settled it meanwhile, and left its stream to this message.
        return AttemptResult(settled=stands is not None and stands.status in SETTLED)

    def _claimed_by_another(
        self, order: AttemptOrder, delivery: Delivery, claim: Claim, *, once: bool
    ) -> AttemptResult:
        if claim.delivery.status in SETTLED:
            return AttemptResult(settled=True)
        left = claim.lease_until - times.unix()
        if left > 0 or not once:
            delay = max(0, round(left)) + 1
            return AttemptResult(settled=False, follow_up=replace(order.message, delay=delay))
        # At most once: the function that held the claim crashed, perhaps after its request.
        return self._dropped(order, delivery, "interrupted", "the only attempt was cut off")

    def _dropped(
        self, order: AttemptOrder, delivery: Delivery, code: str, said: str
    ) -> AttemptResult:
        return self._end(order, transitions.dropped(delivery, code, said))

    def _end(self, order: AttemptOrder, ended: Delivery) -> AttemptResult:
        message = order.message
        stands = self.deliveries.record(ended, message.attempt) or ended
        logger.warning(
            "delivery ended",
            event_id=message.event_id,
            subscription_id=message.subscription_id,
            status=stands.status,
            error=stands.last_error and stands.last_error.code,
        )
        # Another function may have recorded a later attempt, whose message goes on.
        return AttemptResult(stands.status in SETTLED, follow_up=self.resumed(order, stands))


def _error(outcome: Outcome, at: str) -> DeliveryError | None:
    if outcome.code is None:
        return None
    return DeliveryError(outcome.code, outcome.message[:_KEPT_CHARACTERS], at)


def _before_attempt(order: AttemptOrder, event: Event | None, record: Delivery | None) -> Delivery:
    message = order.message
    delivery = record or replace(message.first_record(event), attempts=message.attempt - 1)
    return replace(
        delivery,
        round_start=max(delivery.round_start, message.round_start),
        updated_at=times.now(),
        written_by=order.queue_message.id,
        stored_at=event.created_at if event else delivery.stored_at,
    )
