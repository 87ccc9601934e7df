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
class StreamListing:
    """The streams of a source in the order of their ids, as a caller asks for them.

    Attributes:
        source: The service that publishes them.
        category: Their category; None for all.
        prefix: The beginning of their ids.
        caller: Who reads.
    """

    source: str
    category: str | None
    prefix: str
    caller: Caller

    @property
    def owned(self) -> bool:
        """Whether the caller may see all of them."""
        return _owns(self.source, self.caller)

    def ranges(self) -> list[tuple[str, str]]:
        """Returns the ranges of their ids.

        Raises:
            MalformedRequest: The prefix does not begin with the category and a slash.
        """
        if self.category is None:
            return [(self.prefix or "\x20", last_with(self.prefix))]
        if not self.prefix:
            return ranges_of(self.category)
        if not self.prefix.startswith(f"{self.category}/"):
            detail = f"must begin with {self.category}/, or leave out category"
            raise MalformedRequest.at("prefix", detail)
        return [(self.prefix, last_with(self.prefix))]


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
        self, listing: StreamListing, after: str | None, limit: int
    ) -> tuple[list[StreamSummary], str | None]:
        """Returns a page of streams.

        Args:
            listing: The streams.
            after: The id after which the page begins; None for the first page.
            limit: How many streams the page holds at most.

        Returns:
            The streams, and the id after which the next page begins; None at the end. Those that
            the caller may not see are left out. A page may be short before the end, if so many of
            them were read that reading stopped.
        """
        found, rest = first_page(self._portions(listing, after, limit), limit, READ_BUDGET)
        marks = self.streams.marks_of(each.name for each in found)
        return [StreamSummary(each, marks.get(each.name, UNMARKED)) for each in found], rest

    def _portions(
        self, listing: StreamListing, after: str | None, limit: int
    ) -> Iterator[Portion[ListedStream]]:
        owns = listing.owned
        ranges = listing.ranges()
        # A caller that may not see all streams reads long portions: the page then ends at a stream
        # that it may see, unless many hidden ones follow each other.
        size = limit if owns else MAX_LIMIT
        while True:
            read: list[ListedStream] = []
            for first, last in ranges:
                # One more tells whether there is a next page.
                if (left := size + 1 - len(read)) > 0:
                    read += self.streams.listed(listing.source, first, last, after, left)
            portion = read[:size]
            firsts = [each.first for each in portion]
            ids = {each.event_id for each in firsts}
            seen = ids if owns else self._shown(firsts, listing.caller)
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
        return self._shown([last], caller) != set()

    def _shown(self, entries: Sequence[StreamEntry], caller: Caller) -> set[str]:
        """Returns the ids of those events of entries that the caller may see."""
        found = self.finder.visible([each.event_id for each in entries], caller)
        return {
            each.event_id
            for each in entries
            if each.event_id in found and each.holds(found[each.event_id].event)
        }


def _owns(source: str, caller: Caller) -> bool:
    return caller.admin or caller.service_id == source
