"""Finds event streams: the head of one, and lists."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from event_bus.access.callers import Caller
from event_bus.errors import MalformedRequest, NotFound
from event_bus.model.stream_name import StreamName
from event_bus.model.stream_version import MAX_VERSION
from event_bus.paging import MAX_LIMIT, Portion, first_page
from event_bus.querying.event_finder import READ_BUDGET, EventFinder
from event_bus.stores.streams import (
    UNMARKED,
    ListedStream,
    StreamEntry,
    StreamMarks,
    StreamStore,
    last_with,
    ranges_of,
)


@dataclass(frozen=True, slots=True)
class StreamHead:
    """A stream as a whole.

    Attributes:
        name: Its name.
        first: Its first event.
        last: Its last event.
        marks: Whether it was truncated or deleted.
    """

    name: StreamName
    first: StreamEntry
    last: StreamEntry
    marks: StreamMarks


@dataclass(frozen=True, slots=True)
class StreamSummary:
    """A stream in a list.

    Attributes:
        listed: Its name, and the entry by which it is listed.
        marks: Whether it was truncated or deleted.
    """

    listed: ListedStream
    marks: StreamMarks


@dataclass(frozen=True, slots=True)
class StreamFinder:
    """Finds streams for those who may see them.

    The source of a stream and an admin see it. Others see a stream in a list if they may see its
    first event, and its head if they may see its last one and it was not deleted.

    Attributes:
        streams: The streams.
        finder: Finds their events.
    """

    streams: StreamStore
    finder: EventFinder

    def head(self, stream: StreamName, caller: Caller) -> StreamHead:
        """Returns a stream as a whole.

        Raises:
            NotFound: It has no events, or the caller may not see it.
        """
        last = self.streams.between(stream, 1, MAX_VERSION, 1, newest_first=True)
        if last:
            marks = self.streams.marks(stream)
            if self._sees(stream, last[0], marks, caller):
                first = self.streams.after(stream, 0, 1)
                return StreamHead(stream, first[0], last[0], marks)
        raise NotFound.of(f"stream {stream.stream_id} of {stream.source}")

    def page(
        self,
        source: str,
        category: str | None,
        prefix: str | None,
        after: str | None,
        limit: int,
        caller: Caller,
    ) -> tuple[list[StreamSummary], str | None]:
        """Returns a page of the streams of a source, in the order of their ids.

        Args:
            source: The service that publishes them.
            category: Their category; None for all.
            prefix: The beginning of their ids.
            after: The id after which the page begins; None for the first page.
            limit: How many streams the page holds at most.
            caller: Who reads.

        Returns:
            The streams, and the id after which the next page begins; None at the end. Those that
            the caller may not see are left out. A page may be short before the end, if so many of
            them were read that reading stopped.
        """
        ranges = _ranges(category, prefix or "")
        portions = self._portions(source, ranges, after, limit, caller)
        found, rest = first_page(portions, limit, READ_BUDGET)
        marks = self.streams.marks_of(each.name for each in found)
        return [StreamSummary(each, marks.get(each.name, UNMARKED)) for each in found], rest

    def _portions(
        self,
        source: str,
        ranges: Sequence[tuple[str, str]],
        after: str | None,
        limit: int,
        caller: Caller,
    ) -> Iterator[Portion[ListedStream]]:
        owns = _owns(source, caller)
        # A caller that may not see all streams reads long portions: the page then ends at a stream
        # that it may see, unless many hidden ones follow each other.
        size = limit if owns else MAX_LIMIT
        while True:
            read: list[ListedStream] = []
            for first, last in ranges:
                # One more tells whether there is a next page.
                if (left := size + 1 - len(read)) > 0:
                    read += self.streams.listed(source, first, last, after, left)
            portion = read[:size]
            ids = [each.first.event_id for each in portion]
            seen = set(ids) if owns else set(self.finder.visible(ids, caller))
            after = portion[-1].name.stream_id if len(read) > size else None
            elements = [
                (each.name.stream_id, each if each.first.event_id in seen else None)
                for each in portion
            ]
            yield Portion(elements, len(portion), after)
            if after is None:
                return

    def _sees(
        self, stream: StreamName, last: StreamEntry, marks: StreamMarks, caller: Caller
    ) -> bool:
        if _owns(stream.source, caller):
            return True
        if marks.first_visible > last.version:
            return False
        return bool(self.finder.visible([last.event_id], caller))


def _owns(source: str, caller: Caller) -> bool:
    return caller.admin or caller.service_id == source


def _ranges(category: str | None, prefix: str) -> list[tuple[str, str]]:
    """Returns the ranges of ids that belong to a category and begin with a prefix."""
    if category is None:
        return [(prefix or "\x20", last_with(prefix))]
    if not prefix:
        return ranges_of(category)
    if not prefix.startswith(f"{category}/"):
        raise MalformedRequest.at("prefix", f"must begin with {category}/, or leave out category")
    return [(prefix, last_with(prefix))]
