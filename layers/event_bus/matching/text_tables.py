"""Tables of texts that a value equals, begins with, ends with or contains."""

from typing import TypeVar

from event_bus.matching.access_keys import MAX_AFFIX_LENGTH
from event_bus.matching.ignore_case import LONGEST_FOLDED, fold, folding_steps
from event_bus.matching.sorted_values import (
    FOLDED_TEXT,
    REVERSED_FOLDED_TEXT,
    REVERSED_TEXT,
    TEXT,
)
from event_bus.matching.tables import EntryTable, FoundEntries
from event_bus.matching.value_index import ValueIndex
from event_bus.matching.work import pair_steps, text_steps

# With more keys than this, a lookup at each place of a long text is faster than a search.
SEARCH_BELOW = 256

T = TypeVar("T")


class FoldedTable(EntryTable[T]):
    """Finds the key that equals the folded value."""

    __slots__ = ()

    def steps(self) -> int:
        """Returns the steps of finding entries from one value, with those of folding ASCII."""
        return 8

    def _met(self, key: str, values: ValueIndex) -> bool:
        return values.has_between(key, key, FOLDED_TEXT)

    def find(self, value: object, found: FoundEntries[T]) -> None:
        """Appends the entries that a scalar finds."""
        if isinstance(value, str) and len(value) <= LONGEST_FOLDED:
            found.work.take(folding_steps([value]))
            entry = self.entries.get(fold(value))
            if entry is not None:
                found.append(entry)


class PrefixTable(EntryTable[T]):
    """Finds the keys that the value begins with: one lookup for each length among the keys."""

    __slots__ = ("_lengths",)

    def __init__(self) -> None:
        super().__init__()
        self._lengths: dict[int, int] = {}

    def add(self, key: str, entry: T) -> None:
        """Adds an entry under a key that has none."""
        super().add(key, entry)
        self._lengths[len(key)] = self._lengths.get(len(key), 0) + 1

    def discard(self, key: str) -> None:
        """Removes the entry of a key."""
        super().discard(key)
        self._lengths[len(key)] -= 1
        if not self._lengths[len(key)]:
            del self._lengths[len(key)]

    def find(self, value: object, found: FoundEntries[T]) -> None:
        """Appends the entries that a scalar finds."""
        if isinstance(value, str):
            text = self._text(value)
            for length in self._lengths:
                entry = self.entries.get(self._part(text, length))
                if entry is not None:
                    found.append(entry)

    def steps(self) -> int:
        """Returns the steps of finding entries from one value, before it is known how many."""
        return 4 + 3 * len(self._lengths)

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


class InfixTable(EntryTable[T]):
    """Finds the keys that the value contains.

    If few keys have the same length, it searches the value for each. If many have, or if the
    searches may cost more than is allowed, it looks up the text of that length at each place of the
    value: a step each.
    """

    __slots__ = ("_by_length",)

    def __init__(self) -> None:
        super().__init__()
        self._by_length: dict[int, dict[str, T]] = {}

    def add(self, key: str, entry: T) -> None:
        """Adds an entry under a key that has none."""
        super().add(key, entry)
        self._by_length.setdefault(len(key), {})[key] = entry

    def discard(self, key: str) -> None:
        """Removes the entry of a key."""
        super().discard(key)
        del self._by_length[len(key)][key]
        if not self._by_length[len(key)]:
            del self._by_length[len(key)]

    def steps(self) -> int:
        """Returns the steps of finding entries from one value: none, since `find` counts them."""
        return 0

    def find(self, value: object, found: FoundEntries[T]) -> None:
        """Appends the entries that a scalar finds."""
        if not isinstance(value, str):
            return
        for length, entries in self._by_length.items():
            places = range(len(value) - length + 1)
            few = len(entries) < min(len(places), SEARCH_BELOW)
            steps = text_steps(len(value)) + pair_steps(length, len(places)) if few else 0
            if few and len(entries) * steps <= found.work.left:
                found.work.take(len(entries) * steps)
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
