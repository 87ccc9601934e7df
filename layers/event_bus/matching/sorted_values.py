"""The values of one field, sorted for one kind of comparison.

A sort key is what comparisons of a kind look at, for example the end of a text, backward. They look
at a bounded part of a text, so a key is no longer than that. Values of other types have no key.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import reduce
from itertools import accumulate
from operator import or_
from typing import Any

from event_bus.json_numbers import ExactNumber, as_decimal
from event_bus.matching.addresses import parse_address
from event_bus.matching.ignore_case import LONGEST_FOLDED, fold, folding_steps
from event_bus.matching.limits import MAX_STRING_LENGTH
from event_bus.matching.operators import is_number
from event_bus.matching.work import Work

Sets = Mapping[Any, int]
"""Values, with the objects that have each."""

SortOrder = Callable[[Sets], tuple[list[Any], list[Any]]]
"""Returns the sort keys of values, and the values that have one."""


def _by_text(values: Sets) -> tuple[list[Any], list[Any]]:
    texts = [each for each in values if isinstance(each, str)]
    return texts, texts


def _by_reversed_text(values: Sets) -> tuple[list[Any], list[Any]]:
    texts = [each for each in values if isinstance(each, str)]
    return [each[: -MAX_STRING_LENGTH - 1 : -1] for each in texts], texts


def _by_folded_text(values: Sets) -> tuple[list[Any], list[Any]]:
    texts = [each for each in values if isinstance(each, str)]
    return [fold(each[:LONGEST_FOLDED]) for each in texts], texts


def _by_reversed_folded_text(values: Sets) -> tuple[list[Any], list[Any]]:
    texts = [each for each in values if isinstance(each, str)]
    return [fold(each[-LONGEST_FOLDED:])[::-1] for each in texts], texts


def _by_number(values: Sets) -> tuple[list[Any], list[Any]]:
    numbers = [each for each in values if is_number(each)]
    if any(isinstance(each, ExactNumber) for each in numbers):
        # Decimals compare faster than exact numbers.
        return [as_decimal(each) for each in numbers], numbers
    return numbers, numbers


def _by_address(values: Sets) -> tuple[list[Any], list[Any]]:
    addresses = {each: parse_address(each) for each in values if isinstance(each, str)}
    found = {each: address for each, address in addresses.items() if address is not None}
    return list(found.values()), list(found)


TEXT: SortOrder = _by_text
REVERSED_TEXT: SortOrder = _by_reversed_text
FOLDED_TEXT: SortOrder = _by_folded_text
REVERSED_FOLDED_TEXT: SortOrder = _by_reversed_folded_text
NUMBER: SortOrder = _by_number
ADDRESS: SortOrder = _by_address

# The steps of reading an address.
_ADDRESS_STEPS = 2


class SortedValues:
    """Values, sorted by a key.

    Args:
        sets: The values, with the objects that have each.
        order: What they are sorted by.
        single: Whether no object has two values.

    Attributes:
        keys: The sort keys.
        values: The values.
        all: The objects that have a value.
        one_object: Whether at most one object has a value.
        reading_steps: The steps of making the keys, and of comparing long ones, beyond those for a
            few characters.
    """

    __slots__ = (
        "_above",
        "_below",
        "_exact",
        "_sets",
        "_single",
        "all",
        "keys",
        "one_object",
        "reading_steps",
        "values",
    )

    def __init__(self, sets: Sets, order: SortOrder, *, single: bool) -> None:
        keys, values = order(sets)
        places = sorted(range(len(keys)), key=keys.__getitem__)
        self.reading_steps = 0
        if keys and isinstance(keys[0], str):
            # What a value folds to may be ASCII.
            self.reading_steps = folding_steps(values)
        elif order is ADDRESS:
            self.reading_steps = _ADDRESS_STEPS * len(keys)
        self.keys = list(map(keys.__getitem__, places))
        self.values = list(map(values.__getitem__, places))
        self._exact = bool(keys) and isinstance(keys[0], Decimal)
        self._single = single
        self._sets = list(map(sets.__getitem__, self.values))
        self.all = reduce(or_, self._sets, 0)
        self.one_object = not self.all & (self.all - 1)
        # For each place, the objects with a value before it, or from it on.
        self._below: list[int] = []
        self._above: list[int] = []
        if not self.one_object:
            self._below = list(accumulate(self._sets, or_, initial=0))
            if not single:
                self._above = list(accumulate(reversed(self._sets), or_, initial=0))[::-1]

    def read(self, bound: Any) -> Any:
        """Returns a bound in the form of the sort keys."""
        return as_decimal(bound) if self._exact else bound

    def begins(self, text: str) -> bool:
        """Returns whether one of the keys begins with a text."""
        start = bisect_left(self.keys, text)
        return start < len(self.keys) and bool(self.keys[start].startswith(text))

    def places(self, text: str, beyond: str | None) -> tuple[int, int]:
        """Returns the places of the keys that begin with a text.

        Args:
            text: The text.
            beyond: The lowest string that sorts after all of these keys; None if there is none.
        """
        keys = self.keys
        start = bisect_left(keys, text)
        return start, len(keys) if beyond is None else bisect_left(keys, beyond, start)

    def at(self, places: range) -> Iterator[Any]:
        """Yields the values at some places."""
        return map(self.values.__getitem__, places)

    def between(self, start: int, end: int, work: Work) -> int:
        """Returns the objects with a value from one place up to another."""
        if start >= end:
            return 0
        if self.one_object:
            return self.all
        if self._single:
            # Each object is in one set, so what was before the first place is in both.
            return self._below[end] ^ self._below[start]
        if start == 0:
            return self._below[end]
        if end == len(self._sets):
            return self._above[start]
        work.take(end - start)
        return reduce(or_, self._sets[start:end])
