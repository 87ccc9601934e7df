"""The objects at one place of an event, and the values of their fields, as sets.

A set of objects is one integer, with a bit for each number of an object (see `survey`). An object
that is not an element of an array has the number of the element that contains it. The document has
the highest number. So one lookup compares all elements of an array, and an intersection of sets
tells which elements satisfy several conditions together.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from event_bus.matching.expressions import ValueList
from event_bus.matching.limits import COLUMN_WORK
from event_bus.matching.survey import Survey, Unseen
from event_bus.matching.value_index import ValueIndex, scalar_satisfies
from event_bus.matching.work import SharedWork, Work

NO_SCALAR: Final = object()
"""Stands for the value of a field that is not one scalar in one object."""

_Pair = tuple[int, object]


class ObjectSet:
    """The objects at one place.

    Args:
        survey: The survey of the event.
        objects: The objects, each with its number.
        unseen: The fields of elements that patterns do not look at, each with the number of the
            object that contains these elements.

    Attributes:
        columns: The values of each field that was asked for; None if no object has it.
        numbers: The numbers of all, as a set.
    """

    __slots__ = ("_lone", "_members", "_objects", "_survey", "_unseen", "columns", "numbers")

    def __init__(
        self,
        survey: Survey,
        objects: list[tuple[int, Mapping[str, object]]],
        unseen: list[tuple[int, Unseen]],
    ) -> None:
        self.numbers = 0
        for number, _ in objects:
            self.numbers |= 1 << number
        for number, _ in unseen:
            self.numbers |= 1 << number
        self._survey = survey
        self._objects = objects
        self._unseen = unseen
        self._lone = objects[0][1] if len(objects) == 1 and not unseen else None
        self.columns: dict[str, Column | None] = {}
        self._members: dict[str, list[_Pair]] | None = None

    def names(self) -> Collection[str]:
        """Returns the names of the fields that patterns look at."""
        return self._objects[0][1] if len(self._objects) == 1 else self._grouped()

    def column(self, name: str) -> "Column | None":
        """Returns the column of a field that is no `scalar`; None if no object has the field."""
        if name in self.columns:
            return self.columns[name]
        column = self.columns[name] = self._made(name)
        if column is not None:
            column.missing = self.numbers & ~column.filled
        return column

    def satisfying(self, name: str, asked: ValueList, work: Work) -> int:
        """Returns the objects in which a value of a field satisfies what a pattern demands.

        Raises:
            OutOfWork: The check needs more work than is left.
        """
        column = self.columns.get(name)
        if column is None:
            value = self.scalar(name)
            if value is not NO_SCALAR:
                return self.numbers if scalar_satisfies(value, asked, work) else 0
            column = self.column(name)
        return 0 if column is None else column.values.satisfying(asked, work)

    def lacking(self, name: str) -> int:
        """Returns the objects in which a field has no value."""
        column = self.columns.get(name)
        if column is None:
            if self.scalar(name) is not NO_SCALAR:
                return 0
            column = self.column(name)
        return self.numbers if column is None else column.missing

    def nested(self, name: str) -> "Column | None":
        """Returns the column of a field that may hold objects; None if it holds none."""
        column = self.columns.get(name)
        if column is None and self.scalar(name) is NO_SCALAR:
            column = self.column(name)
        return column

    def scalar(self, name: str) -> object:
        """Returns the value of a field if there is one object, and its value is a scalar.

        Such a field needs no column. For any other field, the result is `NO_SCALAR`.
        """
        lone = self._lone
        if lone is None or name not in lone:
            return NO_SCALAR
        value = lone[name]
        kind = value.__class__
        return NO_SCALAR if kind is dict or kind is list else value

    def _made(self, name: str) -> "Column | None":
        """Returns a new column of a field; None if no object has the field."""
        if self._lone is not None:
            number, value = self._objects[0]
            return self._column_of(number, value[name]) if name in value else None
        members = self._members_named(name)
        unseen = [
            (number, each.fields[name]) for number, each in self._unseen if name in each.fields
        ]
        return self._column(members, unseen) if members or unseen else None

    def _column(self, members: list[_Pair], unseen: list[tuple[int, Unseen]]) -> "Column":
        self._survey.shared.steps += COLUMN_WORK
        column = Column(self._survey.shared)
        column.add(self._survey, members, unseen)
        return column

    def _column_of(self, number: int, member: object) -> "Column":
        """Returns the column of one member. Paths with and without `payload` share it."""
        columns, key = self._survey.columns, (number, id(member))
        if key not in columns:
            columns[key] = self._column([(number, member)], [])
        return columns[key]

    def _members_named(self, name: str) -> list[_Pair]:
        """Returns the value of a field in each object that has it."""
        if len(self._objects) == 1:
            ((number, value),) = self._objects
            return [(number, value[name])] if name in value else []
        return self._grouped().get(name, [])

    def _grouped(self) -> dict[str, list[_Pair]]:
        """Returns the members of all objects by name, collected in one pass."""
        if self._members is None:
            self._members = {}
            for number, value in self._objects:
                for name, member in value.items():
                    self._members.setdefault(name, []).append((number, member))
        return self._members


class Column:
    """The values of one field in the objects of a set.

    Args:
        shared: Counts the steps of sorting values.

    Attributes:
        filled: The objects in which the field has a value.
        missing: The objects of the set in which it has none.
        values: The values.
        objects: The objects in the field; None if there are none.
    """

    __slots__ = ("_direct", "_inside", "_owners", "filled", "missing", "objects", "values")

    def __init__(self, shared: SharedWork) -> None:
        self.values = ValueIndex(shared)
        self.filled = self.missing = 0
        self.objects: ObjectSet | None = None
        self._direct = self._inside = self._owners = 0

    def add(
        self, survey: Survey, members: Iterable[_Pair], unseen: list[tuple[int, Unseen]]
    ) -> None:
        """Adds the values and objects of the field.

        Args:
            survey: The survey of the event.
            members: The value of the field in each object that has it.
            unseen: What is known of elements that patterns do not look at.
        """
        hidden = [(number, each) for number, each in unseen if each.fields]
        valued = [number for number, each in unseen if each.valued]
        objects: list[tuple[int, Mapping[str, object]]] = []
        for number, member in members:
            if isinstance(member, dict):
                objects.append((number, member))
                self._direct |= 1 << number
            elif not isinstance(member, list):
                self.values.add(number, member)
            else:
                elements = survey.elements(member)
                self._add_elements(survey, number, elements.seen, objects)
                if elements.unseen is not None:
                    if elements.unseen.valued:
                        valued.append(number)
                    if elements.unseen.fields:
                        hidden.append((number, elements.unseen))
        self.filled = self.values.all
        for number in valued:
            self.filled |= 1 << number
        for number, _ in hidden:
            self._direct |= 1 << number
        if objects or hidden:
            self.objects = ObjectSet(survey, objects, hidden)

    def _add_elements(
        self,
        survey: Survey,
        number: int,
        elements: list[object],
        objects: list[tuple[int, Mapping[str, object]]],
    ) -> None:
        found = [each for each in elements if isinstance(each, dict)]
        if len(found) < len(elements):
            scalars = (
                [each for each in elements if not isinstance(each, dict)] if found else elements
            )
            self.values.add_all(number, scalars)
        if found:
            objects += [(survey.numbers[id(each)], each) for each in found]
            first = survey.first[number]
            self._owners |= 1 << number
            self._inside |= (1 << number) - (1 << first)

    def holders(self, objects: int) -> int:
        """Returns those of the set that have one of these objects in the field."""
        elements = objects & ~self._direct
        held = objects & self._direct
        if elements:
            # The bits inside an object are all ones, so an addition carries into its own bit.
            held |= (elements + self._inside) & self._owners
        return held
