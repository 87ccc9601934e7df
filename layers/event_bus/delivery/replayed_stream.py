"""The walk along a stream for the events of one replay, in the order of their versions.

The replay sends one message for several events of a stream. The walk finds the others itself: the
events of the replay's period that match the subscription when their turn comes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from event_bus.delivery.attempts import AttemptOrder, AttemptRunner
from event_bus.delivery.history import StreamHistory
from event_bus.delivery.steps import AttemptResult
from event_bus.delivery.stream_walk import Turn, WalkOrder
from event_bus.log import logger, traces
from event_bus.model.delivery import SETTLED, Delivery, DeliveryKey
from event_bus.model.event import Event
from event_bus.model.stream_name import StreamName
from event_bus.queues.message import Message
from event_bus.stores.cursors import CursorStore
from event_bus.stores.payloads import is_unanswered
from event_bus.stores.stream_times import version_certainly_before
from event_bus.stores.streams import StreamEntry, StreamStore

if TYPE_CHECKING:
    from event_bus.access.receive_rights import ReceiveRights
    from event_bus.model.replay import Replay

_PAGE = 25


@dataclass(frozen=True, slots=True)
class ReplayedStreams:
    """Makes walks along streams for replayed events.

    Attributes:
        runner: Makes the single deliveries.
        streams: The order of the events.
        history: Matches events with subscriptions as they are now.
        replay: Finds a replay; None if it has expired.
        rights: Reads the present rights of a service to the events of a source.
        retention_days: How long deliveries are kept.
    """

    runner: AttemptRunner
    streams: StreamStore
    history: StreamHistory
    replay: "Callable[[str], Replay | None]"
    rights: "Callable[[str, Sequence[str]], ReceiveRights]"
    retention_days: int

    def walk(self, asked: WalkOrder) -> "ReplayWalk":
        """Makes the walk that a message asks for.

        Args:
            asked: The message, which names a replay.
        """
        return ReplayWalk(self, asked.order, asked.event, asked.stream)

    def last_sent(self, cursors: CursorStore, message: Message, stream: StreamName) -> str | None:
        """Returns the last event of a stream for which a replay has sent a message.

        It may wait behind the event of another message, and its own message is deleted then.

        Args:
            cursors: The position of the replay in the stream.
            message: A message of the replay.
            stream: The stream.

        Returns:
            None if it is the event of the message, or if its retention has ended.
        """
        name = _cursor_name(message, stream)
        kept = cursors.position(message.subscription_id, name, consistent=True)
        if not kept:
            return None
        _, target, _ = map(int, kept.split())
        ids = [each.event_id for each in self.between(stream, target, target)]
        waiting = [each for each in ids if each != message.event_id]
        return next(iter(self.runner.events.existing(waiting)), None)

    def between(self, stream: StreamName, first: int, last: int) -> list[StreamEntry]:
        """Returns the next entries of a stream between two versions, both included."""
        found = self.streams.between(stream, first, last, _PAGE)
        if found and found[0].version == first:
            return found
        # A stream has no gaps, so an earlier release stored these versions, when all sources shared
        # streams.
        before = found[0].version - 1 if found else last
        return self.streams.shared_between(stream.stream_id, first, before, _PAGE) or found


def _cursor_name(message: Message, stream: StreamName) -> str:
    """The replay's id and the stream's key: no name of a service contains a `#`."""
    return f"{message.replay_id}#{stream.key}"


@dataclass(slots=True)
class ReplayWalk:
    """A walk up to the last event of a stream for which the replay has sent a message.

    That event may be waiting behind one that failed, and its message is deleted then. So the cursor
    keeps its version, and the message of the failed event continues up to it.

    Attributes:
        parts: The stores that it reads.
        order: The message that asks for it.
        event: The event of the message.
        stream: The stream.
        position: The version up to which every event that is owed is settled.
        target: The version up to which it goes.
        subscription_version: The newest version of the subscription that a message named.
    """

    parts: ReplayedStreams
    order: AttemptOrder
    event: Event
    stream: StreamName
    position: int = 0
    target: int = 0
    subscription_version: int = 0
    _replay: "list[Replay | None]" = field(default_factory=list)
    _rights: "list[ReceiveRights]" = field(default_factory=list)
    _page: list[StreamEntry] = field(default_factory=list)
    _records: Mapping[DeliveryKey, Delivery] = field(default_factory=dict)
    _events: Mapping[str, Event] | None = None

    @property
    def cursor_name(self) -> str:
        """The name of the replay's cursor in the stream."""
        return _cursor_name(self.order.message, self.stream)

    @property
    def cursor_days(self) -> int:
        """A day longer than deliveries are kept.

        If both the cursor and the deliveries were gone, a walk would deliver the events again.
        """
        return self.parts.retention_days + 1

    def begin(self, stored: str) -> Message | None:
        """Goes to the stored position, or to where the period begins in the stream."""
        message, version = self.order.message, int(self.event.metadata["stream_version"])
        if stored:
            self.position, self.target, self.subscription_version = map(int, stored.split())
        else:
            self.position = self._start(version)
        self.target = max(self.target, version)
        known = max(self.subscription_version, message.subscription_version)
        self.subscription_version = known
        subscription = self.order.subscription
        if subscription and subscription.version < known:
            # The replay matched a newer version of the subscription than this function has cached.
            return replace(message, subscription_version=known, delay=1)
        return None

    def kept(self) -> str:
        """The position, the target and the version of the subscription."""
        return f"{self.position} {self.target} {self.subscription_version}"

    def entries(self) -> Sequence[StreamEntry]:
        """Returns the next entries that may be owed, with the records of their deliveries."""
        self._events = None
        self._page = self._next_page()
        keys = [self._key(each) for each in self._page]
        self._records = self.parts.runner.deliveries.get_many(keys) if keys else {}
        return self._page

    def turn(self, entry: StreamEntry) -> Turn | None:
        """Decides by the delivery's record; without one, by the replay and the subscription."""
        key = self._key(entry)
        record = self._records.get(key)
        if record is not None and record.status not in SETTLED:
            # The record was read with those of its page, and may have changed since.
            record = self.parts.runner.deliveries.get(key)
        if record is not None:
            return None if record.status in SETTLED else Turn(self._own(entry), record)
        if own := self._own(entry):
            return Turn(own, None)
        event = self._event(entry)
        return Turn(event, None) if event and self._owes(event) else None

    def passed_over(self, record: Delivery | None) -> AttemptResult | None:
        """Records a dead letter if the walk passed the event before the replay matched it."""
        if record is not None or self.event.metadata["stream_version"] > self.position:
            return None
        said = "the event matched only after the replay had sent later events of its stream"
        return self.parts.runner.overtaken(self.order, self.event, said)

    def _start(self, version: int) -> int:
        if version <= _PAGE:
            # One page, whose entries tell when they were stored.
            return 0
        replay = self._criteria()
        if replay is None or replay.event_id:
            return version - 1
        since = replay.stored_since
        return version_certainly_before(self.parts.streams, self.stream, since, version - 1)

    def _next_page(self) -> list[StreamEntry]:
        while self.position < self.target:
            found = self.parts.between(self.stream, self.position + 1, self.target)
            if page := [each for each in found if self._may_be_owed(each)]:
                return page
            if not found:
                break
            self.position = found[-1].version
        return []

    def _key(self, entry: StreamEntry) -> DeliveryKey:
        return replace(self.order.message.key, event_id=entry.event_id)

    def _own(self, entry: StreamEntry) -> Event | None:
        """The event of the message, if the entry is its place: the replay has matched it."""
        return self.event if entry.event_id == self.event.id else None

    def _may_be_owed(self, entry: StreamEntry) -> bool:
        if self._own(entry):
            return True
        replay = self._criteria()
        return replay is not None and replay.may_cover(entry.event_id, entry.created_at)

    def _event(self, entry: StreamEntry) -> Event | None:
        """An event of the page; None if it has expired or cannot be read."""
        if self._events is None:
            left = [each for each in self._page if each.version >= entry.version]
            ids = [each.event_id for each in left if self._key(each) not in self._records]
            self._events, _ = self.parts.runner.events.readable(ids)
        return self._events.get(entry.event_id)

    def _owes(self, event: Event) -> bool:
        """Whether the replay sends an event to the subscription as it is now."""
        replay, subscription = self._criteria(), self.order.subscription
        if replay is None or subscription is None or not replay.covers(event):
            return False
        if event.about == subscription.id or event.stream != self.stream:
            return False
        try:
            matched = self.parts.history.matches(subscription, event)
        except Exception as error:
            if is_unanswered(error):
                raise
            # The replay skips such an event too, and counts it.
            logger.exception("event passed over", replay_id=replay.id, **traces(event))
            return False
        return matched and self._permits(subscription.service_id, event)

    def _permits(self, service_id: str, event: Event) -> bool:
        # Read once for each walk, and never cached for longer: the replay may have seen a right
        # that was given a moment ago.
        if not self._rights:
            self._rights.append(self.parts.rights(service_id, [self.stream.source]))
        return self._rights[0].permits_event(service_id, event)

    def _criteria(self) -> "Replay | None":
        # Read once, if the walk meets other events than that of the message. Never cached beyond
        # the walk: a repeated request may have started the replay again, with a later end.
        if not self._replay:
            self._replay.append(self.parts.replay(self.order.message.replay_id or ""))
        return self._replay[0]
