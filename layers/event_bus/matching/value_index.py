"""The values of one field in the objects of a set, and which of them satisfy a comparison.

If the values can be sorted for a comparison, one lookup compares all of them. Otherwise each
distinct value is compared. Sets of objects are integers, as in `object_sets`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from math import inf
from operator import or_
from typing import Any

from event_bus.matching import operators
from event_bus.matching.addresses import block_ends
from event_bus.matching.expressions import ValueList
from event_bus.matching.limits import SORTED_PER_STEP
from event_bus.matching.operators import Operator, comparing_steps, scalar_key
from event_bus.matching.sorted_values import (
    ADDRESS,
    FOLDED_TEXT,
    NUMBER,
    REVERSED_FOLDED_TEXT,
    REVERSED_TEXT,
    TEXT,
    SortedValues,
    SortOrder,
)
from event_bus.matching.work import PAGE, SHORT_TEXT, SharedWork, Work

# The steps of a comparison that is one lookup among all values.
_LOOKUP_STEPS = 3
# Most fields have one value, which is not sorted.
_NOT_SORTED: Mapping[SortOrder, SortedValues] = {}


class ValueIndex:
    """Values, with the objects that have each.

    Args:
        shared: Counts the steps of sorting values.

    Attributes:
        all: The objects that have a value.
        by_key: The objects that have each value, by its hash key.
    """

    __slots__ = ("_shared", "_single", "_sorted", "all", "by_key")

    def __init__(self, shared: SharedWork) -> None:
        self.all = 0
        self.by_key: dict[Any, int] = {}
        self._shared = shared
        self._single = True
        self._sorted: Mapping[SortOrder, SortedValues] = _NOT_SORTED

    def add(self, number: int, value: object) -> None:
        """Adds a scalar of an object."""
        objects = 1 << number
        if self.all & objects:
            self._single = False
        self.all |= objects
        key = scalar_key(value)
        self.by_key[key] = self.by_key.get(key, 0) | objects

    def add_all(self, number: int, values: list[object]) -> None:
        """Adds several scalars of an object."""
        objects = 1 << number
        if len(values) > 1 or self.all & objects:
            self._single = False
        self.all |= objects
        if not self.by_key:
            self.by_key = dict.fromkeys(map(scalar_key, values), objects)
            return
        for key in map(scalar_key, values):
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
        if asked.operators and found != self.all:
            if len(sets) == 1:
                (value,) = sets
                return self.all if _meets_one(asked.operators, value, work) else 0
            for operator in asked.operators:
                work.take(_LOOKUP_STEPS)
                found |= _LOOKUPS[operator.__class__](self, operator, work)
                if found == self.all:
                    break
        return found

    def begins(self, text: str, order: SortOrder) -> bool:
        """Returns whether the sort key of one of the values begins with a text."""
        return self._sorted_by(order).begins(text)

    def has_between(self, low: object, high: object, order: SortOrder) -> bool:
        """Returns whether the sort key of one of the values is between two bounds, inclusive."""
        ordered = self._sorted_by(order)
        keys, low, high = ordered.keys, ordered.read(low), ordered.read(high)
        start = bisect_left(keys, low)
        return start < len(keys) and bool(keys[start] <= high)

    def _satisfying(self, operator: Operator, work: Work) -> int:
        """Returns the objects with a value that satisfies one comparison."""
        work.take(_LOOKUP_STEPS)
        return _LOOKUPS[operator.__class__](self, operator, work)

    def _prefix(self, operator: operators.Prefix, work: Work) -> int:
        return self._beginning(TEXT, operator.text, operator.beyond, work)

    def _suffix(self, operator: operators.Suffix, work: Work) -> int:
        return self._beginning(REVERSED_TEXT, operator.backward, operator.beyond, work)

    def _beginning(self, order: SortOrder, text: str, beyond: str | None, work: Work) -> int:
        ordered = self._sorted.get(order) or self._sort(order)
        if len(text) >= PAGE:
            work.take(_sorted_steps(text))
        if ordered.one_object:
            # Any match decides.
            return ordered.all if ordered.begins(text) else 0
        start, end = ordered.places(text, beyond)
        return ordered.between(start, end, work)

    def _numeric(self, operator: operators.Numeric, work: Work) -> int:
        ordered = self._sorted.get(NUMBER) or self._sort(NUMBER)
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
        ordered = self._sorted_by(ADDRESS)
        low, high = block_ends(operator.width, operator.bits, operator.network)
        start, end = bisect_left(ordered.keys, low), bisect_right(ordered.keys, high)
        return ordered.between(start, end, work)

    def _anything_but(self, operator: operators.AnythingBut, work: Work) -> int:
        sets = self.by_key
        if not self._single:
            return self._anything_but_of_several(operator, work)
        work.take(len(operator.keys) // 4)
        return self.all & ~_union([sets[key] for key in operator.keys if key in sets])

    def _anything_but_of_several(self, operator: operators.AnythingBut, work: Work) -> int:
        if self.all & (self.all - 1):
            return self._compared(operator, self.by_key, len(self.by_key), work)
        # All values belong to one object, so the first one that is not excluded decides.
        work.take(min(len(operator.keys), len(self.by_key)) // 4)
        return self.all if any(key not in operator.keys for key in self.by_key) else 0

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
        folded, ordered = operator.text.folded, self._sorted_by(FOLDED_TEXT)
        work.take(_sorted_steps(folded))
        places = range(bisect_left(ordered.keys, folded), bisect_right(ordered.keys, folded))
        return self._compared(operator, ordered.at(places), len(places), work)

    def _prefix_ignore_case(self, operator: operators.PrefixIgnoreCase, work: Work) -> int:
        return self._compared_from(FOLDED_TEXT, operator.text.folded, operator, work)

    def _suffix_ignore_case(self, operator: operators.SuffixIgnoreCase, work: Work) -> int:
        return self._compared_from(REVERSED_FOLDED_TEXT, operator.text.folded[::-1], operator, work)

    def _compared_from(self, order: SortOrder, text: str, operator: Operator, work: Work) -> int:
        """Compares each value that begins with a text."""
        work.take(_sorted_steps(text))
        ordered = self._sorted_by(order)
        places = range(*ordered.places(text, operators.beyond(text)))
        return self._compared(operator, ordered.at(places), len(places), work)

    def _compared(self, operator: Operator, values: Iterable[Any], count: int, work: Work) -> int:
        found = 0
        # Too much work is refused before the first comparison.
        work.take(operator.steps * count)
        for value in values:
            if operator.searches and isinstance(value, str) and len(value) >= SHORT_TEXT:
                work.take(comparing_steps(operator, value) - operator.steps)
            if operator.matches(value):
                found |= self.by_key[value]
                if found == self.all:
                    break
        return found

    def _sorted_by(self, order: SortOrder) -> SortedValues:
        return self._sorted.get(order) or self._sort(order)

    def _sort(self, order: SortOrder) -> SortedValues:
        found = SortedValues(self.by_key, order, single=self._single)
        self._shared.steps += len(self.by_key) // SORTED_PER_STEP + found.reading_steps
        self._sorted = {**self._sorted, order: found}
        return found


def scalar_satisfies(value: object, asked: ValueList, work: Work) -> bool:
    """Returns whether one scalar satisfies what a pattern demands.

    Raises:
        OutOfWork: The check needs more work than is left.
    """
    if asked.present:
        return True
    if asked.keys:
        work.take(1)
        if scalar_key(value) in asked.keys:
            return True
    return _meets_one(asked.operators, value, work)


def _meets_one(asked: Iterable[Operator], value: object, work: Work) -> bool:
    """Returns whether one scalar satisfies a comparison."""
    for operator in asked:
        work.take(_LOOKUP_STEPS)
        if operator.steps > 1:
            work.take(comparing_steps(operator, value))
        if operator.matches(value):
            return True
    return False


def _sorted_steps(text: str) -> int:
    """Returns the steps that a long text adds to a lookup among sorted texts."""
    return 4 * (len(text) // PAGE)


def _union(sets: Iterable[int]) -> int:
    return reduce(or_, sets, 0)


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
