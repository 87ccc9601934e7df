"""The tables of an index: each finds entries from one value of an event.

A lookup costs more for a longer value and for more entries. Each table counts its work.
"""

from typing import Any, Generic, TypeVar

from event_bus.matching.operators import scalar_key
from event_bus.matching.value_index import ValueIndex
from event_bus.matching.work import Work

# The steps of a lookup of a key among sorted values.
_KEY_STEPS = 10

T = TypeVar("T")


class FoundEntries(list[T]):
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


class EntryTable(Generic[T]):
    """Entries by access key.

    Attributes:
        entries: The entry of each key.
    """

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: dict[Any, T] = {}

    def add(self, key: Any, entry: T) -> None:
        """Adds an entry under a key that has none."""
        self.entries[key] = entry

    def discard(self, key: Any) -> None:
        """Removes the entry of a key."""
        del self.entries[key]

    def find(self, value: object, found: FoundEntries[T]) -> None:
        """Appends the entries that a scalar finds.

        Raises:
            OutOfWork: The lookup needs more work than is left.
        """
        raise NotImplementedError

    def find_one(self, value: object, found: FoundEntries[T]) -> None:
        """Appends the entries that a scalar finds, and counts the steps of the lookup.

        Raises:
            OutOfWork: The lookup needs more work than is left.
        """
        found.work.take(min(len(self.entries) * _KEY_STEPS, self.steps()))
        self.find(value, found)

    def find_any(self, values: ValueIndex, found: FoundEntries[T]) -> None:
        """Appends the entries that any of several scalars finds; iterates over the cheaper side.

        Raises:
            OutOfWork: The lookup needs more work than is left.
        """
        by_keys, by_values = len(self.entries) * _KEY_STEPS, len(values.by_key) * self.steps()
        found.work.take(min(by_keys, by_values))
        if by_keys < by_values:
            found.extend(entry for key, entry in self.entries.items() if self._met(key, values))
        else:
            for value in values.by_key:
                self.find(value, found)

    def steps(self) -> int:
        """Returns the steps of finding entries from one value, before it is known how many."""
        return 3

    def _met(self, key: Any, values: ValueIndex) -> bool:
        """Returns whether one of several scalars finds a key."""
        raise NotImplementedError


class EqualTable(EntryTable[T]):
    """Finds the key that equals the value."""

    __slots__ = ()

    def find(self, value: object, found: FoundEntries[T]) -> None:
        """Appends the entries that a scalar finds."""
        entry = self.entries.get(scalar_key(value))
        if entry is not None:
            found.append(entry)

    def _met(self, key: Any, values: ValueIndex) -> bool:
        return key in values.by_key


class PresentTable(EntryTable[T]):
    """Finds its entries from any value."""

    __slots__ = ()

    def find(self, value: object, found: FoundEntries[T]) -> None:  # noqa: ARG002
        """Appends the entries that a scalar finds."""
        found.extend(self.entries.values())

    def steps(self) -> int:
        """Returns the steps of finding entries from one value: none, since all are found."""
        return 0

    def find_any(self, values: ValueIndex, found: FoundEntries[T]) -> None:
        """Appends all entries if there is a value."""
        if values.by_key:
            found.extend(self.entries.values())
