"""Tables that find entries from one value of an event, one for each kind of access key.

What a lookup costs depends on the value and on what it finds. Where to look up the values of an
event costs more than to check entries, all are found: what is found is checked in any case.
"""

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
from event_bus.matching.addresses import parse_address
from event_bus.matching.ignore_case import fold
from event_bus.matching.intervals import IntervalSet
from event_bus.matching.limits import MAX_COMPARISONS, PAGE
from event_bus.matching.operators import scalar_key

# Searching a long text for so many keys takes as long as looking up each of its places.
SEARCH_BELOW = 256
# How often each key is searched for in the values of an event, a long value counting as several:
# as often as a pattern that has one is compared with them.
SEARCHES_PER_KEY = MAX_COMPARISONS // 2

T = TypeVar("T")


class Found(list[T]):
    """The entries that an event has found.

    Attributes:
        searches: What was searched for and looked up in texts, by table.
    """

    __slots__ = ("searches",)

    def __init__(self) -> None:
        super().__init__()
        self.searches: dict[InfixTable[T], int] = {}


class Table(Generic[T]):
    """Entries by access key.

    Attributes:
        entries: The entry of each key.
    """

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: dict[Any, T] = {}

    def add(self, key: Any, entry: T) -> None:
        """Put an entry under a key that has none."""
        self.entries[key] = entry

    def discard(self, key: Any) -> None:
        """Take away the entry of a key."""
        del self.entries[key]

    def find(self, value: object, found: Found[T]) -> None:
        """Append the entries that a scalar finds."""
        raise NotImplementedError


class EqualTable(Table[T]):
    """Finds the key that equals the value."""

    __slots__ = ()

    def find(self, value: object, found: Found[T]) -> None:
        """Append the entries that a scalar finds."""
        entry = self.entries.get(scalar_key(value))
        if entry is not None:
            found.append(entry)


class FoldedTable(Table[T]):
    """Finds the key that equals the folded value."""

    __slots__ = ()

    def find(self, value: object, found: Found[T]) -> None:
        """Append the entries that a scalar finds."""
        if isinstance(value, str):
            entry = self.entries.get(fold(value))
            if entry is not None:
                found.append(entry)


class PrefixTable(Table[T]):
    """Finds the keys that the value begins with: one lookup for each length among the keys."""

    __slots__ = ("_lengths",)

    def __init__(self) -> None:
        super().__init__()
        self._lengths: dict[int, int] = {}

    def add(self, key: str, entry: T) -> None:
        """Put an entry under a key that has none."""
        super().add(key, entry)
        self._lengths[len(key)] = self._lengths.get(len(key), 0) + 1

    def discard(self, key: str) -> None:
        """Take away the entry of a key."""
        super().discard(key)
        self._lengths[len(key)] -= 1
        if not self._lengths[len(key)]:
            del self._lengths[len(key)]

    def find(self, value: object, found: Found[T]) -> None:
        """Append the entries that a scalar finds."""
        if isinstance(value, str):
            text = self._text(value)
            for length in self._lengths:
                entry = self.entries.get(self._part(text, length))
                if entry is not None:
                    found.append(entry)

    def _text(self, value: str) -> str:
        return value

    def _part(self, text: str, length: int) -> str:
        return text[:length]


class SuffixTable(PrefixTable[T]):
    """Finds the keys that the value ends with."""

    __slots__ = ()

    def _part(self, text: str, length: int) -> str:
        return text[-length:]


class FoldedPrefixTable(PrefixTable[T]):
    """Finds the keys that the folded value begins with."""

    __slots__ = ()

    def _text(self, value: str) -> str:
        return fold(value)


class FoldedSuffixTable(SuffixTable[T]):
    """Finds the keys that the folded value ends with."""

    __slots__ = ()

    def _text(self, value: str) -> str:
        return fold(value)


