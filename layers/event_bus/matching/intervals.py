"""A set of numeric intervals that finds those around a number.

The numbers are laid out as 64-bit integers in the same order, and every interval is kept at one
node of the binary trie over them: the longest common prefix of its two bounds. An interval around
a number can only be at a prefix of the number, 65 places at most. The bounds of the intervals at
one node lie on either side of its middle, so a comparison with one bound is enough there, and the
bounds are sorted: a lookup reads only intervals that it returns.
"""

import struct
from bisect import bisect_left, bisect_right, insort
from typing import Generic, TypeVar

T = TypeVar("T")

_BITS = 64


def _ordered(number: float) -> int:
    """A 64-bit integer that orders as the number does. Integers are rounded to a double first."""
    try:
        double = float(number) + 0.0
    except OverflowError:
        double = float("inf") if number > 0 else float("-inf")
    (bits,) = struct.unpack(">Q", struct.pack(">d", double))
    return int(~bits & 0xFFFF_FFFF_FFFF_FFFF if bits >> 63 else bits | 1 << 63)


class _Bounds(Generic[T]):
    """The entries at one node, by one of their bounds."""

    __slots__ = ("bounds", "entries")

    def __init__(self) -> None:
        self.bounds: list[int] = []
        self.entries: dict[int, dict[T, None]] = {}

    def add(self, bound: int, entry: T) -> None:
        if bound not in self.entries:
            self.entries[bound] = {}
            insort(self.bounds, bound)
        self.entries[bound][entry] = None

    def discard(self, bound: int, entry: T) -> None:
        del self.entries[bound][entry]
        if not self.entries[bound]:
            del self.entries[bound]
            del self.bounds[bisect_left(self.bounds, bound)]

    def extend(self, found: list[T], start: int, end: int) -> None:
        entries = self.entries
        for bound in self.bounds[start:end]:
            found.extend(entries[bound])


class IntervalSet(Generic[T]):
    """Entries by closed interval; bounds may be infinite, and are told apart as doubles are."""

    __slots__ = ("_depths", "_nodes")

    def __init__(self) -> None:
        # A node is named by its prefix with a 1 in front, and holds lower and upper bounds.
        self._nodes: dict[int, tuple[_Bounds[T], _Bounds[T]]] = {}
        self._depths: dict[int, int] = {}

    def add(self, lower: float, upper: float, entry: T) -> None:
        """Put an entry at an interval."""
        bottom, top = _ordered(lower), _ordered(upper)
        name = self._name(bottom, top)
        if name not in self._nodes:
            self._nodes[name] = _Bounds(), _Bounds()
            depth = name.bit_length() - 1
            self._depths[depth] = self._depths.get(depth, 0) + 1
        lowers, uppers = self._nodes[name]
        lowers.add(bottom, entry)
        uppers.add(top, entry)

    def discard(self, lower: float, upper: float, entry: T) -> None:
        """Take an entry away from its interval."""
        bottom, top = _ordered(lower), _ordered(upper)
        name = self._name(bottom, top)
        lowers, uppers = self._nodes[name]
        lowers.discard(bottom, entry)
        uppers.discard(top, entry)
        if not lowers.bounds:
            del self._nodes[name]
            depth = name.bit_length() - 1
            self._depths[depth] -= 1
            if not self._depths[depth]:
                del self._depths[depth]

    def find(self, number: float, found: list[T]) -> None:
        """Append the entries whose interval is around a number."""
        point = _ordered(number)
        marked = point | 1 << _BITS
        for depth in self._depths:
            node = self._nodes.get(marked >> (_BITS - depth))
            if node is None:
                continue
            lowers, uppers = node
            # Past its prefix the number goes to the left or to the right of the middle.
            if depth == _BITS or not point >> (_BITS - 1 - depth) & 1:
                lowers.extend(found, 0, bisect_right(lowers.bounds, point))
            else:
                uppers.extend(found, bisect_left(uppers.bounds, point), len(uppers.bounds))

    @staticmethod
    def _name(bottom: int, top: int) -> int:
        return (bottom | 1 << _BITS) >> (bottom ^ top).bit_length()
