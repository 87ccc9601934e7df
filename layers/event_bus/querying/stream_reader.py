"""Reads event streams in the order of their versions."""

from collections.abc import Iterator
from dataclasses import dataclass

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
        stream: StreamName,
        between: tuple[int, int],
        limit: int,
        caller: Caller,
        *,
        behind: str | None = None,
        backward: bool = False,
        removed: bool = False,
    ) -> tuple[list[VersionedEvent], str | None]:
        """Returns a page of a stream; it leaves out events that are gone or hidden from the caller.

        Args:
            stream: The stream.
            between: The lowest and the highest version.
            limit: How many events the page holds at most.
            caller: Who reads.
            behind: The position at which the page before ended.
            backward: Whether the highest versions come first.
            removed: Whether to return what a truncation or deletion hides as well.

        Returns:
            The events, and the position at which the next page begins; None at the end. The page
            may be short, or even empty, before the end: after `READ_BUDGET` events it ends.
        """
        first, last = between
        if not removed:
            first = max(first, self.streams.marks(stream).first_visible)
        reached = number_at(behind)
        if reached is not None and backward:
            last = min(last, reached - 1)
        elif reached is not None:
            first = max(first, reached + 1)
        portions = self._portions(stream, (first, last), limit, caller, backward=backward)
        return first_page(portions, limit, READ_BUDGET)

    def _portions(
        self,
        stream: StreamName,
        between: tuple[int, int],
        limit: int,
        caller: Caller,
        *,
        backward: bool = False,
    ) -> Iterator[Portion[VersionedEvent]]:
        first, last = between
        while entries := self.streams.between(
            stream, first, last, limit + 1, newest_first=backward
        ):
            more = len(entries) > limit
            entries = entries[:limit]
            visible = self.finder.visible([each.event_id for each in entries], caller)
            reached = entries[-1].version
            fitting = [
                (str(each.version), VersionedEvent(each.version, found) if found else None)
                for each in entries
                for found in (visible.get(each.event_id),)
            ]
            yield Portion(fitting, len(entries), str(reached) if more else None)
            if not more:
                return
            first, last = (first, reached - 1) if backward else (reached + 1, last)
