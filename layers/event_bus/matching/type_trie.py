"""A trie of type patterns, which finds those that select an event type."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from event_bus.matching.event_types import WILDCARD

T = TypeVar("T")


class _Node(Generic[T]):
    """One segment of the patterns.

    Attributes:
        children: The nodes of the next segment, including `*` in the middle of a pattern.
        exact: The value of the pattern that ends here.
        rest: The value of the pattern whose last segment, after this one, is `*`.
    """

    __slots__ = ("children", "exact", "rest")

    def __init__(self) -> None:
        self.children: dict[str, _Node[T]] = {}
        self.exact: T | None = None
        self.rest: T | None = None


class TypeTrie(Generic[T]):
    """Values by type pattern.

    Args:
        new: Makes the value of a pattern that has none yet.
    """

    __slots__ = ("_new", "_root")

    def __init__(self, new: Callable[[], T]) -> None:
        self._new = new
        self._root: _Node[T] = _Node()

    def at(self, pattern: str) -> T:
        """Returns the value of a valid type pattern, and makes one if there is none."""
        *segments, last = pattern.split(".")
        node = self._root
        for segment in segments:
            node = node.children.setdefault(segment, _Node())
        if last == WILDCARD:
            if node.rest is None:
                node.rest = self._new()
            return node.rest
        node = node.children.setdefault(last, _Node())
        if node.exact is None:
            node.exact = self._new()
        return node.exact

    def discard(self, pattern: str) -> None:
        """Removes the value of a type pattern, and the nodes that only it needed."""
        *segments, last = pattern.split(".")
        path = [self._root]
        for segment in segments:
            path.append(path[-1].children[segment])
        if last == WILDCARD:
            path[-1].rest = None
        else:
            path.append(path[-1].children[last])
            path[-1].exact = None
            segments.append(last)
        while segments:
            node = path.pop()
            if node.children or node.exact is not None or node.rest is not None:
                return
            del path[-1].children[segments.pop()]

    def matching(self, event_type: str) -> Iterator[T]:
        """Yields the values of the patterns that select an event type."""
        nodes = [self._root]
        for segment in event_type.split("."):
            following = []
            for node in nodes:
                if node.rest is not None:
                    yield node.rest
                for name in (segment, WILDCARD):
                    child = node.children.get(name)
                    if child is not None:
                        following.append(child)
            nodes = following
        for node in nodes:
            if node.exact is not None:
                yield node.exact
