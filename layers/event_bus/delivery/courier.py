"""What is done with one message: attempt the delivery, record it, say what follows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from event_bus import times
from event_bus.delivery.circuits import Permits
from event_bus.delivery.message import Message
from event_bus.delivery.outcome import Outcome, Parcel, Transport
from event_bus.ids import new_id
from event_bus.log import logger, traces
from event_bus.model.delivery import (
    KEPT_ATTEMPTS,
    SETTLED,
    Attempt,
    Delivery,
    DeliveryError,
    DeliveryStatus,
)
from event_bus.model.event import Event
from event_bus.model.registration import Subscription
from event_bus.stores.deliveries import Claim, DeliveryStore
from event_bus.stores.events import EventStore

LONGEST_DELAY_SECONDS = 900
"""How long a lane can hold a message back; what must wait longer waits in the table."""

LEASE_SECONDS = 90
"""How long a claim holds: longer than its function may run."""


class NotRecorded(Exception):
    """What an attempt came to could not be recorded."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message as the queue handed it over.

    Attributes:
        id: The queue's identifier of the message.
        receives: How often it was handed over, this time included.
        body: What it carries.
    """

    id: str
    receives: int
    body: str


@dataclass(frozen=True, slots=True)
class Handled:
    """What came of a message.

    Attributes:
        settled: Whether its delivery has come to an end.
        gone: Whether the subscriber wants nothing more, ever.
        follow_up: The message that must be on its lane before this one may leave it.
    """

    settled: bool
    gone: bool = False
    follow_up: Message | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """An attempt that may be made.

    Attributes:
        received: The message that asks for it, as the queue handed it over.
        message: What it carries.
        parcel: What is to be delivered.
        delivery: How the delivery stands.
        epoch: The number of the claim that allows it, if it needed one.
    """

    received: Received
    message: Message
    parcel: Parcel
    delivery: Delivery
    epoch: int | None


@dataclass(frozen=True, slots=True)
class Courier:
    """Delivers over one protocol, as often as a subscription's guarantee allows.

    Attributes:
        transport: The protocol.
        events: Where events are read that a message does not carry.
        deliveries: Where deliveries are recorded.
        clock: Seconds that only grow.
    """

    transport: Transport
    events: EventStore
    deliveries: DeliveryStore
    clock: Callable[[], float] = times.steady

    def begin(
        self,
        received: Received,
        message: Message,
        subscription: Subscription | None,
        permits: Permits,
    ) -> Handled | Trial:
        """Does what a message asks for, unless it was done already, up to the attempt.

        Args:
            received: The message as the queue handed it over.
            message: What it carries.
            subscription: The subscription; None where it is gone.
            permits: What its circuit permits.

        Returns:
            The attempt that is to be made, or what came of the message where none is.
        """
        record = None
        if message.attempt > 1 or received.receives > 1:
            # It may have been tried before; of a first message at its first receipt nothing is
            # known yet, and the read is saved.
            record = self.deliveries.get(message.key)
        if record and (done := self.done(received, message, record)):
            return done
        event = message.event or self.events.get(message.event_id)
        return self.permit(received, message, subscription, event, record, permits)

    def done(self, received: Received, message: Message, record: Delivery) -> Handled | None:
        """What is left to do for a message whose attempt was made; None where it was not."""
        if record.status in SETTLED:
            return Handled(settled=True)
        if record.attempts < message.attempt:
            return None
        return Handled(settled=False, follow_up=self.resumed(received, message, record))

    def resumed(self, received: Received, message: Message, record: Delivery) -> Message | None:
        """The message that follows the attempt on record, if it is this one's to send.

        A function may have gone down between the record and that message; the message in hand,
        which it did not finish, then finds itself on record.
        """
        if record.status != "retrying" or record.waiting or record.written_by != received.id:
            return None
        wait = times.seconds(record.next_retry_at) - times.unix() if record.next_retry_at else 0
        return replace(
            message,
            attempt=record.attempts + 1,
            round_start=record.round_start,
            delay=max(0, round(wait)),
        )

    def attempt(
        self,
        received: Received,
        message: Message,
        subscription: Subscription | None,
        event: Event | None,
        record: Delivery | None,
        permits: Permits,
    ) -> Handled:
        """Attempts one delivery, where that is permitted; the arguments are those of `permit`."""
        permitted = self.permit(received, message, subscription, event, record, permits)
        if isinstance(permitted, Handled):
            return permitted
        [handled] = self.make([permitted], permits)
        if handled is None:
            raise NotRecorded(message.event_id)
        return handled

    def permit(
        self,
        received: Received,
        message: Message,
        subscription: Subscription | None,
        event: Event | None,
        record: Delivery | None,
        permits: Permits,
    ) -> Handled | Trial:
        """Permits an attempt, where its subscription stands and may be tried.

        Args:
            received: The message as the queue handed it over.
            message: The delivery, and which attempt of it is asked for.
            subscription: The subscription; None where it is gone.
            event: The event; None where it is gone.
            record: What is known of the delivery, if that was read.
            permits: What its circuit permits.
        """
        now = times.now()
        delivery = record or Delivery(
            key=message.key,
            service_id=message.service_id,
            event_type=event.type if event else "",
            status="pending",
            attempts=message.attempt - 1,
            created_at=now,
            updated_at=now,
            protocol=message.protocol,
        )
        delivery = replace(
            delivery,
            round_start=max(delivery.round_start, message.round_start),
            updated_at=now,
            written_by=received.id,
            stored_at=event.created_at if event else delivery.stored_at,
        )
        if subscription is None or event is None:
            return self._owed_to_nobody(message, delivery, subscription)
        once = subscription.delivery_guarantee == "at_most_once"
        if ended := self._forbidden(message, delivery, subscription, once=once):
            return ended
        if (retry_at := permits.retry_at(subscription.id)) is not None:
            return self._wait_for_circuit(message, delivery, retry_at, once=once)
        epoch, until = None, None
        if subscription.delivery_guarantee != "at_least_once":
            claim = self.deliveries.claim(delivery, new_id("clm"), LEASE_SECONDS, once=once)
            if claim.epoch is None:
                return self._claimed_by_another(message, delivery, claim, once=once)
            epoch, until = claim.epoch, claim.lease_until
        # The last question before the attempt: whoever is granted it makes one.
        if (retry_at := permits.take(subscription.id)) is not None:
            return self._wait_for_circuit(message, delivery, retry_at, once=once)
        parcel = Parcel(message.key, event, subscription, until)
        return Trial(received, message, parcel, delivery, epoch)

    def make(self, trials: Sequence[Trial], permits: Permits) -> list[Handled | None]:
        """Makes attempts that go together, and records what each came to.

        Args:
            trials: The attempts.
            permits: What is told how each of them ended.

        Returns:
            What came of the message of each; None where that could not be recorded.
        """
        began, start = times.now(), self.clock()
        outcomes = self.transport.deliver([trial.parcel for trial in trials])
        duration_ms = round(1000 * (self.clock() - start))
        # An attempt counts for its circuit, whether it can be recorded or not.
        for trial, outcome in zip(trials, outcomes, strict=True):
            permits.ended(trial.message.subscription_id, delivered=outcome.delivered)

        def conclude(trial: Trial, outcome: Outcome) -> Handled | None:
            attempt = Attempt(
                number=trial.message.attempt,
                at=began,
                duration_ms=duration_ms,
                code=outcome.code,
                message=outcome.message,
                status_code=outcome.status_code,
                response=outcome.response,
            )
            try:
                return self._conclude(trial, attempt, outcome)
            except Exception:
                # The others were attempted, too, and are not to be forgotten for this one's sake.
                logger.exception("outcome not recorded", event_id=trial.message.event_id)
                return None

        return [conclude(*each) for each in zip(trials, outcomes, strict=True)]

    def _conclude(self, trial: Trial, attempt: Attempt, outcome: Outcome) -> Handled:
        message = trial.message
        delivery = replace(
            trial.delivery,
            attempts=message.attempt,
            updated_at=times.now(),
            log=(*trial.delivery.log, attempt)[-KEPT_ATTEMPTS:],
        )
        logger.info(
            "delivery attempted",
            **traces(trial.parcel.event),
            subscription_id=message.subscription_id,
            attempt=message.attempt,
            error=outcome.code,
        )
        if outcome.delivered:
            self.deliveries.record(
                replace(
                    delivery,
                    status="delivered",
                    last_error=None,
                    next_retry_at=None,
                    waiting=False,
                    delivered_at=delivery.updated_at,
                ),
                message.attempt,
            )
            return Handled(settled=True)
        return self._failed(trial, delivery, outcome)

    def _failed(self, trial: Trial, delivery: Delivery, outcome: Outcome) -> Handled:
        message, subscription = trial.message, trial.parcel.subscription
        policy = subscription.retry_policy
        tries = message.attempt - delivery.round_start
        final = outcome.client_error and policy.client_errors == "final"
        delivery = _with_error(delivery, outcome.code or "", outcome.message)
        if subscription.delivery_guarantee == "at_most_once":
            delivery = replace(_settled(delivery), status="dropped")
        elif outcome.gone or final or tries >= policy.max_attempts:
            delivery = replace(_settled(delivery), status="exhausted")
        else:
            wait = policy.wait_after(tries, outcome.retry_after)
            delivery = replace(
                delivery,
                status="retrying",
                next_retry_at=times.after(wait),
                waiting=wait > LONGEST_DELAY_SECONDS,
            )
        delivery = _as_dead_letter(delivery)
        # Of several messages about one attempt only that one goes on whose record stands.
        stands = self.deliveries.record(delivery, message.attempt, trial.epoch) or delivery
        follow_up = self.resumed(trial.received, message, stands)
        if stands.status not in SETTLED and stands.attempts < message.attempt:
            # Another holds a newer claim; this message must outlast it, or both might be lost.
            follow_up = replace(message, delay=LEASE_SECONDS)
        return Handled(
            settled=stands.status in SETTLED,
            gone=outcome.gone,
            follow_up=follow_up,
        )

    def _owed_to_nobody(
        self, message: Message, delivery: Delivery, subscription: Subscription | None
    ) -> Handled:
        if subscription is None:
            code, said = "subscription_deleted", "the subscription was deleted"
        else:
            code, said = "event_expired", "the event's retention ended"
        return self._ended(message, delivery, "dropped", code, said)

    def _forbidden(
        self, message: Message, delivery: Delivery, subscription: Subscription, *, once: bool
    ) -> Handled | None:
        """Ends a delivery whose subscription allows no attempt as it stands now."""
        if subscription.status != "active":
            code, said = "subscription_disabled", "the subscription is disabled"
            return self._ended(message, delivery, "dropped" if once else "exhausted", code, said)
        if once and delivery.attempts > delivery.round_start:
            said = "an attempt was made before the subscription became at_most_once"
            return self._ended(message, delivery, "dropped", "already_attempted", said)
        return None

    def _wait_for_circuit(
        self, message: Message, delivery: Delivery, retry_at: float, *, once: bool
    ) -> Handled:
        code, said = "circuit_open", "the subscriber failed too often lately, and is left alone"
        if once:
            return self._ended(message, delivery, "dropped", code, said)
        waiting = replace(
            _with_error(delivery, code, said),
            status="retrying",
            next_retry_at=times.at(retry_at),
            waiting=True,
        )
        stands = self.deliveries.record(_as_dead_letter(waiting), message.attempt)
        # Another one may have settled it meanwhile, and left its stream to this message.
        return Handled(settled=stands is not None and stands.status in SETTLED)

    def _claimed_by_another(
        self, message: Message, delivery: Delivery, claim: Claim, *, once: bool
    ) -> Handled:
        if claim.delivery.status in SETTLED:
            return Handled(settled=True)
        left = claim.lease_until - times.unix()
        if left > 0 or not once:
            delay = max(0, round(left)) + 1
            return Handled(settled=False, follow_up=replace(message, delay=delay))
        # At most once: whoever held the claim went down, perhaps after its request was taken.
        return self._ended(
            message, delivery, "dropped", "interrupted", "the only attempt was cut off"
        )

    def _ended(
        self, message: Message, delivery: Delivery, status: DeliveryStatus, code: str, said: str
    ) -> Handled:
        ended = replace(_settled(_with_error(delivery, code, said)), status=status)
        self.deliveries.record(_as_dead_letter(ended), message.attempt)
        logger.warning(
            "delivery ended",
            event_id=message.event_id,
            subscription_id=message.subscription_id,
            status=status,
            error=code,
        )
        return Handled(settled=True)


def _with_error(delivery: Delivery, code: str, message: str) -> Delivery:
    return replace(delivery, last_error=DeliveryError(code, message, delivery.updated_at))


def _settled(delivery: Delivery) -> Delivery:
    return replace(delivery, next_retry_at=None, waiting=False)


def _as_dead_letter(delivery: Delivery) -> Delivery:
    if delivery.waiting or delivery.status == "exhausted":
        return replace(delivery, dead_letter_id=delivery.dead_letter_id or new_id("dl"))
    return delivery
