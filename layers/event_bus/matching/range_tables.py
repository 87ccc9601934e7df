"""Tables of intervals of numbers, and of blocks of addresses."""

from typing import TypeVar, cast

from event_bus.matching.addresses import block_ends, parse_address
from event_bus.matching.intervals import IntervalSet
from event_bus.matching.operators import is_number
from event_bus.matching.sorted_values import ADDRESS, NUMBER
from event_bus.matching.tables import EntryTable, FoundEntries
from event_bus.matching.value_index import ValueIndex

T = TypeVar("T")


class IntervalTable(EntryTable[T]):
    """Finds the intervals that contain a number."""

    __slots__ = ("_intervals",)

    def __init__(self) -> None:
        super().__init__()
        self._intervals: IntervalSet[T] = IntervalSet()

    def add(self, key: tuple[float, float], entry: T) -> None:
        """Adds an entry under a key that has none."""
        super().add(key, entry)
        self._intervals.add(*key, entry)

    def discard(self, key: tuple[float, float]) -> None:
        """Removes the entry of a key."""
        self._intervals.discard(*key, self.entries[key])
        super().discard(key)

    def find(self, value: object, found: FoundEntries[T]) -> None:
        """Appends the entries that a scalar finds."""
        if is_number(value):
            before = len(found)
            self._intervals.find(cast("float", value), found)
            found.work.take(len(found) - before)

    def steps(self) -> int:
        """Returns the steps of finding entries from one value, before it is known how many."""
        return 16 + 6 * self._intervals.levels

    def _met(self, key: tuple[float, float], values: ValueIndex) -> bool:
        return values.has_between(*key, NUMBER)


class BlockTable(EntryTable[T]):
    """Finds the address blocks that contain an address, by one lookup for each prefix length."""

    __slots__ = ("_lengths",)

    def __init__(self) -> None:
        super().__init__()
        self._lengths: dict[tuple[int, int], int] = {}

    def add(self, key: tuple[int, int, int], entry: T) -> None:
        """Adds an entry under a key that has none."""
        super().add(key, entry)
        self._lengths[key[:2]] = self._lengths.get(key[:2], 0) + 1

    def discard(self, key: tuple[int, int, int]) -> None:
        """Removes the entry of a key."""
        super().discard(key)
        self._lengths[key[:2]] -= 1
        if not self._lengths[key[:2]]:
            del self._lengths[key[:2]]

    def find(self, value: object, found: FoundEntries[T]) -> None:
        """Appends the entries that a scalar finds."""
        address = parse_address(value) if isinstance(value, str) else None
        if address is None:
            return
        width, number = address
        for length in self._lengths:
            if length[0] == width:
                entry = self.entries.get((*length, number >> (width - length[1])))
                if entry is not None:
                    found.append(entry)

    def steps(self) -> int:
        """Returns the steps of finding entries from one value, including reading the address."""
        return 20 + 3 * len(self._lengths)

    def _met(self, key: tuple[int, int, int], values: ValueIndex) -> bool:
        return values.has_between(*block_ends(*key), ADDRESS)
