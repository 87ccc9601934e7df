"""The walk along a stream for routed events: each is owed if it matched when it was routed."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from event_bus import times
from event_bus.delivery.attempts import AttemptOrder, AttemptRunner
from event_bus.delivery.history import StreamHistory
from event_bus.delivery.steps import AttemptResult
from event_bus.delivery.stream_walk import NotYet, Turn, WalkOrder
from event_bus.delivery.waiting_events import WaitingEvents
from event_bus.model.delivery import SETTLED, Delivery, DeliveryKey, Routing
from event_bus.model.event import Event, is_former
from event_bus.model.stream_name import StreamName
from event_bus.model.subscription import Subscription, received_since
from event_bus.model.transitions import LONGEST_DELAY_SECONDS
from event_bus.stores.cursors import CursorStore
from event_bus.stores.delivery_items import routing_of_present
from event_bus.stores.placed_events import PlacedEvents
from event_bus.stores.routings import RoutingStore
from event_bus.stores.stream_times import version_before
from event_bus.stores.streams import StreamEntry, StreamStore

MOMENT_SECONDS = 3
"""How long a message waits for the router or for another function, in seconds."""

_PAGE = 25

_SEARCHED_PAGE, _SEARCHED_PAGES = 100, 10
"""How far a stream is searched for a later event that was delivered: page size, and pages."""

_CATCH_UP_DAYS = 3_650
"""Days for which the cursor of a subscription with a history is kept after its last event.

