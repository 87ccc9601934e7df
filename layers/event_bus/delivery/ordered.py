"""Delivery in order: the events of one stream to one subscription, one after the other.

A message only says that there is something to do. The next event is found by its stream version,
because neither the table stream nor the queue keeps the order of different events. A replay has
walks of its own, beside the walks for routed events.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from event_bus import times
from event_bus.delivery.attempts import AttemptOrder, AttemptRunner
from event_bus.delivery.live_stream import MOMENT_SECONDS, LiveStreams
from event_bus.delivery.messages import with_history
from event_bus.delivery.replayed_stream import ReplayedStreams
from event_bus.delivery.steps import LEASE_SECONDS, AttemptResult, delay_until
from event_bus.delivery.stream_walk import StreamWalk, WalkOrder
from event_bus.delivery.stream_walker import StreamWalker
from event_bus.ids import new_id
from event_bus.log import logger
from event_bus.model.pauses import look_again_at
from event_bus.model.stream_name import StreamName
from event_bus.queues.message import Message
from event_bus.stores.cursors import CursorStore

_LONGEST_HELD_SECONDS, _MOST_TIMES_HELD = 30, 9


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
        message = asked.order.message
        # The messages that follow were not held yet.
        asked = replace(asked, order=replace(asked.order, message=replace(message, times_held=0)))
        walks = self.live if message.replay_id is None else self.replayed
        walk: StreamWalk = walks.walk(asked)
        cursor = self.cursors.hold(
            message.subscription_id,
            walk.cursor_name,
            new_id("cur"),
            LEASE_SECONDS,
            days=walk.cursor_days,
        )
        if cursor is None:
            held = with_history(asked.order.queue_message, _held(message))
            return AttemptResult(settled=False, follow_up=held)
        walker = StreamWalker(self.runner, asked, walk, self.clock)
        result, failure, begun = AttemptResult(settled=False), None, False
        try:
            instead = walk.begin(cursor.position)
            begun = True
            if instead:
                result = replace(result, follow_up=with_history(asked.order.queue_message, instead))
            else:
                result = walker.deliver()
        except Exception as error:
            failure = error
        if self.cursors.release(cursor, walk.kept() if begun else cursor.position):
            if failure:
                raise failure
            asked.order.walked.update(walker.met)
            return result
        if failure:
            logger.error("walk failed", event_id=message.event_id, exc_info=failure)
        # Another function has taken the cursor, perhaps for this same message, and does not know
        # what this walk delivered. It may wait for a retry that this walk has made unnecessary. So
        # none of the present messages is sure to continue the stream, but a new message is.
        again = replace(asked.order.message, origin=asked.order.queue_message.writer, delay=0)
        follow_up = result.follow_up or again
        return replace(result, settled=False, follow_up=follow_up)

    def wait_for_resume(self, asked: WalkOrder) -> AttemptResult:
        """Lets the event of a message wait until its subscription is resumed, without a walk.

        A walk would record deliveries of the events that the pause holds. They would be owed even
        if the subscription is resumed from now.

        Args:
            asked: The message, whose subscription is paused.
        """
        order, message, runner = asked.order, asked.order.message, self.runner
        record = runner.record_of(order)
        done = runner.done(order, record) if record else None
        result = done or runner.attempt(order, asked.event, record)
        if order.subscription and result.settled and self._has_more(message, asked.stream):
            # Later events have waited for this one, and there may be no other message for them.
            delay = delay_until(times.at(look_again_at(order.subscription)))
            return AttemptResult(settled=False, follow_up=replace(message, delay=delay))
        return result

    def end_without_event(self, order: AttemptOrder, *, unreadable: bool) -> AttemptResult:
        """Ends the delivery of an event that cannot be read, and continues its stream.

        Later events may have waited for it, and there may be no other message for them.

        Args:
            order: The message.
            unreadable: Whether the event is stored; if not, its retention has ended.
        """
        message, runner = order.message, self.runner
        record = runner.deliveries.get(message.key)
        result = runner.done(order, record) if record else None
        if result is None and unreadable:
            result = runner.unreadable(order, record)
        result = result or runner.attempt(order, None, record)
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
        """Returns whether a stream has an event after the cursor, other than that of a message."""
        position = self.cursors.position(message.subscription_id, stream.key)
        found = self.live.streams.after(stream, int(position or 0), 2)
        return any(each.event_id != message.event_id for each in found)


def _held(message: Message) -> Message:
    """Returns the message that checks again whether a cursor is free.

    The waits grow, because the function that holds the cursor usually delivers the event as well.
    """
    delay = MOMENT_SECONDS * 2 ** max(0, message.times_held - 1)
    return replace(
        message,
        times_held=min(message.times_held + 1, _MOST_TIMES_HELD),
        delay=min(delay, _LONGEST_HELD_SECONDS),
    )
