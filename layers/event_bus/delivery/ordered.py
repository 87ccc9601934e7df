"""Delivery in order: the events of one stream to one subscription, one after the other.

A message only says that there is something to do. The next event is found by its stream version,
because neither the table stream nor the queue keeps the order of different events. A replay has
walks of its own, beside the walks for routed events.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

from event_bus import times
from event_bus.delivery.attempts import AttemptOrder, AttemptRunner
from event_bus.delivery.live_stream import MOMENT_SECONDS, LiveStreams
from event_bus.delivery.replayed_stream import ReplayedStreams
from event_bus.delivery.steps import LEASE_SECONDS, AttemptResult, delay_until
from event_bus.delivery.stream_walk import NotYet, StreamWalk, Turn
from event_bus.delivery.subscription_cache import CACHE_SECONDS
from event_bus.enrichment.calls import CALL_SECONDS
from event_bus.ids import new_id
from event_bus.log import logger
from event_bus.model.delivery import SETTLED, Delivery, DeliveryKey
from event_bus.model.event import Event
from event_bus.model.pauses import look_again_at, waits_for_resume
from event_bus.model.registration import Subscription
from event_bus.model.stream_name import StreamName
from event_bus.queues.lanes import MAX_RECEIVES
from event_bus.queues.message import Message
from event_bus.stores.cursors import CursorStore
from event_bus.stores.streams import StreamEntry

_LONGEST_HELD_SECONDS, _MOST_TIMES_HELD = 30, 9
_BUDGET_SECONDS = 20.0

_KNOWN_EVERYWHERE = round(CACHE_SECONDS) + 5
"""Seconds after which every lane knows that a subscription was disabled."""


@dataclass(frozen=True, slots=True)
class WalkOrder:
    """A message that asks for a walk along the stream of its event.

    Attributes:
        order: The message; nothing is delivered if its subscription was deleted.
        event: The event of the message.
        stream: The stream that the event belongs to.
    """

    order: AttemptOrder
    event: Event
    stream: StreamName

    @property
    def cursor(self) -> Hashable:
        """What only one function at a time may walk along."""
        message = self.order.message
        return message.subscription_id, message.replay_id, self.stream

    @property
    def is_needless(self) -> bool:
        """Whether an earlier walk of the same batch has met the event.

        The walk has settled the event, or what it left continues the stream up to the event. Only a
        retry may be owed behind a walk.
        """
        message = self.order.message
        first = (message.attempt, message.round_start) == (1, 0) and message.replay_id is None
        return first and message.key in self.order.walked


@dataclass(frozen=True, slots=True)
class OrderedRunner:
    """Delivers a stream to a subscription as far as possible.

    Attributes:
        runner: Makes the single deliveries.
        cursors: The position of each subscription in each stream, and of each replay.
        live: Makes walks along streams of which events are routed.
        replayed: Makes walks along streams of which events are replayed.
        clock: Monotonic clock, in seconds.
    """

    runner: AttemptRunner
    cursors: CursorStore
    live: LiveStreams
    replayed: ReplayedStreams
    clock: Callable[[], float] = times.steady

    def handle(self, asked: WalkOrder) -> AttemptResult:
        """Delivers the next events of a stream until one has to wait.

        The position moves past an event when its delivery is settled or it is not owed.

        Args:
            asked: The message that asks for it.
        """
        if asked.is_needless:
            return AttemptResult(settled=False)
        order, event = asked.order, asked.event
        message, holder = order.message, new_id("cur")
        # The messages that follow were not held yet.
        order = replace(order, message=replace(message, times_held=0))
        walks = self.live if message.replay_id is None else self.replayed
        walk: StreamWalk = walks.walk(order, event, asked.stream)
        cursor = self.cursors.hold(
            message.subscription_id, walk.cursor_name, holder, LEASE_SECONDS, days=walk.cursor_days
        )
        if cursor is None:
            return AttemptResult(settled=False, follow_up=_held(message))
        result, failure = AttemptResult(settled=False), None
        instead = walk.begin(cursor.position)
        met: set[DeliveryKey] = set()
        try:
            result = (
                AttemptResult(settled=False, follow_up=instead)
                if instead is not None
                else self._deliver_along(order, event, walk, met)
            )
        except Exception as error:
            failure = error
        if self.cursors.release(cursor, walk.kept()):
            if failure:
                raise failure
            order.walked.update(met)
            return result
        if failure:
            logger.error("walk failed", event_id=message.event_id, exc_info=failure)
        # Another function has taken the cursor, perhaps for this same message, and does not know
        # what this walk delivered. It may wait for a retry that this walk has made unnecessary. So
        # none of the present messages is sure to continue the stream, but a new message is.
        follow_up = result.follow_up or replace(order.message, delay=0)
        return replace(result, settled=False, follow_up=follow_up)

    def wait_for_resume(
        self, order: AttemptOrder, event: Event, stream: StreamName
    ) -> AttemptResult:
        """Lets the event of a message wait until its subscription is resumed, without a walk.

        A walk would record deliveries of the events that the pause holds. They would be owed even
        if the subscription is resumed from now.

        Args:
            order: The message, whose subscription is paused.
            event: The event of the message.
            stream: The stream that the event belongs to.
        """
        message, runner = order.message, self.runner
        record = runner.record_of(order)
        done = runner.done(order, record) if record else None
        result = done or runner.attempt(order, event, record)
        if order.subscription and result.settled and self._has_more(message, stream):
            # Later events have waited for this one, and there may be no other message for them.
            delay = delay_until(times.at(look_again_at(order.subscription)))
            return AttemptResult(settled=False, follow_up=replace(message, delay=delay))
        return result

    def end_without_event(self, order: AttemptOrder) -> AttemptResult:
        """Ends the delivery of an event whose retention has ended, and continues its stream.

        Later events may have waited for it, and there may be no other message for them.

        Args:
            order: The message.
        """
        message, runner = order.message, self.runner
        record = runner.deliveries.get(message.key)
        done = runner.done(order, record) if record else None
        result = done or runner.attempt(order, None, record)
        if record and record.stream and result.settled:
            following = self._waiting(order, StreamName.of_key(record.stream))
            if following is not None:
                own = replace(message, event_id=following, event=None, attempt=1, round_start=0)
                return AttemptResult(settled=False, follow_up=replace(own, delay=0))
        return result

    def _waiting(self, order: AttemptOrder, stream: StreamName) -> str | None:
        """Returns the event whose message continues a stream, if later ones may wait."""
        message = order.message
        if message.replay_id is not None:
            return self.replayed.last_sent(self.cursors, message, stream)
        waiting = self.live.waiting(self.cursors)
        return waiting.first(message.subscription_id, order.subscription, stream, message.event_id)

    def _has_more(self, message: Message, stream: StreamName) -> bool:
        """Whether a stream has events after the cursor, other than the event of a message."""
        position = self.cursors.position(message.subscription_id, stream.key)
        found = self.live.streams.after(stream, int(position or 0), 2)
        return any(each.event_id != message.event_id for each in found)

    def _deliver_along(
        self, order: AttemptOrder, event: Event, walk: StreamWalk, met: set[DeliveryKey]
    ) -> AttemptResult:
        """Delivers the events behind the position of a walk, until one has to wait.

        It adds the deliveries of the events that it meets to `met`, except those that it leaves to
        their own messages.
        """
        message = order.message
        end = self.clock() + _budget(order.subscription)
        result, first = AttemptResult(settled=True), True
        if event.metadata["stream_version"] <= walk.position:
            behind = self._deliver_passed(order, event, walk)
            if behind and (not behind.settled or behind.gone):
                return behind
        while entries := walk.entries():
            met.update(replace(message.key, event_id=each.event_id) for each in entries)
            for entry in entries:
                if self.clock() > end:
                    return AttemptResult(False, follow_up=replace(message, delay=0))
                turn = walk.turn(entry)
                if turn is None:
                    made = self._end_unowed(order, event, walk, entry, met)
                else:
                    made = self._deliver_next(order, entry, turn, first=first)
                    first = False
                result = made or result
                if not result.settled:
                    return result
                walk.position = entry.version
                if result.gone:
                    # There may be no other message to end the next deliveries, so this one does,
                    # when every lane knows that the subscription is disabled.
                    rest = replace(message, delay=_KNOWN_EVERYWHERE)
                    return replace(result, settled=False, follow_up=rest)
        if event.metadata["stream_version"] > walk.position:
            # It was stored when all sources shared streams, and is in no stream of its source.
            result = self._deliver_passed(order, event, walk) or result
        return result

    def _deliver_passed(
        self, order: AttemptOrder, event: Event, walk: StreamWalk
    ) -> AttemptResult | None:
        """Attempts an event that the walk has passed, if a person has retried its delivery.

        Returns:
            The result; None if another message makes the next attempt. The walk then goes on,
            because this message may be the only one that continues the stream.
        """
        return self._deliver_recorded(order, event, walk, self._record(order))

    def _end_unowed(
        self,
        order: AttemptOrder,
        event: Event,
        walk: StreamWalk,
        entry: StreamEntry,
        met: set[DeliveryKey],
    ) -> AttemptResult | None:
        """Ends the delivery of an event that the walk does not owe, if this is its own message.

        A pause or a crashed function may have recorded the delivery, or the subscription was
        deleted after its first attempt. The messages of other events leave it to its own message.

        Returns:
            The result; None if there is no delivery to end.
        """
        if entry.event_id != order.message.event_id:
            met.discard(replace(order.message.key, event_id=entry.event_id))
            return None
        record = self._record(order)
        if record is None or record.status in SETTLED:
            return None
        return self._deliver_recorded(order, event, walk, record)

    def _record(self, order: AttemptOrder) -> Delivery | None:
        return self.runner.deliveries.get(order.message.key)

    def _deliver_recorded(
        self, order: AttemptOrder, event: Event, walk: StreamWalk, record: Delivery | None
    ) -> AttemptResult | None:
        if record and (done := self.runner.done(order, record)):
            return done if done.settled or done.follow_up else None
        if ended := walk.passed_over(record):
            return ended
        return self.runner.attempt(order, event, record)

    def _deliver_next(
        self, order: AttemptOrder, entry: StreamEntry, turn: Turn | NotYet, *, first: bool
    ) -> AttemptResult:
        """Delivers the next event of a walk.

        Args:
            order: The message that asks for the walk.
            entry: The event's place in the stream.
            turn: What the walk has decided about it.
            first: Whether the walk has delivered no event yet.
        """
        message = order.message
        if isinstance(turn, NotYet):
            return AttemptResult(settled=False, follow_up=replace(message, delay=turn.seconds))
        own = replace(
            message, event_id=entry.event_id, event=None, attempt=1, round_start=0, delay=0
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
        event = turn.event
        if event is None:
            event, unreadable = self.runner.events.find(entry.event_id)
            if unreadable:
                return self.runner.unreadable(own_order, record)
        if first and _keeps_crashing(order, own):
            crashed = self.runner.crashed(own_order, event, record)
            # The rest of the stream continues with a new message, which has all its receipts.
            rest = replace(message, delay=0) if crashed.settled else None
            return AttemptResult(settled=False, follow_up=rest)
        return self.runner.attempt(own_order, event, record)


def _held(message: Message) -> Message:
    """The message that checks again whether a cursor is free.

    The waits grow, because the function that holds the cursor usually delivers the event as well.
    """
    delay = MOMENT_SECONDS * 2 ** max(0, message.times_held - 1)
    return replace(
        message,
        times_held=min(message.times_held + 1, _MOST_TIMES_HELD),
        delay=min(delay, _LONGEST_HELD_SECONDS),
    )


def _keeps_crashing(order: AttemptOrder, own: Message) -> bool:
    """Whether a message crashes its function at the first event that its walk delivers.

    It has its last receipt then: the redrive queue would record a crash at the event of the
    message. The other event may have no message of its own.
    """
    return own.key != order.message.key and order.queue_message.receives >= MAX_RECEIVES


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
