"""The values of one field in the objects of a set, and which of them satisfy a comparison.

If the values can be sorted for a comparison, one lookup compares all of them. Otherwise each
distinct value is compared. Sets of objects are integers, as in `object_sets`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from itertools import accumulate, islice
from math import inf
from operator import or_
from typing import Any

from event_bus.json_numbers import ExactNumber, as_decimal
from event_bus.matching import operators
from event_bus.matching.addresses import block_ends, parse_address
from event_bus.matching.expressions import ValueList
from event_bus.matching.ignore_case import fold
from event_bus.matching.operators import Operator, is_number, scalar_key
from event_bus.matching.work import PAGE, Work

TEXT = "text"
REVERSED_TEXT = "reversed text"
FOLDED_TEXT = "folded text"
REVERSED_FOLDED_TEXT = "reversed folded text"
NUMBER = "number"
ADDRESS = "address"

# The steps of a comparison that is one lookup among all values.
_LOOKUP_STEPS = 3


class ValueIndex:
    """Values, with the objects that have each.

    Attributes:
        all: The objects that have a value.
        by_key: The objects that have each value, by its hash key.
    """

    __slots__ = ("_single", "_sorted", "all", "by_key")

    def __init__(self) -> None:
        self.all = 0
        self.by_key: dict[Any, int] = {}
        self._single = True
        self._sorted: dict[str, _SortedValues] = {}

    def add(self, number: int, value: object) -> None:
        """Adds a scalar of an object."""
        objects = 1 << number
        if self.all & objects:
            self._single = False
        self.all |= objects
        key = scalar_key(value)
        self.by_key[key] = self.by_key.get(key, 0) | objects

    def satisfying(self, asked: ValueList, work: Work) -> int:
        """Returns the objects with a value that satisfies what a pattern demands.

        Raises:
            OutOfWork: The check needs more work than is left.
        """
        if asked.present:
            return self.all
        found = 0
        keys, sets = asked.keys, self.by_key
        if keys:
            fewer, others = (keys, sets) if len(keys) < len(sets) else (sets, keys)
            work.take(1 + len(fewer) // 4)
            for key in fewer:
                if key in others:
                    found |= sets[key]
        for operator in asked.operators:
            if found == self.all:
                break
            work.take(_LOOKUP_STEPS)
            found |= _LOOKUPS[operator.__class__](self, operator, work)
        return found

    def begins(self, text: str, kind: str = TEXT) -> bool:
        """Returns whether a converted text among the values begins with a text."""
        return self._values_by(kind).begins(text)

    def has_between(self, low: object, high: object, kind: str) -> bool:
        """Returns whether a number or address lies between two bounds, inclusive."""
        ordered = self._values_by(kind)
        keys, low, high = ordered.keys, ordered.read(low), ordered.read(high)
        start = bisect_left(keys, low)
        return start < len(keys) and bool(keys[start] <= high)

    def _satisfying(self, operator: Operator, work: Work) -> int:
        work.take(_LOOKUP_STEPS)
        return _LOOKUPS[operator.__class__](self, operator, work)

    def _prefix(self, operator: operators.Prefix, work: Work) -> int:
        return self._beginning(TEXT, operator.text, operator.beyond, work)

    def _suffix(self, operator: operators.Suffix, work: Work) -> int:
        return self._beginning(REVERSED_TEXT, operator.backward, operator.beyond, work)

    def _beginning(self, kind: str, text: str, beyond: str | None, work: Work) -> int:
        ordered = self._values_by(kind)
        if ordered.one_object:
            # Any match decides.
            return ordered.all if ordered.begins(text) else 0
        start, end = _places(ordered.keys, text, beyond)
        return ordered.between(start, end, work)

    def _numeric(self, operator: operators.Numeric, work: Work) -> int:
        ordered = self._values_by(NUMBER)
        keys, lower, upper = ordered.keys, operator.lower, operator.upper
        start, end = 0, len(keys)
        if lower != -inf:
            lower = ordered.read(lower)
            start = bisect_right(keys, lower) if operator.lower_open else bisect_left(keys, lower)
        if upper != inf:
            upper = ordered.read(upper)
            end = bisect_left(keys, upper) if operator.upper_open else bisect_right(keys, upper)
        return ordered.between(start, end, work)

    def _cidr(self, operator: operators.Cidr, work: Work) -> int:
        ordered = self._values_by(ADDRESS)
        low, high = block_ends(operator.width, operator.bits, operator.network)
        start, end = bisect_left(ordered.keys, low), bisect_right(ordered.keys, high)
        return ordered.between(start, end, work)

    def _anything_but(self, operator: operators.AnythingBut, work: Work) -> int:
        sets = self.by_key
        if not self._single:
            return self._compared(operator, sets, len(sets), work)
        work.take(len(operator.keys) // 4)
        return self.all & ~_union([sets[key] for key in operator.keys if key in sets])

    def _anything_but_matching(self, operator: operators.AnythingButMatching, work: Work) -> int:
        if not self._single:
            return self._compared(operator, self.by_key, len(self.by_key), work)
        return self.all & ~_union(self._satisfying(each, work) for each in operator.operators)

    def _wildcard(self, operator: operators.Wildcard, work: Work) -> int:
        glob = operator.glob
        if len(glob.head) >= len(glob.tail):
            return self._compared_from(TEXT, glob.head, operator, work)
        return self._compared_from(REVERSED_TEXT, glob.tail[::-1], operator, work)

    def _equals_ignore_case(self, operator: operators.EqualsIgnoreCase, work: Work) -> int:
        folded, ordered = fold(operator.text.text), self._values_by(FOLDED_TEXT)
        start, end = bisect_left(ordered.keys, folded), bisect_right(ordered.keys, folded)
        return self._compared(operator, ordered.values[start:end], end - start, work)

    def _prefix_ignore_case(self, operator: operators.PrefixIgnoreCase, work: Work) -> int:
        return self._compared_from(FOLDED_TEXT, fold(operator.text.text), operator, work)

    def _suffix_ignore_case(self, operator: operators.SuffixIgnoreCase, work: Work) -> int:
        folded = fold(operator.text.text)[::-1]
        return self._compared_from(REVERSED_FOLDED_TEXT, folded, operator, work)

    def _compared_from(self, kind: str, text: str, operator: Operator, work: Work) -> int:
        """Compares each value that begins with a text."""
        ordered = self._values_by(kind)
        start, end = _places(ordered.keys, text, operators.beyond(text))
        return self._compared(operator, islice(ordered.values, start, end), end - start, work)

    def _compared(self, operator: Operator, values: Iterable[Any], count: int, work: Work) -> int:
        found = 0
        # Too much work is refused before the first comparison.
        work.take(operator.steps * count)
        for value in values:
            if operator.searches and isinstance(value, str) and len(value) >= PAGE:
                work.take(operator.steps * (len(value) // PAGE))
            if operator.matches(value):
                found |= self.by_key[value]
                if found == self.all:
                    break
        return found

    def _values_by(self, kind: str) -> "_SortedValues":
        found = self._sorted.get(kind)
        if found is None:
            read = _SORT_KEYS[kind]
            keys = ((read(value), value) for value in self.by_key)
            found = self._sorted[kind] = _SortedValues(
                [(key, value, self.by_key[value]) for key, value in keys if key is not None],
                single=self._single,
                exact=kind == NUMBER and any(isinstance(each, ExactNumber) for each in self.by_key),
            )
        return found


class _SortedValues:
    """Values, sorted by a key.

    Attributes:
        keys: The sort keys.
        values: The values.
        exact: Whether the keys are decimals, which compare faster than exact numbers.
        all: The objects that have a value.
        one_object: Whether at most one object has a value.
    """

    __slots__ = (
        "_above",
        "_below",
        "_sets",
        "_single",
        "all",
        "exact",
        "keys",
        "one_object",
        "values",
    )

    def __init__(self, entries: list[tuple[Any, Any, int]], *, single: bool, exact: bool) -> None:
        self.exact = exact
        if exact:
            entries = [(as_decimal(key), value, objects) for key, value, objects in entries]
        entries.sort(key=lambda entry: entry[0])
        self.keys = [key for key, _, _ in entries]
        self.values = [value for _, value, _ in entries]
        self._sets = [objects for _, _, objects in entries]
        self._single = single
        # For each place, the objects with a value before it, or from it on.
        self._below = list(accumulate(self._sets, or_, initial=0))
        self._above = list(accumulate(reversed(self._sets), or_, initial=0))[::-1]
        self.all = self._below[-1]
        self.one_object = not self.all & (self.all - 1)

    def read(self, bound: Any) -> Any:
        """Returns a bound in the form of the sort keys."""
        return as_decimal(bound) if self.exact else bound

    def begins(self, text: str) -> bool:
        """Returns whether one of the keys begins with a text."""
        start = bisect_left(self.keys, text)
        return start < len(self.keys) and bool(self.keys[start].startswith(text))

    def between(self, start: int, end: int, work: Work) -> int:
        """Returns the objects with a value from one place up to another."""
        if start >= end:
            return 0
        if self._single or start == 0:
            return self._below[end] & ~self._below[start]
        if end == len(self._sets):
            return self._above[start]
        if self.one_object:
            return self.all
        work.take(end - start)
        return _union(self._sets[start:end])


def _union(sets: Iterable[int]) -> int:
    found = 0
    for each in sets:
        found |= each
    return found


def _places(keys: list[str], text: str, beyond: str | None) -> tuple[int, int]:
    """Returns the places of the keys that begin with a text; `beyond` sorts after all of them."""
    start = bisect_left(keys, text)
    return start, len(keys) if beyond is None else bisect_left(keys, beyond, start)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _reversed_text(value: object) -> str | None:
    return value[::-1] if isinstance(value, str) else None


def _folded(value: object) -> str | None:
    return fold(value) if isinstance(value, str) else None


def _reversed_folded(value: object) -> str | None:
    return fold(value)[::-1] if isinstance(value, str) else None


def _number(value: object) -> object:
    return value if is_number(value) else None


def _address(value: object) -> tuple[int, int] | None:
    return parse_address(value) if isinstance(value, str) else None


_SORT_KEYS = {
    ADDRESS: _address,
    FOLDED_TEXT: _folded,
    NUMBER: _number,
    REVERSED_FOLDED_TEXT: _reversed_folded,
    REVERSED_TEXT: _reversed_text,
    TEXT: _text,
}

_LOOKUPS: dict[type, Callable[[ValueIndex, Any, Work], int]] = {
    operators.AnythingBut: ValueIndex._anything_but,
    operators.AnythingButMatching: ValueIndex._anything_but_matching,
    operators.Cidr: ValueIndex._cidr,
    operators.EqualsIgnoreCase: ValueIndex._equals_ignore_case,
    operators.Numeric: ValueIndex._numeric,
    operators.Prefix: ValueIndex._prefix,
    operators.PrefixIgnoreCase: ValueIndex._prefix_ignore_case,
    operators.Suffix: ValueIndex._suffix,
    operators.SuffixIgnoreCase: ValueIndex._suffix_ignore_case,
    operators.Wildcard: ValueIndex._wildcard,
}
