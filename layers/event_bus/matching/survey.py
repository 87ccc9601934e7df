"""Surveying an event once, as far as patterns may look.

The objects in its arrays are numbered, each after all objects inside it. So the objects inside an
object have the numbers right before its own, and the carry of an addition tells which objects
contain a member of a set (`Column.holders`).
"""

from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, cast

from event_bus.matching.work import SharedWork

if TYPE_CHECKING:
    from event_bus.matching.object_sets import Column


class Unseen:
    """The fields of elements that patterns do not look at, without their values.

    It satisfies no comparison; it only tells that a field is not missing.

    Attributes:
        fields: What is known of each field.
        valued: Whether there is a value besides objects.
    """

    __slots__ = ("fields", "valued")

    def __init__(self) -> None:
        self.fields: dict[str, Unseen] = {}
        self.valued = False

    def add(self, values: list[object], nesting: int) -> int:
        """Adds values, as many levels deep as patterns look, and returns how many it has read.

        There may be hundreds of thousands of elements, so built-in functions do the loops.
        """
        count = 0
        while values:
            count += len(values)
            kinds = set(map(type, values))
            if kinds - _CONTAINERS:
                self.valued = True
            if dict in kinds and nesting > 0:
                objects = values
                if len(kinds) > 1:
                    objects = [each for each in values if isinstance(each, dict)]
                count += self._add_objects(cast("list[dict[str, object]]", objects), nesting)
            if list not in kinds:
                break
            if len(kinds) > 1:
                values = [each for each in values if isinstance(each, list)]
            values = list(chain.from_iterable(cast("list[list[object]]", values)))
        return count

    def _add_objects(self, objects: list[dict[str, object]], nesting: int) -> int:
        kinds = set(map(type, chain.from_iterable(map(dict.values, objects))))
        if not kinds & _CONTAINERS:
            names = dict.fromkeys(chain.from_iterable(objects), _VALUED)
            if self.fields:
                for name in names:
                    self.fields.setdefault(name, _VALUED).valued = True
            else:
                self.fields = names
            return sum(map(len, objects))
        members: dict[str, list[object]] = {}
        for each in objects:
            for name, member in each.items():
                members.setdefault(name, []).append(member)
        return sum(self._field(name).add(some, nesting - 1) for name, some in members.items())

    def _field(self, name: str) -> "Unseen":
        """Returns what is known of a field, to be extended."""
        known = self.fields.get(name)
        if known is None or known is _VALUED:
            known, known_value = Unseen(), known is not None
            known.valued = known_value
            self.fields[name] = known
        return known


_VALUED = Unseen()
_VALUED.valued = True
_CONTAINERS = frozenset({dict, list})


class Elements:
    """The elements of one array, including those of the arrays inside it.

    Attributes:
        seen: The elements that patterns look at.
        unseen: The fields of the others; None if there are none.
    """

    __slots__ = ("seen", "unseen")

    def __init__(self) -> None:
        self.seen: list[object] = []
        self.unseen: Unseen | None = None


class Survey:
    """The arrays of an event.

    Args:
        elements: How many elements patterns look at; an object counts once more for each field.
        nesting: How many levels deep patterns look.
        shared: Counts the steps that serve all filters.

    Attributes:
        limited: Whether the event has elements that patterns do not look at.
        unseen: How many of them there are, with their fields.
        first: For each number of an object, the lowest number inside it, or its own.
        numbers: The number of each object in an array, by its identity.
        shared: Counts the steps that serve all filters.
        columns: The columns of one array or object each, by its number and identity.
    """

    __slots__ = (
        "_arrays",
        "_left",
        "_nesting",
        "columns",
        "first",
        "limited",
        "numbers",
        "shared",
        "unseen",
    )

    def __init__(self, elements: int, nesting: int, shared: SharedWork) -> None:
        self.limited = False
        self.unseen = 0
        self.shared = shared
        self.columns: dict[tuple[int, int], Column] = {}
        self.first: list[int] = []
        self.numbers: dict[int, int] = {}
        self._arrays: dict[int, Elements] = {}
        self._left = elements
        self._nesting = nesting

    def read(self, document: Mapping[str, object]) -> None:
        """Surveys an object that is not in an array."""
        self._read_object(document, 1, counted=False)

    def end(self) -> int:
        """Numbers the object that contains everything that was surveyed."""
        self.first.append(0)
        return len(self.first) - 1

    def elements(self, array: list[object]) -> Elements:
        """Returns the elements of an array."""
        return self._arrays[id(array)]

    def _read_object(self, value: Mapping[str, object], depth: int, *, counted: bool) -> None:
        for member in value.values():
            if isinstance(member, dict):
                if counted:
                    self._left -= len(member)
                if depth < self._nesting:
                    self._read_object(member, depth + 1, counted=counted)
            elif isinstance(member, list):
                elements = self._arrays[id(member)] = Elements()
                self._read_array(member, depth + 1, elements)

    def _read_array(self, array: list[object], depth: int, elements: Elements) -> None:
        for place, element in enumerate(array):
            if self._left <= 0 or depth > self._nesting:
                self.limited = True
                elements.unseen = elements.unseen or Unseen()
                self.unseen += elements.unseen.add(array[place:], self._nesting)
                return
            self._left -= 1
            if isinstance(element, list):
                self._read_array(element, depth + 1, elements)
                continue
            if isinstance(element, dict):
                self._left -= len(element)
                first = len(self.first)
                self._read_object(element, depth + 1, counted=True)
                self.numbers[id(element)] = len(self.first)
                self.first.append(first)
            elements.seen.append(element)
