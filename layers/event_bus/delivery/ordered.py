"""Delivery in order: the events of one stream to one subscription, one after the other.

A message only says that there is something to do. The next event is read from the stream's numbers,
because neither the table stream nor the queue keeps the order of different events.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from event_bus import times
from event_bus.delivery.attempts import AttemptOrder, AttemptRunner
from event_bus.delivery.history import StreamHistory
from event_bus.delivery.pauses import waits_for_resume
from event_bus.delivery.steps import AttemptResult
from event_bus.delivery.subscription_cache import CACHE_SECONDS
from event_bus.enrichment.calls import CALL_SECONDS
from event_bus.ids import new_id
from event_bus.model.delivery import SETTLED, Delivery, Routing
from event_bus.model.event import Event
from event_bus.model.registration import Subscription, received_since
from event_bus.model.stream_name import StreamName
from event_bus.model.transitions import LONGEST_DELAY_SECONDS
from event_bus.stores.cursors import CursorStore
from event_bus.stores.routings import RoutingStore
from event_bus.stores.streams import StreamEntry, StreamStore

_HOLD_SECONDS = 90
_BUDGET_SECONDS = 20.0
_PAGE = 25
_MOMENT = 3
"""How long to wait before checking again whether others are ready, in seconds."""

_CATCH_UP_DAYS = 3_650
"""Days that the cursor of a subscription with a history is kept after its last event.