class InfixTable(Table[T]):
    """Finds the keys that the value contains.

    Of each length among the keys, few are searched for; for many, what stands at each place of the
    value is looked up. All keys are found where the values of an event take too long for either.
    """

    __slots__ = ("_by_length",)

    def __init__(self) -> None:
        super().__init__()
        self._by_length: dict[int, dict[str, T]] = {}

    def add(self, key: str, entry: T) -> None:
        """Put an entry under a key that has none."""
        super().add(key, entry)
        self._by_length.setdefault(len(key), {})[key] = entry

    def discard(self, key: str) -> None:
        """Take away the entry of a key."""
        super().discard(key)
        del self._by_length[len(key)][key]
        if not self._by_length[len(key)]:
            del self._by_length[len(key)]

    def find(self, value: object, found: Found[T]) -> None:
        """Append the entries that a scalar finds."""
        most = SEARCHES_PER_KEY * len(self.entries)
        searches = found.searches.get(self, 0)
        if not isinstance(value, str) or searches > most:
            return
        for length, entries in self._by_length.items():
            places = range(len(value) - length + 1)
            few = len(entries) < min(len(places), SEARCH_BELOW)
            searches += len(entries) * (1 + len(value) // PAGE) if few else len(places)
            if searches > most:
                found.extend(self.entries.values())
                break
            if few:
                found.extend(entry for key, entry in entries.items() if key in value)
            else:
                parts = (value[place : place + length] for place in places)
                found.extend({entries[part] for part in parts if part in entries})
        found.searches[self] = searches


class IntervalTable(Table[T]):
    """Finds the intervals around the number."""

    __slots__ = ("_intervals",)

    def __init__(self) -> None:
        super().__init__()
        self._intervals: IntervalSet[T] = IntervalSet()

    def add(self, key: tuple[float, float], entry: T) -> None:
        """Put an entry under a key that has none."""
        super().add(key, entry)
        self._intervals.add(*key, entry)

    def discard(self, key: tuple[float, float]) -> None:
        """Take away the entry of a key."""
        self._intervals.discard(*key, self.entries[key])
        super().discard(key)

    def find(self, value: object, found: Found[T]) -> None:
        """Append the entries that a scalar finds."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            self._intervals.find(value, found)


class BlockTable(Table[T]):
    """Finds the address blocks around the address: one lookup for each length among the keys."""

    __slots__ = ("_lengths",)

    def __init__(self) -> None:
        super().__init__()
        self._lengths: dict[tuple[int, int], int] = {}

    def add(self, key: tuple[int, int, int], entry: T) -> None:
        """Put an entry under a key that has none."""
        super().add(key, entry)
        self._lengths[key[:2]] = self._lengths.get(key[:2], 0) + 1

    def discard(self, key: tuple[int, int, int]) -> None:
        """Take away the entry of a key."""
        super().discard(key)
        self._lengths[key[:2]] -= 1
        if not self._lengths[key[:2]]:
            del self._lengths[key[:2]]

    def find(self, value: object, found: Found[T]) -> None:
        """Append the entries that a scalar finds."""
        address = parse_address(value) if isinstance(value, str) else None
        if address is None:
            return
        width, number = address
        for length in self._lengths:
            if length[0] == width:
                entry = self.entries.get((*length, number >> (width - length[1])))
                if entry is not None:
                    found.append(entry)


class PresentTable(Table[T]):
    """Finds its entries from any value."""

    __slots__ = ()

    def find(self, value: object, found: Found[T]) -> None:  # noqa: ARG002
        """Append the entries that a scalar finds."""
        found.extend(self.entries.values())


class FieldTables(Generic[T]):
    """The tables of one field.

    Attributes:
        tables: The table of each kind of access key in use.
    """

    __slots__ = ("tables",)

    _KINDS: ClassVar[dict[str, Callable[[], Table[Any]]]] = {
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
        self.tables: dict[str, Table[T]] = {}

    def get(self, kind: str, key: object) -> T | None:
        """The entry of an access key, if there is one."""
        table = self.tables.get(kind)
        return None if table is None else table.entries.get(key)

    def add(self, kind: str, key: object, entry: T) -> None:
        """Put an entry under an access key that has none."""
        if kind not in self.tables:
            self.tables[kind] = self._KINDS[kind]()
        self.tables[kind].add(key, entry)

    def discard(self, kind: str, key: object) -> None:
        """Take away the entry of an access key, and its table when it was the last."""
        table = self.tables[kind]
        table.discard(key)
        if not table.entries:
            del self.tables[kind]

    def find(self, value: object, found: Found[T]) -> None:
        """Append the entries that a scalar finds."""
        for table in self.tables.values():
            table.find(value, found)
