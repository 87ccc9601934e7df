"""The table of event streams: the event of each version, without gaps.

A stream belongs to the source of its events. Two sources that use one stream id have two streams.

Entries stay when their events expire. A stream that began again from a lower version would mislead
subscribers that remember how far they have read.

The first entry of a stream carries what lists find it by. A stream that was truncated or deleted
has a record of that under the version 0. The end of a deleted stream is an entry without an event:
it takes the next version, so an append and a deletion at the same time cannot both succeed.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from event_bus import times
from event_bus.model.event import Event, is_former
from event_bus.model.stream_name import StreamName
from event_bus.model.stream_version import MAX_VERSION
from event_bus.stores.items import ConditionFailed, Item, number, text
from event_bus.stores.refusals import Outdated
from event_bus.stores.table import Table
from event_bus.stores.transactions import Part, transact

if TYPE_CHECKING:
    from event_bus.stores.table import Query

_KEY_BYTES = 1024
"""The longest sort key, in bytes."""

_LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """An event of a stream.

    Attributes:
        version: Its version in the stream, from 1.
        event_id: The event.
        created_at: When it was stored, RFC 3339.
    """

    version: int
    event_id: str
    created_at: str

    def holds(self, event: Event) -> bool:
        """Returns whether the entry was stored for this event, and not for one that had its id.

        Entries outlive their events, and then another event may have the same id, even one of
        another service. One transaction stores an event and its entry, with the same time.
        """
        return not is_former(self.created_at, event.created_at)

    def event_in(self, found: Mapping[str, Event]) -> Event | None:
        """Returns the event of the entry, if it is among some events by id."""
        event = found.get(self.event_id)
        return event if event and self.holds(event) else None


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """The end of a stream.

    Attributes:
        version: The version of the last event; 0 if there is none.
        listed: Whether lists find the stream.
        deleted: Whether the stream was deleted, and accepts no more events.
    """

    version: int
    listed: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class StreamMarks:
    """The changes of a stream as a whole.

    Attributes:
        truncate_before: The version before which events are hidden; 0 for none.
        deleted_at: When it was deleted, RFC 3339; None if it was not.
    """

    truncate_before: int = 0
    deleted_at: str | None = None

    @property
    def first_visible(self) -> int:
        """The lowest version that readers see."""
        return MAX_VERSION + 1 if self.deleted_at else max(1, self.truncate_before)


UNMARKED = StreamMarks()
"""The marks of a stream that was neither truncated nor deleted."""


@dataclass(frozen=True, slots=True)
class ListedStream:
    """A stream in a list.

    Attributes:
        name: Its name.
        first: The entry by which it is listed: its first, or the first one since the bus lists
            streams.
    """

    name: StreamName
    first: StreamEntry


@dataclass(frozen=True, slots=True)
class _VersionRange:
    """A range of versions, both ends included.

    Attributes:
        key: The partition key of their entries.
        first: The lowest version.
        last: The highest version.
    """

    key: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class StreamStore:
    """Reads streams, and makes the parts of transactions that append to them.

    Attributes:
        table: The table.
    """

    table: Table

    def end(self, stream: StreamName) -> StreamEnd:
        """Returns the end of a stream."""
        # In earlier releases all sources shared a stream of one id. A source continues from the
        # version that its subscribers may have seen there.
        for key in (stream.key, stream.stream_id):
            for item in self.table.query(1, **_after(key, 0, newest_first=True)):
                version = int(item["version"]["N"])
                if "event_id" not in item:
                    return StreamEnd(version - 1, listed=True, deleted=True)
                return StreamEnd(version, listed=key == stream.key and "listed" in item)
        return StreamEnd(0)

    def last_version(self, stream: StreamName) -> int:
        """Returns the version of the last event; 0 if the stream does not exist."""
        return self.end(stream).version

    def after(self, stream: StreamName, version: int, limit: int) -> list[StreamEntry]:
        """Returns the entries after a version, in order."""
        query = _after(stream.key, version, newest_first=False)
        return entries_of(self.table.query(limit, **query))

    def between(
        self, stream: StreamName, first: int, last: int, limit: int, *, newest_first: bool = False
    ) -> list[StreamEntry]:
        """Returns the entries from one version to another, both included.

        Args:
            stream: The stream.
            first: The lowest version.
            last: The highest version.
            limit: How many entries to return at most.
            newest_first: Whether the highest versions come first.
        """
        versions = _VersionRange(stream.key, first, last)
        return self._entries(versions, limit, newest_first=newest_first)

    def shared_between(
        self, stream_id: str, first: int, last: int, limit: int
    ) -> list[StreamEntry]:
        """Returns the entries of a time when all sources shared the streams of one id, in order.

        Args:
            stream_id: The id.
            first: The lowest version.
            last: The highest version.
            limit: How many entries to return at most.
        """
        versions = _VersionRange(stream_id, first, last)
        return self._entries(versions, limit, newest_first=False)

    def adding_parts(
        self, stream: StreamName, entries: Sequence[StreamEntry], *, listed: bool
    ) -> list[Part]:
        """Returns the parts that give events their versions, unless others have them.

        Args:
            stream: The stream.
            entries: The events, in the order of their versions.
            listed: Whether lists find the stream already; if not, the first entry has it listed.
        """
        parts = []
        for place, entry in enumerate(entries):
            item: Item = {
                **entry_key(stream, entry.version),
                "event_id": text(entry.event_id),
                "created_at": text(entry.created_at),
                "listed": {"BOOL": True},
            }
            if place == 0 and not listed:
                item |= {"source": text(stream.source), "name": text(stream.stream_id)}
            parts.append(self._adding_part(stream, item))
        return parts

    def _adding_part(self, stream: StreamName, item: Item) -> Part:
        return self.table.put_part(
            item,
            Outdated(stream.stream_id),
            ConditionExpression="attribute_not_exists(stream_id)",
        )

    def marks(self, stream: StreamName) -> StreamMarks:
        """Returns what was done to a stream as a whole."""
        item = self.table.get(_mark_key(stream), ConsistentRead=True)
        return _marks(item or {})

    def marks_of(self, streams: Iterable[StreamName]) -> dict[StreamName, StreamMarks]:
        """Returns what was done to streams as a whole, without streams that were not changed."""
        by_key = {stream.key: stream for stream in streams}
        keys = [_mark_key(stream) for stream in by_key.values()]
        items = self.table.batch_get(keys, ConsistentRead=True)
        return {by_key[item["stream_id"]["S"]]: _marks(item) for item in items}

    def truncate(self, stream: StreamName, version: int) -> None:
        """Hides the events before a version; a lower version than before changes nothing."""
        with suppress(ConditionFailed):
            self.table.update(
                _mark_key(stream),
                UpdateExpression="SET truncate_before = :version",
                ConditionExpression="attribute_not_exists(truncate_before) "
                "OR truncate_before < :version",
                ExpressionAttributeValues={":version": number(version)},
            )

    def delete(self, stream: StreamName, version: int) -> None:
        """Ends a stream: it accepts no more events, and readers see none of it.

        Args:
            stream: The stream.
            version: The version of its last event.

        Raises:
            Outdated: An event was appended meanwhile, or the stream was deleted.
        """
        now = times.now()
        end = {**entry_key(stream, version + 1), "created_at": text(now)}
        marking = self.table.update_part(
            _mark_key(stream),
            UpdateExpression="SET deleted_at = :now",
            ExpressionAttributeValues={":now": text(now)},
        )
        transact([self._adding_part(stream, end), marking])

    def listed(
        self, source: str, first: str, last: str, after: str | None, limit: int
    ) -> list[ListedStream]:
        """Returns streams of a source by their ids, in order; very new ones may be missing.

        Args:
            source: The service that publishes them.
            first: The lowest id.
            last: The highest id.
            after: The id after which the page begins; None for the first page.
            limit: How many streams to return at most.
        """
        low = max(first, after or "", key=str.encode)
        if low.encode() > last.encode():
            return []
        items = self.table.query(
            # The range includes its lower bound: the last stream of the previous page comes first.
            limit + 1,
            IndexName="by_source",
            KeyConditionExpression="#source = :source AND #name BETWEEN :low AND :high",
            ExpressionAttributeNames={"#source": "source", "#name": "name"},
            ExpressionAttributeValues={
                ":source": text(source),
                ":low": text(low),
                ":high": text(last),
            },
        )
        found = [_listed(item) for item in items]
        return [each for each in found if each.name.stream_id != after][:limit]

    def _entries(
        self, versions: _VersionRange, limit: int, *, newest_first: bool
    ) -> list[StreamEntry]:
        if versions.last < versions.first:
            return []
        items = self.table.query(
            # One of them may be the end of a deleted stream.
            limit + 1,
            KeyConditionExpression="stream_id = :stream AND version BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":stream": text(versions.key),
                ":first": number(versions.first),
                ":last": number(versions.last),
            },
            ConsistentRead=True,
            ScanIndexForward=not newest_first,
        )
        return entries_of(items)[:limit]


def last_with(prefix: str) -> str:
    """Returns an id that is not lower than any that begins with a prefix."""
    return prefix + _LAST_CHARACTER * ((_KEY_BYTES - len(prefix.encode())) // 4)


def ranges_of(category: str) -> list[tuple[str, str]]:
    """Returns the ranges of the ids that belong to a category, in order."""
    # A stream whose id has no slash is a category of its own.
    only, prefix = (category, category), f"{category}/"
    # No id begins with a prefix as long as the longest ids.
    return [only, (prefix, last_with(prefix))] if len(prefix.encode()) < _KEY_BYTES else [only]


def entry_key(stream: StreamName, version: int) -> Item:
    """Returns the primary key of an entry."""
    return {"stream_id": text(stream.key), "version": number(version)}


def entries_of(items: Iterable[Mapping[str, Any]]) -> list[StreamEntry]:
    """Reads entries from their items."""
    # The end of a deleted stream is not an event.
    return [_entry(item) for item in items if "event_id" in item]


def _after(key: str, version: int, *, newest_first: bool) -> "Query":
    """Returns the query for the entries after a version."""
    return {
        "KeyConditionExpression": "stream_id = :stream AND version > :version",
        "ExpressionAttributeValues": {":stream": text(key), ":version": number(version)},
        "ConsistentRead": True,
        "ScanIndexForward": not newest_first,
    }


def _mark_key(stream: StreamName) -> Item:
    return entry_key(stream, 0)


def _entry(item: Mapping[str, Any]) -> StreamEntry:
    return StreamEntry(int(item["version"]["N"]), item["event_id"]["S"], item["created_at"]["S"])


def _marks(item: Mapping[str, Any]) -> StreamMarks:
    truncate_before = int(item.get("truncate_before", {}).get("N", 0))
    return StreamMarks(truncate_before, item.get("deleted_at", {}).get("S"))


def _listed(item: Mapping[str, Any]) -> ListedStream:
    return ListedStream(StreamName(item["source"]["S"], item["name"]["S"]), _entry(item))
