"""The filters and the order of `GET /events`."""

from dataclasses import dataclass
from typing import Literal

from event_bus.matching.event_types import WILDCARD, matches_type
from event_bus.stores import listings
from event_bus.stores.listings import ListedEvent, domain_of

Order = Literal["newest", "oldest"]


@dataclass(frozen=True, slots=True)
class EventQuery:
    """The filters of a list of events.

    Attributes:
        type: A type, or a type pattern (`task.*`).
        source: The publishing service.
        correlation_id: The correlation id.
        trace_id: The trace id.
        since: The beginning of the period, included.
        until: The end of the period, excluded.
        processed: Whether the event was routed.
        order: Which end of the list comes first.
        limit: How many events a page holds at most.
    """

    type: str | None = None
    source: str | None = None
    correlation_id: str | None = None
    trace_id: str | None = None
    since: str | None = None
    until: str | None = None
    processed: bool | None = None
    order: Order = "newest"
    limit: int = 50

    @property
    def newest_first(self) -> bool:
        """Whether the newest events come first."""
        return self.order == "newest"

    @property
    def domain(self) -> str | None:
        """The first segment that all types of the query share, if there is one."""
        first = domain_of(self.type or WILDCARD)
        return None if first == WILDCARD else first

    def between(self, behind: str | None) -> tuple[str, str]:
        """Returns the first and the last position of the rest of the list.

        Args:
            behind: The position of the last event that was looked at, if any.
        """
        # Positions are timestamp#id, in ASCII below "~": so a bare timestamp sorts before its
        # events, and these two bounds leave out the position itself and nothing else.
        first, last = self.since or "0", self.until or "~"
        if behind and self.newest_first:
            last = min(last, behind[:-1] + chr(ord(behind[-1]) - 1) + "~")
        elif behind:
            first = max(first, listings.behind(behind))
        return first, last

    def selects(self, entry: ListedEvent) -> bool:
        """Returns whether the query selects an event, as far as its entry in an index shows."""
        return (
            (self.type is None or matches_type(self.type, entry.type))
            and self.source in (None, entry.source)
            and self.correlation_id in (None, entry.correlation_id)
            and self.trace_id in (None, entry.trace_id)
        )
