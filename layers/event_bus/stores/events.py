"""The table of events. Its stream is the outbox from which the router reads.

Like those of all tables, its keys and indexes are declared in `infra/tables.py`.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from event_bus import times
from event_bus.conflicts import fair_attempts
from event_bus.log import logger
from event_bus.model.event import Event
from event_bus.model.stream_version import meets
from event_bus.stores.archive import ArchiveStore, Lost
from event_bus.stores.deduplication import DeduplicationStore
from event_bus.stores.event_items import from_item, is_stub, to_item
from event_bus.stores.event_lists import EventList
from event_bus.stores.items import ConditionFailed, Item, number, text, unexpired
from event_bus.stores.listings import Listing
from event_bus.stores.payloads import PayloadStore, is_missing
from event_bus.stores.refusals import IdTaken, Outdated, Refused, StreamDeleted, WrongVersion
from event_bus.stores.streams import StreamEntry, StreamStore
from event_bus.stores.table import Table
from event_bus.stores.transactions import Part, transact

if TYPE_CHECKING:
    from event_bus.stores.table import Condition

_ATTEMPT_SECONDS = 10
"""For how many seconds storing an event is attempted while others compete.

That is time for some hundred attempts. API Gateway ends a request after 30 seconds."""


class Put(Enum):
    """The result of storing an event. A repetition has the content that is stored."""

    STORED = "stored"
    REPEATED = "repeated"
    CONFLICT = "conflict"
    DEDUPLICATED = "deduplicated"
    FREE = "free"
    """The event could be stored, but another event of the same append could not."""


def _met(event: Event, stored: Event) -> tuple[Put, Event]:
    return (Put.REPEATED if stored.digest == event.digest else Put.CONFLICT), stored


@dataclass(frozen=True, slots=True)
class EventStore:
    """Stores and finds events.

    Attributes:
        table: The table.
        payloads: The bucket of large payloads.
        streams: The event streams, for a function that stores events in them.
        deduplication: The deduplication keys, for a function that stores events with them.
        archive: The archive, for a function that reads events.
    """

    table: Table
    payloads: PayloadStore
    streams: StreamStore | None = None
    deduplication: DeduplicationStore | None = None
    archive: ArchiveStore | None = None

    def put(
        self, event: Event, retention_days: int, expected: int | str | None = None
    ) -> tuple[Put, Event]:
        """Stores an event once, and at the end of its stream if it belongs to one.

        A repeated request finds its own event, by its digest, and counts as a repetition.

        Args:
            event: The event.
            retention_days: How long it is kept, unless it is kept for ever.
            expected: The version that its stream must have; None if any will do.

        Returns:
            The result, and the event that is stored under the id, or the first event with the same
            deduplication key.

        Raises:
            StreamDeleted: The stream was deleted. Nothing is stored.
            WrongVersion: The stream has another version. Nothing is stored.
            TimeoutError: Other events took the next version of the stream, or the deduplication
                key, in every attempt. Nothing is stored.
        """
        claim = self.deduplication.claiming_part(event) if self.deduplication else None
        if claim or (self.streams and event.stream):
            [met] = self._put_with([event], retention_days, expected)
            return met
        self.put_payload(event)
        try:
            self.table.put(
                to_item(event, retention_days),
                **_unless_stored(),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ConditionFailed as refusal:
            return _met(event, self._read(refusal.standing))
        return Put.STORED, event

    def append(
        self, events: Sequence[Event], retention_days: int, expected: int | str | None = None
    ) -> list[tuple[Put, Event]]:
        """Stores several events at the end of their stream, all or none.

        Args:
            events: The events, all of one stream; no two have an id or a deduplication key in
                common.
            retention_days: How long they are kept, unless they are kept for ever.
            expected: The version that their stream must have; None if any will do.

        Returns:
            The result for each event. Where not all of them are `STORED`, nothing was stored.

        Raises:
            StreamDeleted: The stream was deleted. Nothing is stored.
            WrongVersion: The stream has another version. Nothing is stored.
            TimeoutError: Other events took the next versions, or a deduplication key, in every
                attempt. Nothing is stored.
        """
        return self._put_with(events, retention_days, expected)

    def put_payload(self, event: Event) -> None:
        """Puts a payload that is too large for the table into the bucket, before its event."""
        if event.payload is not None and not event.inline:
            joined = _joined(event.payload, event.sealed)
            self.payloads.put(event.id, event.digest, joined, kept=event.kept)

    def adding_part(self, event: Event, retention_days: int) -> Part:
        """Returns the part that stores an event, unless its id is taken."""
        item = to_item(event, retention_days)
        return self.table.put_part(item, IdTaken(event.id), **_unless_stored())

    def _put_with(
        self, events: Sequence[Event], retention_days: int, expected: int | str | None
    ) -> list[tuple[Put, Event]]:
        """Stores events in one transaction with their versions and claims."""
        large = list(events)
        for _ in fair_attempts(_ATTEMPT_SECONDS):
            try:
                placed, entries = self._in_stream(events, expected)
                # Payloads are put only now: after a version conflict, they would stay in the bucket
                # unused.
                while large:
                    self.put_payload(large.pop())
                claims = [
                    self.deduplication.claiming_part(each) for each in placed if self.deduplication
                ]
                # If several conditions do not hold, the first counts. So the events come first: a
                # repeated event is recognised before its key and its version.
                parts = [
                    *(self.adding_part(each, retention_days) for each in placed),
                    *filter(None, claims),
                    *entries,
                ]
                transact(parts)
            except Outdated:
                # Another event took the version, or another transaction was in the way.
                continue
            except Refused as refusal:
                met = [self._met(each) for each in events]
                if any(put is not Put.FREE for put, _ in met):
                    return met
                if isinstance(refusal, WrongVersion | StreamDeleted):
                    raise
            else:
                return [(Put.STORED, each) for each in placed]
        ids = ", ".join(each.id for each in events)
        raise TimeoutError(f"{ids} meets other events in every attempt")

    def _in_stream(
        self, events: Sequence[Event], expected: int | str | None
    ) -> tuple[Sequence[Event], list[Part]]:
        """Returns events with the next versions of their stream, and the parts that take them.

        Raises:
            StreamDeleted: The stream was deleted.
            WrongVersion: The stream does not have the expected version.
        """
        stream = events[0].stream
        if self.streams is None or stream is None:
            return events, []
        end = self.streams.end(stream)
        if end.deleted:
            raise StreamDeleted(stream.stream_id)
        if not meets(expected, end.version):
            raise WrongVersion(end.version)
        placed = [
            replace(each, metadata={**each.metadata, "stream_version": version})
            for version, each in enumerate(events, end.version + 1)
        ]
        entries = [
            StreamEntry(version, each.id, each.created_at)
            for version, each in enumerate(events, end.version + 1)
        ]
        return placed, self.streams.adding_parts(stream, entries, listed=end.listed)

    def _met(self, event: Event) -> tuple[Put, Event]:
        """Returns why an event cannot be stored."""
        if stored := self._item(event.id):
            return _met(event, stored)
        if first := self._first(event):
            return Put.DEDUPLICATED, first
        return Put.FREE, event

    def _first(self, event: Event) -> Event | None:
        """Returns the first event with the same deduplication key, or None."""
        if self.deduplication is None or event.deduplication_key is None:
            return None
        first = self.deduplication.first(event)
        return self._item(first) if first else None

    def get(self, event_id: str) -> Event | None:
        """Returns the event with this id and its payload, or None."""
        stored = self._item(event_id)
        return self.whole(stored) if stored else None

    def _item(self, event_id: str) -> Event | None:
        item = self.table.get({"id": text(event_id)}, ConsistentRead=True)
        return self._read(item) if item and unexpired(item) else None

    def _read(self, item: Item) -> Event:
        """Reads an event from its item, or from the archive if the item is a stub."""
        if not is_stub(item):
            return from_item(item)
        restored, lost = self._restore([item])
        for error in lost.values():
            raise error
        return from_item(restored[0])

    def _restore(self, stubs: Sequence[Item]) -> tuple[Sequence[Item], Lost]:
        """Returns the items that stubs stand for, and why others cannot be read."""
        if not stubs:
            return [], {}
        if self.archive is None:
            raise LookupError("this function does not read the archive")
        return self.archive.restore(stubs)

    def probe(self) -> None:
        """Makes the smallest read, and raises if the table does not answer."""
        self.table.get({"id": text("#health")}, ProjectionExpression="id")

    def get_many(self, event_ids: Iterable[str]) -> dict[str, Event]:
        """Returns the events with these ids, by id, without payloads that lie in the bucket.

        Raises:
            ArchiveDamaged: The archive does not hold an event where its stub says.
            ClientError, BotoCoreError: An object of the archive is missing, or AWS does not answer.
        """
        items, stubs = self._items(event_ids)
        restored, lost = self._restore(stubs)
        for error in lost.values():
            raise error
        return {item["id"]["S"]: from_item(item) for item in [*items, *restored]}

    def readable(self, event_ids: Iterable[str]) -> tuple[dict[str, Event], set[str]]:
        """Returns the events with these ids, as `get_many`, and the ids of those it cannot read."""
        items, stubs = self._items(event_ids)
        restored, lost = self._restore(stubs)
        events: dict[str, Event] = {}
        unreadable = set(lost)
        for item in [*items, *restored]:
            event_id = item["id"]["S"]
            try:
                events[event_id] = from_item(item)
            except (LookupError, ValueError, TypeError):
                logger.exception("event cannot be read", event_id=event_id)
                unreadable.add(event_id)
        return events, unreadable

    def find(self, event_id: str) -> tuple[Event | None, bool]:
        """Returns an event with its payload, or None, and whether it is stored but unreadable."""
        found, unreadable = self.readable([event_id])
        event = found.get(event_id)
        return self.whole(event) if event else None, bool(unreadable)

    def existing(self, event_ids: Iterable[str]) -> set[str]:
        """Returns the ids of those of some events that are stored, whether they can be read or not.

        Nothing is read in the archive.
        """
        items, stubs = self._items(event_ids)
        return {item["id"]["S"] for item in [*items, *stubs]}

    def _items(self, event_ids: Iterable[str]) -> tuple[list[Item], list[Item]]:
        """Returns the items of events, and the stubs of those that are archived."""
        keys = [{"id": text(event_id)} for event_id in dict.fromkeys(event_ids)]
        items: list[Item] = []
        stubs: list[Item] = []
        for item in self.table.batch_get(keys, ConsistentRead=True):
            if unexpired(item):
                (stubs if is_stub(item) else items).append(item)
        return items, stubs

    def with_payload(self, event: Event) -> Event:
        """Returns the event with its payload, which is read from the bucket if it is there."""
        if event.payload is not None:
            return event
        joined = self.payloads.get(event.id, event.digest, kept=event.kept)
        payload, sealed = _parted(joined)
        return replace(event, payload=payload, sealed=sealed)

    def whole(self, event: Event) -> Event | None:
        """Returns the event with its payload; None if the bucket no longer has the payload.

        A shorter `retention_days` deletes payloads at once, but events only at their former time.
        Without its payload, an event has expired.
        """
        try:
            return self.with_payload(event)
        except Exception as error:
            if not is_missing(error):
                raise
            logger.warning("payload is missing", event_id=event.id)
            return None

    def filtered_payload(self, event: Event) -> bytes:
        """Returns the payload as filters see it; a payload that is not JSON is not read."""
        if event.content_type is None:
            event = self.with_payload(event)
        return event.json_payload or b"{}"

    def listed(
        self, listing: Listing, executor: Executor, *, newest_first: bool = True
    ) -> EventList:
        """Returns a list of events.

        Args:
            listing: Which events.
            executor: Reads partitions in parallel.
            newest_first: Whether the list begins with the newest event.
        """
        return EventList(self.table, listing, executor, newest_first)


def _unless_stored() -> "Condition":
    # An event that has expired counts as gone before DynamoDB deletes it.
    return {
        "ConditionExpression": "attribute_not_exists(id) OR expires_at <= :now",
        "ExpressionAttributeValues": {":now": number(int(times.unix()))},
    }


# The sealed part of a payload follows it in a line of its own: compact JSON has no line break.


def _joined(payload: bytes, sealed: str | None) -> bytes:
    return b"\n".join([payload, sealed.encode()]) if sealed else payload


def _parted(lines: bytes) -> tuple[bytes, str | None]:
    payload, _, sealed = lines.partition(b"\n")
    return payload, sealed.decode() or None
