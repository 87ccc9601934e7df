"""The tables of one field of events, one for each kind of access key."""

from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar

from event_bus.matching.access_keys import (
    BLOCK,
    EQUAL,
    FOLDED,
    FOLDED_PREFIX,
    FOLDED_SUFFIX,
    INFIX,
    INTERVAL,
    PREFIX,
    PRESENT,
    SUFFIX,
)
from event_bus.matching.range_tables import BlockTable, IntervalTable
from event_bus.matching.tables import EntryTable, EqualTable, FoundEntries, PresentTable
from event_bus.matching.text_tables import (
    FoldedPrefixTable,
    FoldedSuffixTable,
    FoldedTable,
    InfixTable,
    PrefixTable,
    SuffixTable,
)
from event_bus.matching.value_index import ValueIndex

T = TypeVar("T")


class FieldTables(Generic[T]):
    """The tables of one field.

    Attributes:
        tables: The table for each kind of access key that is in use.
    """

    __slots__ = ("tables",)

    _KINDS: ClassVar[dict[str, Callable[[], EntryTable[Any]]]] = {
        BLOCK: BlockTable,
        EQUAL: EqualTable,
        FOLDED: FoldedTable,
        FOLDED_PREFIX: FoldedPrefixTable,
        FOLDED_SUFFIX: FoldedSuffixTable,
        INFIX: InfixTable,
        INTERVAL: IntervalTable,
        PREFIX: PrefixTable,
        PRESENT: PresentTable,
        SUFFIX: SuffixTable,
    }

    def __init__(self) -> None:
        self.tables: dict[str, EntryTable[T]] = {}

    def get(self, kind: str, key: object) -> T | None:
        """Returns the entry of an access key, or None."""
        table = self.tables.get(kind)
        return None if table is None else table.entries.get(key)

    def add(self, kind: str, key: object, entry: T) -> None:
        """Adds an entry under an access key that has none."""
        if kind not in self.tables:
            self.tables[kind] = self._KINDS[kind]()
        self.tables[kind].add(key, entry)

    def discard(self, kind: str, key: object) -> None:
        """Removes the entry of an access key, and its table if that is then empty."""
        table = self.tables[kind]
        table.discard(key)
        if not table.entries:
            del self.tables[kind]

    def find(self, value: object, found: FoundEntries[T]) -> None:
        """Appends the entries that a scalar finds."""
        for table in self.tables.values():
            table.find(value, found)

    def find_one(self, value: object, found: FoundEntries[T]) -> None:
        """Appends the entries that a scalar finds, and counts the steps of each lookup."""
        for table in self.tables.values():
            table.find_one(value, found)

    def find_any(self, values: ValueIndex, found: FoundEntries[T]) -> None:
        """Appends the entries that any of several scalars finds."""
        for table in self.tables.values():
            table.find_any(values, found)
