"""Reads event streams in the order of their versions, and folds them into states."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from event_bus.access.callers import Caller
from event_bus.errors import InvalidRequest
from event_bus.model.event import Event
from event_bus.model.merge_patch import merged
from event_bus.model.stream_name import StreamName
from event_bus.paging import MAX_LIMIT, Portion, first_page
from event_bus.querying.event_finder import READ_BUDGET, EventFinder, Found
from event_bus.stores.streams import StreamStore

MAX_FOLDED = 1_000
"""How many events one state may be folded from."""

MAX_EXAMINED = 10_000
"""How many events one state may be looked for among, with those that are gone or hidden."""

MAX_FOLDED_BYTES = 8 * 1024 * 1024
"""How many bytes of payloads one state may be folded from."""


@dataclass(frozen=True, slots=True)
class Versioned:
    """An event at its place in a stream.

    Attributes:
        version: Its version.
        found: The event.
    """

    version: int
    found: Found


@dataclass(frozen=True, slots=True)
class Folded:
    """A state.

    Attributes:
        stream: The stream.
        version: The last version that was merged or is missing; 0 in a stream without events.
        events: How many events were merged; fewer than `version` where events have expired or the
            caller may not see them.
        state: What their payloads add up to.
    """

    stream: StreamName
    version: int
    events: int
    state: dict[str, Any]


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
    ) -> tuple[list[Versioned], str | None]:
        """Returns a page of a stream; it leaves out events that are gone or hidden from the caller.

        Args:
            stream: The stream.
            between: The lowest and the highest version.
            limit: How many events the page holds at most.
            caller: Who reads.
            behind: The position at which the page before ended.
            backward: Whether the highest versions come first.

        Returns:
            The events, and the position at which the next page begins; None at the end. The page
            may be short, or even empty, before the end: after `READ_BUDGET` events it ends.
        """
        first, last = between
        if behind is not None and backward:
            last = min(last, int(behind) - 1)
        elif behind is not None:
            first = max(first, int(behind) + 1)
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
    ) -> Iterator[Portion[Versioned]]:
        first, last = between
        while entries := self.streams.between(
            stream, first, last, limit + 1, newest_first=backward
        ):
            more = len(entries) > limit
            entries = entries[:limit]
            visible = self.finder.visible([each.event_id for each in entries], caller)
            reached = entries[-1].version
            fitting = [
                (str(each.version), Versioned(each.version, found) if found else None)
                for each in entries
                for found in (visible.get(each.event_id),)
            ]
            yield Portion(fitting, len(entries), str(reached) if more else None)
            if not more:
                return
            first, last = (first, reached - 1) if backward else (reached + 1, last)

    def fold(
        self,
        stream: StreamName,
        at_version: int,
        caller: Caller,
        as_shown: Callable[[Event], Event],
    ) -> Folded:
        """Merges the payloads of a stream, in order, as JSON Merge Patches.

        Args:
            stream: The stream.
            at_version: The last version to include.
            caller: Who reads. Events that it may not see are left out.
            as_shown: Returns an event with the part of its payload that the caller may read.

        Raises:
            InvalidRequest: The stream has more events, or more bytes, than one state may have.
        """
        state: dict[str, Any] = {}
        version = count = size = examined = 0
        own = caller.admin or caller.service_id == stream.source
        for portion in self._portions(stream, (1, at_version), MAX_LIMIT, caller):
            examined += portion.size
            if examined > MAX_EXAMINED:
                raise _too_long(f"{MAX_EXAMINED} events, with those that have expired,")
            for position, each in portion.elements:
                if own or each:
                    # How long a stream is concerns those alone who may see its events.
                    version = int(position)
                if each is None:
                    continue
                count += 1
                if count > MAX_FOLDED:
                    raise _too_long(f"{MAX_FOLDED} events")
                event = as_shown(self.finder.events.with_payload(each.found.event))
                payload = event.json_payload or b"{}"
                size += len(payload)
                if size > MAX_FOLDED_BYTES:
                    raise _too_long(f"{MAX_FOLDED_BYTES} bytes of payloads")
                state = merged(state, orjson.loads(payload))
        return Folded(stream, version, count, state)


def _too_long(limit: str) -> InvalidRequest:
    return InvalidRequest.at(
        "at_version", f"the stream has more than {limit} up to there: name an earlier version"
    )
