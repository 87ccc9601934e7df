"""Delivers the events along one walk, until one of them has to wait."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from event_bus import times
from event_bus.delivery.attempts import AttemptOrder, AttemptRunner
from event_bus.delivery.steps import AttemptResult, delay_until
from event_bus.delivery.stream_walk import NotYet, StreamWalk, Turn, WalkOrder
from event_bus.delivery.subscription_cache import CACHE_SECONDS
from event_bus.enrichment.calls import CALL_SECONDS
from event_bus.model.delivery import SETTLED, Delivery, DeliveryKey
from event_bus.model.event import is_former
from event_bus.model.pauses import waits_for_resume
from event_bus.model.subscription import Subscription
from event_bus.queues.lanes import MAX_RECEIVES
from event_bus.queues.message import Message
from event_bus.stores.delivery_items import of_present
from event_bus.stores.streams import StreamEntry

_BUDGET_SECONDS = 20.0

_KNOWN_EVERYWHERE = round(CACHE_SECONDS) + 5
"""Seconds after which every lane knows that a subscription was disabled."""


@dataclass(slots=True)
class StreamWalker:
    """Goes along a stream once, for one message.

    Attributes:
        runner: Makes the single deliveries.
        asked: The message that asks for the walk.
        walk: Finds the events that are owed, and keeps the position.
        clock: Monotonic clock, in seconds.
        met: The deliveries whose events were met, except those that are left to their own messages.
    """

    runner: AttemptRunner
    asked: WalkOrder
    walk: StreamWalk
    clock: Callable[[], float]
    met: set[DeliveryKey] = field(default_factory=set)
    _has_delivered: bool = False

    def deliver(self) -> AttemptResult:
        """Delivers the events behind the position of the walk, until one has to wait."""
        message, version = self._order.message, self.asked.event.metadata["stream_version"]
        end = self.clock() + _budget(self._order.subscription)
        result = AttemptResult(settled=True)
        if version <= self.walk.position:
            behind = self._deliver_passed()
            if behind and (not behind.settled or behind.gone):
                return behind
        while entries := self.walk.entries():
            self.met.update(self._key(entry) for entry in entries)
            for entry in entries:
                if self.clock() > end:
                    return AttemptResult(False, follow_up=replace(message, delay=0))
                turn = self.walk.turn(entry)
                if isinstance(turn, NotYet):
                    return self._wait_for_router(turn, entries)
                made = self._end_unowed(entry) if turn is None else self._deliver_next(entry, turn)
                result = made or result
                if not result.settled:
                    return result
                self.walk.position = entry.version
                if result.gone:
                    # There may be no other message to end the next deliveries, so this one does,
                    # when every lane knows that the subscription is disabled.
                    rest = replace(message, delay=_KNOWN_EVERYWHERE)
                    return replace(result, settled=False, follow_up=rest)
        if version > self.walk.position:
            # It was stored when all sources shared streams, and is in no stream of its source.
            result = self._deliver_passed() or result
        return result

    @property
    def _order(self) -> AttemptOrder:
        return self.asked.order

    def _key(self, entry: StreamEntry) -> DeliveryKey:
        return replace(self._order.message.key, event_id=entry.event_id)

    def _record(self) -> Delivery | None:
        """The delivery of the event of the message."""
        record = self.runner.deliveries.get(self._order.message.key)
        # A message that retries a delivery of a former event with the same id ends it.
        return of_present(record, self.asked.event) if self._order.message.is_first else record

    def _deliver_passed(self) -> AttemptResult | None:
        """Attempts an event that the walk has passed, if a person has retried its delivery.

        Returns:
            The result; None if another message makes the next attempt. The walk then goes on,
            because this message may be the only one that continues the stream.
        """
        return self._deliver_recorded(self._record())

    def _end_unowed(self, entry: StreamEntry) -> AttemptResult | None:
        """Ends the delivery of an event that the walk does not owe, if this is its own message.

        A pause or a crashed function may have recorded the delivery, or the subscription was
        deleted after its first attempt. The messages of other events leave it to its own message.

        Returns:
            The result; None if there is no delivery to end.
        """
        if entry.event_id != self._order.message.event_id:
            self.met.discard(self._key(entry))
            return None
        record = self._record()
        if record is None:
            return None
        if record.status in SETTLED:
            self.runner.done(self._order, record)
            return None
        return self._deliver_recorded(record)

    def _deliver_recorded(self, record: Delivery | None) -> AttemptResult | None:
        """Delivers the event of the message outside the order of the walk."""
        if record and (done := self.runner.done(self._order, record)):
            return done if done.settled or done.follow_up else None
        if ended := self.walk.passed_over(record):
            return ended
        return self.runner.attempt(self._order, self.asked.event, record)

    def _wait_for_router(self, turn: NotYet, page: Sequence[StreamEntry]) -> AttemptResult:
        """Ends the walk before an event that is not routed yet.

        The message comes again, unless no event relies on it: the router has sent it for an event
        that is settled now. Each later event that matches has a message of its own, or gets one.

        Args:
            turn: When to check again.
            page: The entries, up to the end of the page.
        """
        message, subscription = self._order.message, self._order.subscription
        behind = [entry for entry in page if entry.version > self.walk.position]
        if (
            message.from_router
            and self.asked.event.metadata["stream_version"] <= self.walk.position
            # Past events have no messages.
            and not (subscription and subscription.catches_up)
            # Messages of the same batch would need walks of their own.
            and not any(entry.event_id in self._order.carried for entry in behind)
        ):
            self.met.difference_update(self._key(entry) for entry in behind)
            return AttemptResult(settled=False)
        return AttemptResult(settled=False, follow_up=replace(message, delay=turn.seconds))

    def _deliver_next(self, entry: StreamEntry, turn: Turn) -> AttemptResult:
        """Delivers the next event of the walk.

        Args:
            entry: The event's place in the stream.
            turn: What the walk has decided about it.
        """
        order, message = self._order, self._order.message
        own = replace(
            message,
            event_id=entry.event_id,
            event=None,
            attempt=1,
            round_start=0,
            recorded=turn.record is not None,
            delay=0,
        )
        record = turn.record
        if record is not None:
            if (until := _waits_until(record)) is not None:
                resumed = self.runner.resumed(replace(order, message=own), record)
                if _is_retry(message, record):
                    # The message came early, because clocks differ. It waits itself, because no
                    # other message makes this attempt.
                    resumed = replace(message, delay=delay_until(until))
                return AttemptResult(settled=False, follow_up=resumed)
            own = replace(own, attempt=record.attempts + 1, round_start=record.round_start)
        own_order = replace(order, message=own)
        is_first, self._has_delivered = not self._has_delivered, True
        event = turn.event
        if event is None:
            event, unreadable = self.runner.events.find(entry.event_id)
            if unreadable:
                return self.runner.unreadable(own_order, record)
        if event and not entry.holds(event):
            # The retention of the entry's event has ended, and another event has its id.
            if record is None or not is_former(record.stored_at, event.created_at):
                return AttemptResult(settled=True)
            event = None
        if is_first and _keeps_crashing(order, own):
            crashed = self.runner.crashed(own_order, event, record)
            # The rest of the stream continues with a new message, which has all its receipts.
            rest = replace(message, delay=0) if crashed.settled else None
            return AttemptResult(settled=False, follow_up=rest)
        return self.runner.attempt(own_order, event, record)


def _keeps_crashing(order: AttemptOrder, own: Message) -> bool:
    """Whether a message crashes its function at the first event that its walk delivers.

    It has its last receipt then: the redrive queue would record a crash at the event of the
    message. The other event may have no message of its own. A message that was sent back has more
    receipts than its queue counts, so a crash at its own event is recorded here, too.
    """
    last = MAX_RECEIVES + 1 if own.key == order.message.key else MAX_RECEIVES
    return order.queue_message.receives >= last


def _budget(subscription: Subscription | None) -> float:
    """For how long deliveries of a stream begin, in seconds; shorter if events are enriched."""
    enriches = subscription is not None and subscription.enrichment is not None
    return _BUDGET_SECONDS - CALL_SECONDS if enriches else _BUDGET_SECONDS


def _waits_until(record: Delivery) -> str | None:
    """When the next attempt of a delivery is due; None if it is due now."""
    at = record.next_retry_at
    return at if at and at > times.now() and not waits_for_resume(record) else None


def _is_retry(message: Message, record: Delivery) -> bool:
    """Whether a message brings the next attempt of a delivery that waits on its lane."""
    return (
        message.key == record.key
        and message.attempt == record.attempts + 1
        and record.status == "retrying"
        and not record.waiting
    )