Without the cursor, a stream would be delivered from its beginning again. The events of kept
categories never expire, so this must be a long time."""


@dataclass(frozen=True, slots=True)
class LiveStreams:
    """Makes walks along streams for routed events.

    Attributes:
        runner: Makes the single deliveries.
        routings: The routing records of the events.
        streams: The order of the events.
        retention_days: How long events are kept.
        history: Decides which events from before its registration a subscription is owed.
    """

    runner: AttemptRunner
    routings: RoutingStore
    streams: StreamStore
    retention_days: int
    history: StreamHistory

    def walk(self, asked: WalkOrder) -> "LiveWalk":
        """Makes the walk that a message asks for.

        Args:
            asked: The message.
        """
        return LiveWalk(self, asked.order, asked.event, asked.stream)

    @property
    def placed(self) -> PlacedEvents:
        """Reads the event of a message with its place, its routing record and its delivery."""
        return PlacedEvents(self.streams, self.routings, self.runner.deliveries)

    def waiting(self, cursors: CursorStore) -> WaitingEvents:
        """Finds the events that wait in a stream.

        Args:
            cursors: The position of each subscription in each stream.
        """
        return WaitingEvents(self.routings, self.streams, cursors, self.runner.events.existing)


@dataclass(slots=True)
class LiveWalk:
    """A walk to the end of a stream.

    Attributes:
        parts: The stores that it reads.
        order: The message that asks for it.
        event: The event of the message.
        stream: The stream.
        position: The version up to which every event that is owed is settled.
    """

    parts: LiveStreams
    order: AttemptOrder
    event: Event
    stream: StreamName
    position: int = 0
    _page: Sequence[StreamEntry] = ()
    _routings: dict[str, Routing] = field(default_factory=dict)
    _records: dict[str, Delivery | None] = field(default_factory=dict)
    _read_at: int = 0
    _events: dict[str, Event] = field(default_factory=dict)

    @property
    def cursor_name(self) -> str:
        """The stream's key: there is one cursor for each stream."""
        return self.stream.key

    @property
    def cursor_days(self) -> int | None:
        """A long time for a subscription that follows streams from a version; None for others."""
        return _CATCH_UP_DAYS if self._catches_up else None

    def begin(self, stored: str) -> None:
        """Goes to the stored position, or to where the subscription begins."""
        self.position = int(stored or self._start())

    def kept(self) -> str:
        """The position, as text for the cursor."""
        return str(self.position)

    def entries(self) -> Sequence[StreamEntry]:
        """Returns the next entries, with their routing records at hand."""
        self._routings, self._records, self._events = {}, {}, {}
        self._page = self._own_place() or self._next_page()
        return self._page

    def turn(self, entry: StreamEntry) -> Turn | NotYet | None:
        """Decides about an event by its routing record and the record of its delivery."""
        routing, subscription = self._routings.get(entry.event_id), self.order.subscription
        runner = self.parts.runner
        if routing is None and not _is_history(entry, subscription):
            if not runner.events.existing([entry.event_id]):
                return None
            if subscription is None:
                # The routing record of a kept event may have expired, so waiting might never end.
                # The event's own message ends its delivery, if there is one.
                return self._own_turn() if entry.event_id == self.event.id else None
            # It is stored but not routed yet; whether it matches is not known.
            waited = times.unix() - times.seconds(entry.created_at)
            return NotYet(min(max(MOMENT_SECONDS, round(waited / 4)), LONGEST_DELAY_SECONDS))
        record = None
        if self._matched(routing) or self._catches_up:
            record = self._record(entry.event_id)
            if record and is_former(record.stored_at, entry.created_at):
                record = None
            if _is_settled(record):
                return None
        owed, event = self._owed(entry.event_id, routing, record)
        skipped = record is None and routing and _skipped(routing, subscription)
        return Turn(event, record) if owed and not skipped else None

    def passed_over(self, record: Delivery | None) -> AttemptResult | None:
        """Settles an event that was not owed, or makes it a dead letter if it matched too late.

        A message may exist for an event that is not owed. A router sends messages before it records
        what an event matched. If it crashes in between and the subscription changes, the event is
        routed again, and no longer matches. If it matches only then, later events of its stream may
        have been delivered.
        """
        subscription = self.order.subscription
        if subscription is None or (record and (record.reopened or record.round_start)):
            # A person who retries a dead letter accepts that it arrives out of order.
            return None
        if record is None and subscription.catches_up:
            return self._before_start(subscription)
        routing = self._routing()
        if routing is None and not subscription.catches_up:
            return None
        owed, _ = self._owed(self.event.id, routing, record)
        if record is None and (not owed or (routing and _skipped(routing, subscription))):
            return AttemptResult(settled=True)
        if record and not owed:
            # A pause or a crashed function recorded the delivery before this was known.
            said = "the event does not match the subscription"
            return self.parts.runner.dropped(self.order, record, "not_matched", said)
        return self._matched_late(record)

    def _before_start(self, subscription: Subscription) -> AttemptResult:
        """The result of a message whose event the walk has passed without a delivery.

        The router also matches new events below `from_version`, which are not owed.
        """
        message, event, followed = self.order.message, self.event, subscription.stream
        first = followed.from_version if followed else None
        is_old = event.created_at < received_since(subscription.created_at)
        if first is None or event.metadata["stream_version"] >= first or is_old:
            # The message only starts the stream, or the subscription is not owed its event.
            return AttemptResult(settled=True)
        routing = self._routing()
        if routing is None:
            # The router sends a message before it records the match.
            return AttemptResult(settled=False, follow_up=replace(message, delay=MOMENT_SECONDS))
        if subscription.id not in routing.matched:
            return AttemptResult(settled=True)
        said = f"the subscription receives the stream from version {first} on"
        delivery = message.first_record(event)
        return self.parts.runner.dropped(self.order, delivery, "not_matched", said)

    def _overtaken(self) -> str | None:
        """Says in words which later events of the stream count as delivered; None if none do."""
        version, streams = int(self.event.metadata["stream_version"]), self.parts.streams
        own = streams.between(self.stream, version, version, 1)
        if not own or own[0].event_id != self.event.id:
            # An earlier release stored it, when all sources shared streams. It has no place in this
            # one.
            return None
        for _ in range(_SEARCHED_PAGES):
            found = streams.between(self.stream, version + 1, self.position, _SEARCHED_PAGE)
            keys = [replace(self.order.message.key, event_id=each.event_id) for each in found]
            records = self.parts.runner.deliveries.get_many(keys) if keys else {}
            if any(
                _is_delivered(each, records.get(key)) for key, each in zip(keys, found, strict=True)
            ):
                return "later events of its stream had been delivered"
            if len(found) < _SEARCHED_PAGE:
                return None
            version = found[-1].version
        # A long stream is not read to its end for one event.
        return f"its stream had continued by {_SEARCHED_PAGES * _SEARCHED_PAGE} events"

    def _matched_late(self, record: Delivery | None) -> AttemptResult | None:
        """Records a dead letter if an attempt would break the order; otherwise returns None."""
        before = self._overtaken()
        if before is None:
            return None
        said = f"the event matched only after {before}"
        return self.parts.runner.overtaken(self.order, self.event, said, record)

    def _start(self) -> int:
        subscription, streams = self.order.subscription, self.parts.streams
        if subscription is None:
            return int(self.event.metadata["stream_version"]) - 1
        if first := subscription.stream and subscription.stream.from_version:
            hidden = streams.marks(self.stream).first_visible - 1
            if hidden >= first:
                # The events since the registration were routed, and are owed even if hidden.
                since = received_since(subscription.created_at)
                hidden = min(hidden, version_before(streams, self.stream, since))
            return max(first - 1, hidden)
        # The router matches no earlier event, and expired events are owed to nobody.
        expired = times.at(times.unix() - 86_400 * self.parts.retention_days)
        since = max(received_since(subscription.created_at), expired)
        if self.event.metadata["stream_version"] == 1 and self.event.created_at >= since:
            return 0
        return version_before(streams, self.stream, since)

    def _routing(self) -> Routing | None:
        """The routing record of the event of the message."""
        return self.parts.routings.of(self.event)

    def _own_place(self) -> Sequence[StreamEntry]:
        """Returns the entry of the event of the message, if it is the next; otherwise nothing."""
        version = int(self.event.metadata["stream_version"])
        if version != self.position + 1:
            return ()
        placed = self.parts.placed.at(self.stream, version, self._key(self.event.id))
        if placed is None:
            # It was stored when all sources shared streams, and is in no stream of its source.
            return ()
        if routing := routing_of_present(placed.routing, self.event):
            self._routings[self.event.id] = routing
        self._records[self.event.id], self._read_at = placed.delivery, self.position
        return (placed.entry,)

    def _next_page(self) -> Sequence[StreamEntry]:
        found = self.parts.streams.after(self.stream, self.position, _PAGE)
        # The router sends messages before it records them, so records may be missing.
        ids = (entry.event_id for entry in found)
        routings = self.parts.routings.get_many(ids, consistent=True) if found else {}
        self._routings = {
            each.event_id: routing
            for each in found
            if (routing := routings.get(each.event_id))
            and not is_former(routing.routed_at, each.created_at)
        }
        return found

    def _record(self, event_id: str) -> Delivery | None:
        """Returns the delivery of an event of the page, if one is recorded."""
        if event_id not in self._records:
            self._read_records(event_id)
        record = self._records[event_id]
        if record is None or _is_settled(record) or self._read_at == self.position:
            return record
        # It was read before earlier events were delivered, and may have changed since.
        return self.parts.runner.deliveries.get(self._key(event_id))

    def _read_records(self, event_id: str) -> None:
        """Reads the delivery of an event, and those of the events after it at once.

        The first event of a page is read alone. Often it has to wait, and the walk needs no others.
        """
        runner, self._read_at = self.parts.runner, self.position
        if not self._records:
            self._records[event_id] = runner.deliveries.get(self._key(event_id))
            return
        behind = [each.event_id for each in self._page if each.version > self.position]
        matched = [each for each in behind if self._matched(self._routings.get(each))]
        wanted = behind if self._catches_up else matched
        keys = {each: self._key(each) for each in (event_id, *wanted)}
        found = runner.deliveries.get_many(list(keys.values()))
        self._records |= {each: found.get(key) for each, key in keys.items()}
        owed = [each for each in matched if self._read_event(each) is None]
        unsettled = [each for each in owed if not _is_settled(self._records[each])]
        self._events, _ = runner.events.readable(unsettled) if unsettled else ({}, set())

    def _read_event(self, event_id: str) -> Event | None:
        """Returns an event if it was read: for the message, for its batch, or with its page."""
        if event_id == self.event.id:
            return self.event
        return self.order.carried.get(event_id) or self._events.get(event_id)

    def _own_turn(self) -> Turn | None:
        """The turn of the event of the message; None if its delivery is settled."""
        record = self._record(self.event.id)
        return None if _is_settled(record) else Turn(self.event, record)

    @property
    def _catches_up(self) -> bool:
        subscription = self.order.subscription
        return subscription is not None and subscription.catches_up

    def _key(self, event_id: str) -> DeliveryKey:
        return DeliveryKey(event_id, self.order.message.subscription_id)

    def _matched(self, routing: Routing | None) -> bool:
        return routing is not None and self.order.message.subscription_id in routing.matched

    def _owed(
        self, event_id: str, routing: Routing | None, record: Delivery | None
    ) -> tuple[bool, Event | None]:
        """Returns whether an event is owed to the subscription, and the event if it was read."""
        subscription, event = self.order.subscription, self._read_event(event_id)
        if self._matched(routing):
            return True, event
        if subscription is None or not subscription.catches_up:
            return False, None
        if record and record.log:
            # It was owed at its first attempt. A later change of the filter does not end that.
            return True, event
        if record is None and subscription.status == "disabled":
            return False, None
        # The router matches no event that is older than the subscription, or that it routed before
        # the subscription was stored.
        if event is None:
            # A replay would skip an event that cannot be read, too.
            event, _ = self.parts.runner.events.find(event_id)
        return event is not None and self.parts.history.owes(subscription, event), event


def _is_delivered(entry: StreamEntry, record: Delivery | None) -> bool:
    if record is None or is_former(record.stored_at, entry.created_at):
        return False
    return record.status == "delivered"


def _is_settled(record: Delivery | None) -> bool:
    return record is not None and record.status in SETTLED


def _is_history(entry: StreamEntry, subscription: Subscription | None) -> bool:
    """Whether `from_version` includes an event that is too old for the router to match."""
    return (
        subscription is not None
        and subscription.catches_up
        and entry.created_at < received_since(subscription.created_at)
    )


def _skipped(routing: Routing, subscription: Subscription | None) -> bool:
    """Whether a pause held an event, and the subscription was then resumed without it."""
    pause = routing.held.get(subscription.id, 0) if subscription else 0
    return subscription is not None and 0 < pause <= subscription.skipped_pauses
