"""A set of numeric intervals, which finds those that contain a number.

Numbers become 64-bit integers of the same order, and the set is a binary trie over these. An
interval is kept at one node: the longest common prefix of its two bounds. So an interval that
contains a number is at a prefix of the number, of which there are at most 65. The two bounds of an
interval lie on different sides of its node's middle, so one comparison decides. Bounds are sorted,
so a lookup reads only intervals that it returns.
"""

import struct
from bisect import bisect_left, bisect_right, insort
from typing import Generic, TypeVar

T = TypeVar("T")

_BITS = 64


def _ordered(number: float) -> int:
    """Returns a 64-bit integer of the same order. An integer is first rounded to a double."""
    try:
        double = float(number) + 0.0
    except OverflowError:
        double = float("inf") if number > 0 else float("-inf")
    (bits,) = struct.unpack(">Q", struct.pack(">d", double))
    return int(~bits & 0xFFFF_FFFF_FFFF_FFFF if bits >> 63 else bits | 1 << 63)


class _Bounds(Generic[T]):
    """The entries at one node, sorted by one of their bounds."""

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
    """Entries by closed interval. Bounds are doubles, and may be infinite."""

    __slots__ = ("_depths", "_nodes")

    def __init__(self) -> None:
        # The name of a node is its prefix with a 1 in front. It has lower and upper bounds.
        self._nodes: dict[int, tuple[_Bounds[T], _Bounds[T]]] = {}
        self._depths: dict[int, int] = {}

    @property
    def levels(self) -> int:
        """How many nodes a lookup reads at most."""
        return len(self._depths)

    def add(self, lower: float, upper: float, entry: T) -> None:
        """Adds an entry at an interval."""
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
        """Removes an entry from its interval."""
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
        """Appends the entries whose interval contains a number."""
        point = _ordered(number)
        marked = point | 1 << _BITS
        for depth in self._depths:
            node = self._nodes.get(marked >> (_BITS - depth))
            if node is None:
                continue
            lowers, uppers = node
            # After the prefix, the number is to the left or to the right of the middle.
            if depth == _BITS or not point >> (_BITS - 1 - depth) & 1:
                lowers.extend(found, 0, bisect_right(lowers.bounds, point))
            else:
                uppers.extend(found, bisect_left(uppers.bounds, point), len(uppers.bounds))

    @staticmethod
    def _name(bottom: int, top: int) -> int:
        return (bottom | 1 << _BITS) >> (bottom ^ top).bit_length()
