"""Matching a pattern against an event by sets of objects.

One lookup per comparison finds the set of all objects that satisfy it. Each step of a pattern has
two sets of objects:

* those that satisfy it by values that are present (`positive`), and
* those that satisfy it because everything that it names is missing (`absent`).

An array satisfies a step if one of its elements is in `positive`, or all are in `absent`.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from event_bus.matching.expressions import ValueList
from event_bus.matching.object_sets import ObjectSet
from event_bus.matching.work import Work

if TYPE_CHECKING:
    from event_bus.matching.pattern import Leaf


class ObjectDemands:
    """What one combination of a pattern demands of the fields of an object.

    Attributes:
        leaves: What it demands of the values of fields, by their names.
        inside: What it demands of the objects in fields, by their names.
        optional: Whether the lack of all fields satisfies it.
        strict: Whether the lack of any field fails it.
    """

    __slots__ = ("inside", "leaves", "optional", "strict")

    def __init__(self) -> None:
        self.leaves: dict[str, Leaf] = {}
        self.inside: dict[str, ObjectDemands] = {}
        self.optional = True
        self.strict = True

    def add(self, values: ValueList) -> None:
        """Notes what is demanded of a field, at any depth."""
        self.optional &= values.absent
        self.strict &= not values.absent


def plan(leaves: Sequence["Leaf"]) -> ObjectDemands:
    """Returns the plan of one combination."""
    root = ObjectDemands()
    for leaf in leaves:
        step = root
        step.add(leaf.values)
        for name in leaf.path[:-1]:
            step = step.inside.setdefault(name, ObjectDemands())
            step.add(leaf.values)
        step.leaves[leaf.path[-1]] = leaf
    return root


def matches(root: ObjectSet, plans: Iterable[ObjectDemands], work: Work) -> bool:
    """Returns whether a document satisfies one of the combinations of a pattern.

    Args:
        root: The document.
        plans: The combinations.
        work: The work that is allowed.

    Raises:
        OutOfWork: The check needs more work than is allowed.
    """
    known: dict[Leaf, int] = {}
    for each in plans:
        if each.strict:
            if _holding(root, each, known, work):
                return True
        elif any(_satisfying(root, each, known, work)):
            return True
    return False


def meets(root: ObjectSet, leaf: "Leaf", work: Work) -> bool:
    """Returns whether a document satisfies a pattern that names one field.

    No second field must be satisfied by the same element, so one value of any element suffices.

    Args:
        root: The document.
        leaf: What the pattern demands of the field.
        work: The work that is allowed.

    Raises:
        OutOfWork: The check needs more work than is allowed.
    """
    work.take(len(leaf.path))
    objects, values = root, leaf.values
    for name in leaf.path[:-1]:
        column = objects.nested(name)
        if column is None or column.objects is None:
            return values.absent
        objects = column.objects
    name = leaf.path[-1]
    if values.absent and objects.lacking(name) == objects.numbers:
        return True
    return objects.satisfying(name, values, work) != 0


def _holding(objects: ObjectSet, asked: ObjectDemands, known: dict["Leaf", int], work: Work) -> int:
    """Returns the objects that satisfy a step which the lack of any field fails."""
    satisfied = objects.numbers
    work.take(max(1, 2 * len(asked.leaves) - 1))
    for name, leaf in asked.leaves.items():
        found = known.get(leaf)
        if found is None:
            found = known[leaf] = objects.satisfying(name, leaf.values, work)
        satisfied &= found
        if not satisfied:
            return 0
    for name, inner in asked.inside.items():
        column = objects.nested(name)
        if column is None or column.objects is None:
            return 0
        satisfied &= column.holders(_holding(column.objects, inner, known, work))
        if not satisfied:
            return 0
    return satisfied


def _satisfying(
    objects: ObjectSet, asked: ObjectDemands, known: dict["Leaf", int], work: Work
) -> tuple[int, int]:
    """Returns the objects that satisfy a step: positive, absent."""
    positive = 0
    absent = satisfied = every = objects.numbers
    work.take(max(1, 2 * len(asked.leaves) - 1) + len(asked.inside))
    for name, leaf in asked.leaves.items():
        found = known.get(leaf)
        if found is None:
            found = known[leaf] = objects.satisfying(name, leaf.values, work)
        positive |= found
        if leaf.values.absent:
            lacking = objects.lacking(name)
            absent &= lacking
            found |= lacking
        else:
            absent = 0
        satisfied &= found
        if not satisfied:
            return 0, 0
    for name, inner in asked.inside.items():
        column = objects.nested(name)
        found, none = 0, every if inner.optional else 0
        if column is not None and column.objects is not None:
            held, empty = _satisfying(column.objects, inner, known, work)
            found = column.holders(held)
            none &= ~column.holders(column.objects.numbers & ~empty)
        positive |= found
        absent &= none
        satisfied &= found | none
        if not satisfied:
            return 0, 0
    return positive & satisfied, absent & satisfied
