"""Tables that find entries from one value of an event, one for each kind of access key.

What a lookup costs depends on the value and on what it finds; each counts its work.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar, cast

from event_bus.matching.access_keys import (
    BLOCK,
    EQUAL,
    FOLDED,
    FOLDED_PREFIX,
    FOLDED_SUFFIX,
    INFIX,
    INTERVAL,
    MAX_AFFIX_LENGTH,
    PREFIX,
    PRESENT,
    SUFFIX,
)
from event_bus.matching.addresses import block_ends, parse_address
from event_bus.matching.ignore_case import fold
from event_bus.matching.intervals import IntervalSet
from event_bus.matching.limits import MAX_STRING_LENGTH
from event_bus.matching.operators import is_number, scalar_key
from event_bus.matching.value_index import (
    ADDRESS,
    FOLDED_TEXT,
    NUMBER,
    REVERSED_FOLDED_TEXT,
    REVERSED_TEXT,
    TEXT,
    ValueIndex,
)
from event_bus.matching.work import Work, text_steps

# Searching a long text for so many keys takes as long as looking up each of its places.
SEARCH_BELOW = 256
# What it takes to look a key up among sorted values.
_KEY_STEPS = 4
# A character in another case takes three characters at most.
_LONGEST_FOLDED = 3 * MAX_STRING_LENGTH

T = TypeVar("T")


class Found(list[T]):
    """The entries that an event has found.

    Args:
        work: The work that is allowed.

    Attributes:
        work: The work that is left.
    """

    __slots__ = ("work",)

    def __init__(self, work: Work) -> None:
        super().__init__()
        self.work = work


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
        """Append the entries that a scalar finds.

        Raises:
            OutOfWork: That takes more work than is left.
        """
        raise NotImplementedError

    def find_any(self, values: ValueIndex, found: Found[T]) -> None:
        """Append the entries that any of some scalars finds: by whichever are fewer.

        Raises:
            OutOfWork: That takes more work than is left.
        """
        if len(self.entries) * _KEY_STEPS < len(values.by_key) * self.lookups():
            found.work.take(len(self.entries) * _KEY_STEPS)
            found.extend(entry for key, entry in self.entries.items() if self._met(key, values))
        else:
            found.work.take(len(values.by_key))
            for value in values.by_key:
                self.find(value, found)

    def lookups(self) -> int:
        """How many lookups a value takes."""
        return 1

    def _met(self, key: Any, values: ValueIndex) -> bool:
        """Whether one of some scalars finds a key."""
        raise NotImplementedError


class EqualTable(Table[T]):
    """Finds the key that equals the value."""

    __slots__ = ()

    def find(self, value: object, found: Found[T]) -> None:
        """Append the entries that a scalar finds."""
        entry = self.entries.get(scalar_key(value))
        if entry is not None:
            found.append(entry)

    def _met(self, key: Any, values: ValueIndex) -> bool:
        return key in values.by_key


class FoldedTable(Table[T]):
    """Finds the key that equals the folded value."""

    __slots__ = ()

    def lookups(self) -> int:
        """How many lookups a value takes: it is folded before."""
        return 2

    def _met(self, key: str, values: ValueIndex) -> bool:
        return values.has_between(key, key, FOLDED_TEXT)

    def find(self, value: object, found: Found[T]) -> None:
        """Append the entries that a scalar finds."""
        if isinstance(value, str) and len(value) <= _LONGEST_FOLDED:
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
            found.work.take(len(self._lengths))
            text = self._text(value)
            for length in self._lengths:
                entry = self.entries.get(self._part(text, length))
                if entry is not None:
                    found.append(entry)

    def lookups(self) -> int:
        """How many lookups a value takes."""
        return len(self._lengths)

    def _met(self, key: str, values: ValueIndex) -> bool:
        return values.begins(key, TEXT)

    def _text(self, value: str) -> str:
        return value

    def _part(self, text: str, length: int) -> str:
        return text[:length]


class SuffixTable(PrefixTable[T]):
    """Finds the keys that the value ends with."""

    __slots__ = ()

    def _met(self, key: str, values: ValueIndex) -> bool:
        return values.begins(key[::-1], REVERSED_TEXT)

    def _part(self, text: str, length: int) -> str:
        return text[-length:]


class FoldedPrefixTable(PrefixTable[T]):
    """Finds the keys that the folded value begins with."""

    __slots__ = ()

    def _met(self, key: str, values: ValueIndex) -> bool:
        return values.begins(key, FOLDED_TEXT)

    def _text(self, value: str) -> str:
        return fold(value[:MAX_AFFIX_LENGTH])


class FoldedSuffixTable(SuffixTable[T]):
    """Finds the keys that the folded value ends with."""

    __slots__ = ()

    def _met(self, key: str, values: ValueIndex) -> bool:
        return values.begins(key[::-1], REVERSED_FOLDED_TEXT)

    def _text(self, value: str) -> str:
        return fold(value[-MAX_AFFIX_LENGTH:])


class InfixTable(Table[T]):
    """Finds the keys that the value contains.

    Of each length among the keys, few are searched for; for many, what stands at each place of the
    value is looked up.
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

    def find_any(self, values: ValueIndex, found: Found[T]) -> None:
        """Append the entries that any of some scalars finds."""
        for value in values.by_key:
            self.find(value, found)

    def find(self, value: object, found: Found[T]) -> None:
        """Append the entries that a scalar finds."""
        if not isinstance(value, str):
            return
        for length, entries in self._by_length.items():
            places = range(len(value) - length + 1)
            if len(entries) < min(len(places), SEARCH_BELOW):
                found.work.take(len(entries) * text_steps(value))
                found.extend(entry for key, entry in entries.items() if key in value)
            else:
                found.work.take(len(places))
                found.extend(
                    {
                        entries[part]
                        for place in places
                        if (part := value[place : place + length]) in entries
                    }
                )


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
        if is_number(value):
            before = len(found)
            self._intervals.find(cast("float", value), found)
            found.work.take(len(found) - before)

    def lookups(self) -> int:
        """How many lookups a value takes: one for each level of the trie."""
        return 64

    def _met(self, key: tuple[float, float], values: ValueIndex) -> bool:
        return values.has_between(*key, NUMBER)


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
        found.work.take(len(self._lengths))
        for length in self._lengths:
            if length[0] == width:
                entry = self.entries.get((*length, number >> (width - length[1])))
                if entry is not None:
                    found.append(entry)

    def lookups(self) -> int:
        """How many lookups a value takes: it is read as an address before."""
        return 8 + len(self._lengths)

    def _met(self, key: tuple[int, int, int], values: ValueIndex) -> bool:
        return values.has_between(*block_ends(*key), ADDRESS)


class PresentTable(Table[T]):
    """Finds its entries from any value."""

    __slots__ = ()

    def find(self, value: object, found: Found[T]) -> None:  # noqa: ARG002
        """Append the entries that a scalar finds."""
        found.extend(self.entries.values())

    def find_any(self, values: ValueIndex, found: Found[T]) -> None:
        """Append all entries if there is a value."""
        if values.by_key:
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

    def find_any(self, values: ValueIndex, found: Found[T]) -> None:
        """Append the entries that any of some scalars finds."""
        for table in self.tables.values():
            table.find_any(values, found)
