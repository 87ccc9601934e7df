"""The indexes of events, and the partitions that contain the events of a list.

Events are arranged in one grid. The source of an event determines its row, and its domain, which is
the first segment of its type, its column. So one entry in one index serves the lists by time (all
cells), by source (a row) and by domain (a column). Several sources share a row, so DynamoDB filters
out the events of the others.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from event_bus.stores.items import Item, text

ROWS = 4
COLUMNS = 4
SHARDS = 2
"""How many partitions each cell is spread over.

A partition takes 1,000 writes a second, so that one source may have 2,000 events of one domain a
second.
"""

ODD_SHARDS = 4
"""How many partitions the events that were stored at another time than they happened are spread
over."""

POSITIONS = {
    "by_cell": ("cell", "position"),
    "by_odd": ("odd_shard", "odd_position"),
    "by_correlation": ("correlation_id", "position"),
    "by_trace": ("trace_id", "position"),
}
"""The partition key and the sort key of each index."""


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition of one index: events in the order of their positions.

    Attributes:
        index: The name of the index.
        key: The value of its partition key.
    """

    index: str
    key: str


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """An entry of an index: the attributes of an event that the index contains.

    Attributes:
        position: Its place in the list: a time, which is its timestamp in all indexes but one, and
            its id.
        id: The event.
        type: Its type.
        source: Its source.
        correlation_id: Its correlation id, if any.
        trace_id: Its trace id, if any.
    """

    position: str
    id: str
    type: str
    source: str
    correlation_id: str | None
    trace_id: str | None

    @property
    def time(self) -> str:
        """The time in its position, RFC 3339."""
        return self.position.partition("#")[0]


@dataclass(frozen=True, slots=True)
class ListPage:
    """A part of a list, without a gap.

    Attributes:
        entries: The entries, in order.
        reached: The last position that was looked at; None if the list ends.
        looked_at: The number of entries that were read, including those filtered out.
    """

    entries: Sequence[ListedEvent]
    reached: str | None
    looked_at: int

    @property
    def end(self) -> str | None:
        """The last known position; None if there is none."""
        return self.reached or (self.entries[-1].position if self.entries else None)

    def cut(self, length: int) -> "ListPage":
        """Returns the same part with at most this many entries."""
        if len(self.entries) <= length:
            return self
        entries = self.entries[:length]
        return ListPage(entries, entries[-1].position, self.looked_at)


@dataclass(frozen=True, slots=True)
class EventSelector:
    """Selects events by source and domain.

    Attributes:
        source: Their source; None for any.
        domain: The first segment of their types; None for any.
    """

    source: str | None = None
    domain: str | None = None

    def cells(self) -> Iterator[str]:
        """Yields the cells that hold them."""
        rows = range(ROWS) if self.source is None else [_bucket(self.source, ROWS)]
        columns = range(COLUMNS) if self.domain is None else [_bucket(self.domain, COLUMNS)]
        for row in rows:
            for column in columns:
                for shard in range(SHARDS):
                    yield f"{row}.{column}.{shard}"


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of events.

    Attributes:
        partitions: The partitions that hold them.
        selectors: Select the events of the list; all events if there are none.
    """

    partitions: tuple[Partition, ...]
    selectors: tuple[EventSelector, ...] = ()

    def __add__(self, other: "Listing") -> "Listing":
        return Listing(self.partitions + other.partitions, self.selectors + other.selectors)

    def filter(self) -> dict[str, Any]:
        """Returns the part of a query that filters out events that are not listed."""
        either: list[str] = []
        names: dict[str, str] = {}
        values: Item = {}
        for place, selector in enumerate(self.selectors):
            of_source = f"#source = :source{place}"
            of_domain = f"#type = :type{place} OR begins_with(#type, :domain{place})"
            if selector.source is not None:
                names["#source"] = "source"
                values[f":source{place}"] = text(selector.source)
            if selector.domain is not None:
                names["#type"] = "type"
                values[f":type{place}"] = text(selector.domain)
                values[f":domain{place}"] = text(f"{selector.domain}.")
            # DynamoDB refuses parentheses that are not needed.
            if selector.domain is None:
                either.append(of_source)
            elif selector.source is None:
                either.append(of_domain)
            else:
                either.append(f"{of_source} AND ({of_domain})")
        if not either:
            return {}
        return {
            "FilterExpression": " OR ".join(either),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }


def all_events() -> Listing:
    """Returns every event."""
    return Listing(_cells(EventSelector()))


def with_any(*selectors: EventSelector) -> Listing:
    """Returns the events that have any of some selectors."""
    return Listing(_cells(*selectors), selectors)


def all_odd_events() -> Listing:
    """Returns the events that were stored at another time than they happened."""
    return Listing(tuple(Partition("by_odd", str(shard)) for shard in range(ODD_SHARDS)))


def of_correlation(correlation_id: str) -> Listing:
    """Returns the events with this correlation id."""
    return Listing((Partition("by_correlation", correlation_id),))


def of_trace(trace_id: str) -> Listing:
    """Returns the events with this trace id."""
    return Listing((Partition("by_trace", trace_id),))


def domain_of(event_type: str) -> str:
    """Returns the first segment of a type."""
    return event_type.partition(".")[0]


def cell_of(event_id: str, event_type: str, source: str) -> str:
    """Returns the cell that an event is in."""
    row, column = _bucket(source, ROWS), _bucket(domain_of(event_type), COLUMNS)
    return f"{row}.{column}.{_bucket(event_id, SHARDS)}"


def odd_shard_of(event_id: str) -> str:
    """Returns the partition of an event that was stored at another time than it happened."""
    return str(_bucket(event_id, ODD_SHARDS))


def behind(position: str) -> str:
    """Returns the lower bound of the entries after a position, for a list with the oldest first."""
    # With a space appended, it sorts after the position itself and before any other.
    return position + " "


def entry(item: Mapping[str, Any], position: str) -> ListedEvent:
    """Returns the entry of an item of an index.

    Args:
        item: The item.
        position: The name of the index's sort key.
    """
    return ListedEvent(
        position=item[position]["S"],
        id=item["id"]["S"],
        type=item["type"]["S"],
        source=item["source"]["S"],
        correlation_id=item.get("correlation_id", {}).get("S"),
        trace_id=item.get("trace_id", {}).get("S"),
    )


def _cells(*selectors: EventSelector) -> tuple[Partition, ...]:
    cells = {cell for selector in selectors for cell in selector.cells()}
    return tuple(Partition("by_cell", cell) for cell in sorted(cells))


def _bucket(word: str, count: int) -> int:
    return zlib.crc32(word.encode()) % count
