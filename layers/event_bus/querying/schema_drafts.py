"""Drafting schemas for types that have none, from the events that are stored."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from event_bus import json_numbers, times
from event_bus.access.callers import Caller
from event_bus.model.event import Event
from event_bus.paging import PAGE_SECONDS
from event_bus.querying.event_finder import EventFinder
from event_bus.querying.event_query import EventQuery

MAX_EVENTS = 500
"""How many of the newest events one request looks at."""

_PAGE = 100


@dataclass(frozen=True, slots=True)
class SchemaDraft:
    """A draft for a type.

    Attributes:
        type: The type.
        events: How many events it was made from.
        since: The timestamp of the first of them.
        until: The timestamp of the last of them.
        schema: The draft.
    """

    type: str
    events: int
    since: str
    until: str
    schema: Mapping[str, Any] | bool


@dataclass(frozen=True, slots=True)
class SchemaDrafts:
    """Drafts schemas.

    Attributes:
        finder: Finds events that a caller may see; what is sealed in them stays so.
        described: The types that have a schema.
    """

    finder: EventFinder
    described: Callable[[], Collection[str]]

    def of(self, event_type: str | None, caller: Caller) -> Iterator[SchemaDraft]:
        """Yields drafts for the types of the newest events, in the order of the types.

        Args:
            event_type: A type or type pattern; None for all types.
            caller: Who asks.
        """
        described = self.described()
        by_type: dict[str, list[Event]] = {}
        for event in self._newest(event_type, caller):
            is_json = event.payload is not None and event.content_type is None
            if is_json and event.type not in described:
                by_type.setdefault(event.type, []).append(event)
        for name in sorted(by_type):
            yield _draft(name, by_type[name])

    def _newest(self, event_type: str | None, caller: Caller) -> list[Event]:
        query, behind = EventQuery(type=event_type, limit=_PAGE), None
        found: list[Event] = []
        end = times.steady() + PAGE_SECONDS
        for _ in range(MAX_EVENTS // _PAGE):
            page = self.finder.page(query, behind, caller)
            found += [each.event for each in page.found]
            behind = page.position
            if behind is None or times.steady() > end:
                break
        return found


def _draft(event_type: str, events: list[Event]) -> SchemaDraft:
    # Imported here, because only drafts need the library of formats.
    from event_bus.schemas.inference import draft_of  # noqa: PLC0415

    moments = sorted(event.timestamp for event in events)
    payloads = [json_numbers.loads(event.payload or b"{}") for event in events]
    return SchemaDraft(event_type, len(events), moments[0], moments[-1], draft_of(payloads))