Without the cursor, a stream is delivered from its beginning again, and its events may be kept."""

_KNOWN_EVERYWHERE = round(CACHE_SECONDS) + 5
"""Seconds after which every lane knows that a subscription was disabled."""


@dataclass(frozen=True, slots=True)
class OrderedRunner:
    """Delivers a stream to a subscription as far as possible.

    Attributes:
        runner: Makes the single deliveries.
        routings: The routing records of the events.
        streams: The order of the events.
        cursors: The position of each subscription in each stream.
        retention_days: How long events are kept.
        history: Decides which events from before its registration a subscription is owed.
        clock: Monotonic clock, in seconds.
    """

    runner: AttemptRunner
    routings: RoutingStore
    streams: StreamStore
    cursors: CursorStore
    retention_days: int
    history: StreamHistory
    clock: Callable[[], float] = times.steady

    def handle(self, order: AttemptOrder, event: Event, stream: StreamName) -> AttemptResult:
        """Delivers the next events of a stream until one has to wait.

        The position moves past an event when its delivery is settled or it did not match.

        Args:
            order: The message that asks for it; nothing is delivered if the subscription was
                deleted.
            event: The event of the message.
            stream: The stream that the event belongs to.
        """
        message, holder = order.message, new_id("cur")
        days = _CATCH_UP_DAYS if order.subscription and order.subscription.catches_up else None
        cursor = self.cursors.hold(
            message.subscription_id, stream.key, holder, _HOLD_SECONDS, days=days
        )
        if cursor is None:
            return AttemptResult(settled=False, follow_up=replace(message, delay=_MOMENT))
        position = int(cursor.position or self._start(event, stream, order.subscription))
        end = self.clock() + _budget(order.subscription)
        result = AttemptResult(settled=True)
        try:
            if event.metadata["stream_version"] <= position:
                result = self._late(order, event)
                if not result.settled or result.gone:
                    return result
            while entries := self.streams.after(stream, position, _PAGE):
                # The router sends messages before it records them, so records may be missing.
                routings = self.routings.get_many(
                    (entry.event_id for entry in entries), consistent=True
                )
                for entry in entries:
                    if self.clock() > end:
                        return AttemptResult(False, follow_up=replace(message, delay=0))
                    result = self._pass(order, entry, routings.get(entry.event_id))
                    if not result.settled:
                        return result
                    position = entry.version
                    if result.gone:
                        # There may be no other message to end the next deliveries, so this
                        # one does, when every lane knows that the subscription is disabled.
                        rest = replace(message, delay=_KNOWN_EVERYWHERE)
                        return replace(result, settled=False, follow_up=rest)
            if event.metadata["stream_version"] > position:
                # It was stored when all sources shared streams, and is in no stream of its source.
                result = self._late(order, event)
            return result
        finally:
            self.cursors.release(cursor, str(position))

    def _late(self, order: AttemptOrder, event: Event) -> AttemptResult:
        # The stream has passed it: it is settled, unless a person has retried it.
        record = self.runner.deliveries.get(order.message.key)
        if record and (done := self.runner.done(order, record)):
            return done
        if order.subscription and order.subscription.catches_up:
            if record is None:
                # The message only starts the stream, or its event was not owed.
                return AttemptResult(settled=True)
            if not self._owes(order, event):
                # The message only started the stream, and its function crashed in every attempt.
                said = "the event does not match the subscription"
                return self.runner.dropped(order, record, "not_matched", said)
        if record is None and order.subscription and order.subscription.skipped_pauses:
            routings = self.routings.get_many([event.id], consistent=True)
            if event.id in routings and _skipped(routings[event.id], order.subscription):
                return AttemptResult(settled=True)
        return self.runner.attempt(order, event, record)

    def _start(self, event: Event, stream: StreamName, subscription: Subscription | None) -> int:
        if subscription is None:
            return int(event.metadata["stream_version"]) - 1
        if subscription.stream and subscription.stream.from_version:
            visible = self.streams.marks(stream).first_visible
            return max(subscription.stream.from_version, visible) - 1
        # The router matches no earlier event, and expired events are owed to nobody.
        expired = times.at(times.unix() - 86_400 * self.retention_days)
        since = max(received_since(subscription.created_at), expired)
        return self.streams.version_before(stream, since)

    def _pass(
        self, order: AttemptOrder, entry: StreamEntry, routing: Routing | None
    ) -> AttemptResult:
        message = order.message
        if routing is None and not _is_history(entry, order.subscription):
            if self.runner.events.get(entry.event_id) is None:
                return AttemptResult(settled=True)
            # It is stored but not routed yet; whether it matches is not known.
            waited = times.unix() - times.seconds(entry.created_at)
            delay = min(max(_MOMENT, round(waited / 4)), LONGEST_DELAY_SECONDS)
            return AttemptResult(settled=False, follow_up=replace(message, delay=delay))
        owed, event = self._owed(order, entry.event_id, routing)
        if not owed:
            return AttemptResult(settled=True)
        own = replace(
            message, event_id=entry.event_id, event=None, attempt=1, round_start=0, delay=0
        )
        record = self.runner.deliveries.get(own.key)
        skipped = record is None and routing and _skipped(routing, order.subscription)
        if skipped or (record and record.status in SETTLED):
            return AttemptResult(settled=True)
        if record is not None:
            if _must_wait(record):
                resumed = self.runner.resumed(replace(order, message=own), record)
                return AttemptResult(settled=False, follow_up=resumed)
            own = replace(own, attempt=record.attempts + 1, round_start=record.round_start)
        event = event or self.runner.events.get(entry.event_id)
        return self.runner.attempt(replace(order, message=own), event, record)

    def _owes(self, order: AttemptOrder, event: Event) -> bool:
        routings = self.routings.get_many([event.id], consistent=True)
        return self._owed(order, event.id, routings.get(event.id))[0]

    def _owed(
        self, order: AttemptOrder, event_id: str, routing: Routing | None
    ) -> tuple[bool, Event | None]:
        """Returns whether an event is owed to the subscription, and the event if it was read."""
        message = order.message
        event = message.event if event_id == message.event_id else None
        if routing and message.subscription_id in routing.matched:
            return True, event
        subscription = order.subscription
        if subscription is None or not subscription.catches_up or subscription.status == "disabled":
            return False, None
        # The router matches no event that is older than the subscription, or that it routed before
        # the subscription was stored.
        event = event or self.runner.events.get(event_id)
        return event is not None and self.history.owes(subscription, event), event


def _is_history(entry: StreamEntry, subscription: Subscription | None) -> bool:
    """Whether `from_version` includes an event that is too old for the router to match."""
    return (
        subscription is not None
        and subscription.catches_up
        and entry.created_at < received_since(subscription.created_at)
    )


def _budget(subscription: Subscription | None) -> float:
    """For how long deliveries of a stream begin, in seconds; shorter if events are enriched."""
    enriches = subscription is not None and subscription.enrichment is not None
    return _BUDGET_SECONDS - CALL_SECONDS if enriches else _BUDGET_SECONDS


def _skipped(routing: Routing, subscription: Subscription | None) -> bool:
    """Whether an event was held by a pause after which the subscription went on without it."""
    pause = routing.held.get(subscription.id, 0) if subscription else 0
    return subscription is not None and 0 < pause <= subscription.skipped_pauses


def _must_wait(record: Delivery) -> bool:
    if waits_for_resume(record):
        return False
    return record.next_retry_at is not None and record.next_retry_at > times.now()
