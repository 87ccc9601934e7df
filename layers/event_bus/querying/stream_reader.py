"""Reads event streams in the order of their versions."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from event_bus.access.callers import Caller
from event_bus.model.stream_name import StreamName
from event_bus.paging import Portion, first_page, number_at
from event_bus.querying.event_finder import READ_BUDGET, EventFinder, FoundEvent
from event_bus.stores.streams import StreamStore


@dataclass(frozen=True, slots=True)
class VersionedEvent:
    """An event at its place in a stream.

    Attributes:
        version: Its version.
        found: The event.
    """

    version: int
    found: FoundEvent


@dataclass(frozen=True, slots=True)
class StreamSpan:
    """Some versions of an event stream, in the order in which they are read.

    Attributes:
        stream: The stream.
        first: The lowest version.
        last: The highest version.
        backward: Whether the highest versions come first.
    """

    stream: StreamName
    first: int
    last: int
    backward: bool = False

    def behind(self, version: int) -> "StreamSpan":
        """Returns what is left of it after a version was read."""
        if self.backward:
            return replace(self, last=min(self.last, version - 1))
        return self.since(version + 1)

    def since(self, version: int) -> "StreamSpan":
        """Returns it without the versions below this one."""
        return replace(self, first=max(self.first, version))


@dataclass(frozen=True, slots=True)
class StreamReader:
    """Reads streams for those who may see their events.

    Attributes:
        streams: The entries of the streams.
        finder: Finds their events.
    """

    streams: StreamStore
    finder: EventFinder

    def page(
        self,
        span: StreamSpan,
        limit: int,
        caller: Caller,
        *,
        behind: str | None = None,
        removed: bool = False,
    ) -> tuple[list[VersionedEvent], str | None]:
        """Returns a page of a stream; it leaves out events that are gone or hidden from the caller.

        Args:
            span: The versions.
            limit: How many events the page holds at most.
            caller: Who reads.
            behind: The position at which the page before ended.
            removed: Whether to return what a truncation or deletion hides as well.

        Returns:
            The events, and the position at which the next page begins; None at the end. The page
            may be short, or even empty, before the end: after `READ_BUDGET` events it ends.
        """
        if not removed:
            span = span.since(self.streams.marks(span.stream).first_visible)
        reached = number_at(behind)
        if reached is not None:
            span = span.behind(reached)
        return first_page(self._portions(span, limit, caller), limit, READ_BUDGET)

    def _portions(
        self, span: StreamSpan, limit: int, caller: Caller
    ) -> Iterator[Portion[VersionedEvent]]:
        while entries := self.streams.between(
            span.stream, span.first, span.last, limit + 1, newest_first=span.backward
        ):
            more = len(entries) > limit
            entries = entries[:limit]
            visible = self.finder.visible([each.event_id for each in entries], caller)
            reached = entries[-1].version
            fitting = [
                (
                    str(each.version),
                    VersionedEvent(each.version, found)
                    if found and each.holds(found.event)
                    else None,
                )
                for each in entries
                for found in (visible.get(each.event_id),)
            ]
            yield Portion(fitting, len(entries), str(reached) if more else None)
            if not more:
                return
            span = span.behind(reached)
