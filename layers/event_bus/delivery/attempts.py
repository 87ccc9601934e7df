"""Attempts: decides whether one may be made, makes it, records it and names what follows it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from event_bus import times
from event_bus.delivery.circuits import Permits
from event_bus.delivery.enriching import Enrich
from event_bus.delivery.steps import (
    LEASE_SECONDS,
    AttemptResult,
    DeliveryStep,
    OwedDelivery,
    StepOrder,
    attempt_of,
)
from event_bus.enrichment.calls import SubscriptionChanged
from event_bus.ids import new_id
from event_bus.log import logger, traces
from event_bus.model import transitions
from event_bus.model.command_record import EndState
from event_bus.model.delivery import (
    LANE_FUNCTION_SECONDS,
    SETTLED,
    Attempt,
    Delivery,
    DeliveryError,
    DeliveryKey,
)
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import continuation
from event_bus.stores.claims import ClaimStore, DeliveryClaim
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.events import EventStore
from event_bus.targets.transport import DeliveryRequest, Transport

_KEPT_CHARACTERS = 500

OUTLASTS_SECONDS = LANE_FUNCTION_SECONDS
"""The delay of a message that comes when the function that sent it has ended, in seconds."""

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
class AttemptOrder(StepOrder):
    """A message that asks for an attempt, with the circuit permits that it needs.

    Attributes:
        permits: The permits of the batch's circuits.
        walked: The deliveries whose events a walk of this batch has met, so that their own messages
            are not needed.
        carried: The events that the messages of this batch carry, by id.
    """

    permits: Permits
    walked: set[DeliveryKey]
    carried: Mapping[str, Event]


@dataclass(frozen=True, slots=True)
class PendingAttempt:
    """An attempt that may be made.

    Attributes:
        order: The message that asks for it.
        request: The delivery request.
        owed: The delivery as it is before the attempt, with its event and subscription.
        epoch: The number of the claim that protects it; None without a claim.
    """

    order: AttemptOrder
    request: DeliveryRequest
    owed: OwedDelivery
    epoch: int | None

    def is_late(self, now: float) -> bool:
        """Returns whether it may end after its claim, so that another function may repeat it.

        Args:
            now: The time, in Unix seconds.
        """
        subscription, until = self.owed.subscription, self.request.until
        # A claim for at most once is never taken over.
        if until is None or subscription.at_most_once:
            return False
        return now + subscription.retry_policy.timeout > until


@dataclass(frozen=True, slots=True)
class AttemptRunner(DeliveryStep):
    """Makes attempts over one protocol, as the guarantees of subscriptions allow.

    Attributes:
        transport: The protocol's transport.
        events: Reads events that their message does not carry.
        claims: Claims deliveries for one attempt.
        deliveries: Records the outcomes.
        may_receive: Whether a service may still receive an event.
        lanes: The queues for messages that continue streams.
        command_end: Finds the final state of a command, if it has ended.
        clock: Monotonic clock, in seconds.
        enrich: Enriches an event of an ordered subscription when its turn has come; None for a
            protocol without enrichment.
    """

    transport: Transport
    events: EventStore
    claims: ClaimStore
    deliveries: DeliveryStore
    may_receive: Callable[[str, Event], bool]
    lanes: Lanes
    command_end: Callable[[Event], EndState | None] = lambda _: None
    clock: Callable[[], float] = times.steady
    enrich: Enrich | None = None

    def recorded(
        self, order: StepOrder, delivery: Delivery, epoch: int | None = None
    ) -> Delivery | None:
        """Records what a message has made of its delivery.

        While a delivery waits in the table, messages of its stream are deleted, because the sweep
        will continue the stream. The message of a function that stood still may be among them. So
        before an outcome ends such a delivery, a message is sent that continues the stream.
        """
        message, asked = order.message, order.message.attempt
        if not (in_order(order) and delivery.status in SETTLED):
            return self.deliveries.record(delivery, asked, epoch)
        stands = self.deliveries.record(delivery, asked, epoch, unless_waiting=True)
        if stands is None or stands.status in SETTLED or not stands.waiting:
            return stands
        if delivery.stream or stands.stream:
            follow_up = replace(continuation(stands), lane_kind=message.lane_kind)
            self.lanes.send([replace(follow_up, delay=OUTLASTS_SECONDS)])
        return self.deliveries.record(delivery, asked, epoch)

    def begin(self, order: AttemptOrder) -> AttemptResult | PendingAttempt:
        """Checks and prepares the attempt that a message asks for, unless it was already made.

        Returns:
            The attempt to make, or the message's result if there is none to make.
        """
        record = self.record_of(order)
        if record and (done := self.done(order, record)):
            return done
        event, unreadable = self.event_of(order.message)
        return self.unreadable(order, record) if unreadable else self.permit(order, event, record)

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

        Returns:
            The attempt to make, or the message's result if none may be made now.
        """
        owed = self.owed(order, event, record)
        return owed if isinstance(owed, AttemptResult) else self._permitted(order, owed)

    def _permitted(self, order: AttemptOrder, owed: OwedDelivery) -> AttemptResult | PendingAttempt:
        subscription, delivery = owed.subscription, owed.delivery
        if (retry_at := order.permits.retry_at(subscription.id)) is not None:
            return self._postponed(order, owed, retry_at)
        # Before the claim, because the lease of the claim is meant for the attempt alone.
        enrichment = self._enrichment(order, owed)
        if isinstance(enrichment, AttemptResult):
            return enrichment
        epoch, until = None, None
        if subscription.delivery_guarantee != "at_least_once":
            once = subscription.at_most_once
            claim = self.claims.take(delivery, new_id("clm"), LEASE_SECONDS, once=once)
            if claim.epoch is None:
                return self._claimed_by_another(order, owed, claim)
            epoch, until = claim.epoch, claim.lease_until
        if (ended := self._ended_command(order, owed)) is not None:
            return ended
        # The last check before the attempt: a permit that was taken must be used.
        if (retry_at := order.permits.take(subscription.id)) is not None:
            return self._postponed(order, owed, retry_at)
        request = DeliveryRequest(
            order.message.key, owed.event, subscription, until, enrichment=enrichment
        )
        return PendingAttempt(order, request, owed, epoch)

    def _enrichment(self, order: AttemptOrder, owed: OwedDelivery) -> bytes | AttemptResult | None:
        """Returns what is added to the event, or the message's result if the enrichment fails."""
        message, subscription = order.message, owed.subscription
        if subscription.enrichment is None:
            return None
        if message.enrichment is not None or self.enrich is None:
            return message.enrichment
        began, start = times.now(), self.clock()
        try:
            found = self.enrich(message.key, owed.event, subscription)
        except SubscriptionChanged as changed:
            # The rest of this version, such as its transform, would not fit the result.
            again = replace(message, subscription_version=changed.version)
            return AttemptResult(settled=False, follow_up=again)
        if isinstance(found, Outcome):
            attempt = attempt_of(message, began, round(1000 * (self.clock() - start)), found)
            return self.failed(order, owed, attempt, found)
        return found

    def make(self, pending: Sequence[PendingAttempt]) -> list[AttemptResult | None]:
        """Makes attempts of one batch key together, and records the outcome of each.

        An attempt that is late, because this function stood still, is left to a new message.

        Returns:
            The result of each attempt; None if it could not be recorded.
        """
        now = times.unix()
        late = [each.is_late(now) for each in pending]
        in_time = [each for each, is_late in zip(pending, late, strict=True) if not is_late]
        made = iter(self._made(in_time) if in_time else ())
        return [
            _left(each) if is_late else next(made)
            for each, is_late in zip(pending, late, strict=True)
        ]

    def _made(self, pending: Sequence[PendingAttempt]) -> list[AttemptResult | None]:
        began, start = times.now(), self.clock()
        outcomes = self.transport.deliver([each.request for each in pending])
        duration_ms = round(1000 * (self.clock() - start))
        # An attempt counts for its circuit even if it cannot be recorded.
        for each, outcome in zip(pending, outcomes, strict=True):
            subscription_id = each.order.message.subscription_id
            if outcome.unsendable or outcome.unsent:
                each.order.permits.unused(subscription_id)
            else:
                each.order.permits.ended(
                    subscription_id, _error(outcome, began), delivered=outcome.delivered
                )

        def conclude(each: PendingAttempt, outcome: Outcome) -> AttemptResult | None:
            attempt = attempt_of(each.order.message, began, duration_ms, outcome)
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
        message = pending.order.message
        logger.info(
            "delivery attempted",
            **traces(pending.owed.event),
            subscription_id=message.subscription_id,
            attempt=message.attempt,
            error=outcome.code,
        )
        if outcome.delivered:
            delivered = transitions.after_success(pending.owed.delivery, attempt)
            self.recorded(pending.order, delivered)
            return AttemptResult(settled=True)
        return self.failed(pending.order, pending.owed, attempt, outcome, pending.epoch)

    def _ended_command(self, order: AttemptOrder, owed: OwedDelivery) -> AttemptResult | None:
        """Ends the delivery of a command if its handler must not act on it any more.

        This check follows the claim. So a client that cancels a command either prevents this
        attempt or sees the claim.
        """
        event, delivery = owed.event, owed.delivery
        if not owed.subscription.handles or not event.is_command:
            return None
        if order.message.replay_id:
            said = "a replay delivers no command to its handler"
            return self.dropped(order, delivery, "command_replayed", said)
        if (ended := self.command_end(event)) is None:
            return None
        return self.dropped(order, delivery, *_ENDED_COMMANDS[ended])

    def _postponed(self, order: AttemptOrder, owed: OwedDelivery, retry_at: float) -> AttemptResult:
        code = "circuit_open"
        said = "too many attempts failed, so the circuit of the subscription is open"
        if owed.subscription.at_most_once:
            return self.dropped(order, owed.delivery, code, said)
        return self.waiting(order, owed.delivery, retry_at, code, said)

    def _claimed_by_another(
        self, order: AttemptOrder, owed: OwedDelivery, claim: DeliveryClaim
    ) -> AttemptResult:
        if claim.delivery.status in SETTLED:
            return AttemptResult(settled=True)
        left = claim.lease_until - times.unix()
        if left > 0 or not owed.subscription.at_most_once:
            delay = max(0, round(left)) + 1
            return AttemptResult(settled=False, follow_up=replace(order.message, delay=delay))
        # At most once: the function that held the claim crashed, perhaps after its request.
        return self.dropped(order, owed.delivery, "interrupted", "the only attempt was cut off")


def _left(late: PendingAttempt) -> AttemptResult:
    """Returns the result of a message whose attempt is not made because it is late."""
    order = late.order
    order.permits.unused(order.message.subscription_id)
    logger.warning("attempt not made", event_id=order.message.event_id)
    return AttemptResult(settled=False, follow_up=replace(order.message, delay=LEASE_SECONDS))


def in_order(order: StepOrder) -> bool:
    """Returns whether a message asks for the stream of its event, in order."""
    if order.subscription is None:
        # The deleted subscription may have been ordered, so other events may wait for this one. In
        # a replay, nothing is owed to it any more.
        return order.message.replay_id is None
    return order.subscription.ordered


def _error(outcome: Outcome, at: str) -> DeliveryError | None:
    if outcome.code is None:
        return None
    return DeliveryError(outcome.code, outcome.message[:_KEPT_CHARACTERS], at)
