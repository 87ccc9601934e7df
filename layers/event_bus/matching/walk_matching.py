"""Matching a pattern against an event with few array elements, by walking it.

A pattern is a tree of the fields that it names. One walk over the event answers it, including
`$or`: each combination of `$or` branches is one bit, and each step of the walk computes for all
combinations at once

* which are satisfied by values that are present (`positive`), and
* which are satisfied because everything that they name is missing (`absent`).

The two differ inside arrays. The fields of an array's objects must be satisfied by the same
element, so one element suffices for what must be present. What must be missing must be missing from
that element; if no other field chooses an element, it must be missing from all of them.
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, cast

from event_bus.matching.errors import InvalidPatternError
from event_bus.matching.expressions import ValueList
from event_bus.matching.operators import Operator, comparing_steps, scalar_key
from event_bus.matching.work import Work

if TYPE_CHECKING:
    from event_bus.matching.pattern import Leaf


class Step:
    """What all combinations together demand of one field and of the fields inside it.

    A mask has one bit for each combination.

    Attributes:
        every: All combinations.
        asked: The combinations that demand a value of the field itself.
        keys: The values that the field may equal; a dictionary with the combinations that each of
            them satisfies, if several lists of values name the field.
        keyed: The combinations that all values of the first list satisfy.
        operators: The comparisons, each with the combinations that it satisfies.
        present: The combinations satisfied by any value.
        absent: The combinations that demand nothing of the field itself, or that it has no value.
        inside: The fields inside it; None if there are none.
        inside_asked: The combinations that demand something inside it.
        inside_absent: The combinations that are satisfied when nothing is inside it.
        missing: The combinations that are satisfied when there is no such field.
    """

    __slots__ = (
        "absent",
        "asked",
        "every",
        "inside",
        "inside_absent",
        "inside_asked",
        "keyed",
        "keys",
        "missing",
        "operators",
        "present",
    )

    def __init__(self, every: int) -> None:
        self.every = every
        self.asked = 0
        self.keys: Collection[object] = ()
        self.keyed = 0
        self.operators: tuple[tuple[Operator, int], ...] = ()
        self.present = 0
        self.absent = every
        self.inside: dict[str, Step] | None = None
        self.inside_asked = 0
        self.inside_absent = every
        self.missing = every

    def step(self, name: str) -> "Step":
        """Returns the step of a field inside this one, and makes it if there is none."""
        if self.inside is None:
            self.inside = {}
        if name not in self.inside:
            self.inside[name] = Step(self.every)
        return self.inside[name]

    def add_leaf(self, values: ValueList, mask: int) -> None:
        """Adds what the combinations of a mask demand of the field."""
        self.asked |= mask
        if values.keys and not self.keyed:
            # Most fields have one list of values, which needs no copy.
            self.keys, self.keyed = values.keys, mask
        elif values.keys:
            if not isinstance(self.keys, dict):
                self.keys = dict.fromkeys(self.keys, self.keyed)
            for key in values.keys:
                self.keys[key] = self.keys.get(key, 0) | mask
        self.operators += tuple((operator, mask) for operator in values.operators)
        if values.present:
            self.present |= mask
        if not values.absent:
            self.absent &= ~mask
            self.missing &= ~mask


def tree(leaves: tuple["Leaf", ...], combinations: tuple[int, ...]) -> Step:
    """Returns the tree of fields that checks a document against all combinations at once.

    Raises:
        InvalidPatternError: A combination demands something of one field twice.
    """
    root = Step((1 << len(combinations)) - 1)
    for leaf, mask in zip(leaves, _masks(len(leaves), combinations), strict=True):
        steps = [root]
        for name in leaf.path:
            steps.append(steps[-1].step(name))
        last = steps.pop()
        above = 0
        for step in steps:
            above |= step.asked
        if mask & (last.asked | last.inside_asked | above):
            raise InvalidPatternError(
                leaf.pointer,
                "the field is named twice: inside and outside $or, or as a value and as an object",
            )
        last.add_leaf(leaf.values, mask)
        for step in steps:
            step.inside_asked |= mask
            if not leaf.values.absent:
                step.inside_absent &= ~mask
                step.missing &= ~mask
    return root


def matches(root: Step, document: Mapping[str, object], work: Work) -> bool:
    """Returns whether a document satisfies one of the combinations of a pattern.

    Args:
        root: The tree of the pattern.
        document: The document.
        work: The work that is allowed.

    Raises:
        OutOfWork: The check needs more work than is allowed.
    """
    positive, absent = _object(root, document, work)
    return bool(positive or absent)


def _masks(count: int, combinations: tuple[int, ...]) -> list[int]:
    """Returns, for each leaf, the combinations that contain it."""
    masks = [0] * count
    for position, combination in enumerate(combinations):
        rest = combination
        while rest:
            lowest = rest & -rest
            masks[lowest.bit_length() - 1] |= 1 << position
            rest ^= lowest
    return masks


def _object(step: Step, value: Mapping[str, object], work: Work) -> tuple[int, int]:
    """Returns the combinations that the fields of an object satisfy: positive, absent."""
    inside = step.inside or {}
    work.take(1 + len(inside) // 4)
    positive = 0
    absent = satisfied = step.every
    for name, inner in inside.items():
        if name not in value:
            satisfied &= inner.missing
            absent &= inner.missing
        else:
            found, none = _value(inner, value[name], work)
            satisfied &= found | none
            positive |= found
            absent &= none
        if not satisfied:
            break
    return positive & satisfied, absent & satisfied


def _value(step: Step, value: object, work: Work) -> tuple[int, int]:
    """Returns the combinations that the value of a field satisfies: positive, absent."""
    kind = value.__class__
    if kind is dict:
        positive, absent = _object(step, cast("dict[str, object]", value), work)
        # The field itself has no value, since an object is not a leaf.
        return positive & step.absent, absent & step.absent
    if kind is list:
        return _array(step, cast("list[object]", value), work)
    if not step.asked:
        return 0, step.inside_absent
    return _scalar(step, value, work) & step.inside_absent, step.inside_absent & ~step.asked


def _scalar(step: Step, value: object, work: Work) -> int:
    """Returns the combinations that one scalar satisfies."""
    satisfied = step.present
    keys = step.keys
    if keys and (key := scalar_key(value)) in keys:
        satisfied |= keys[key] if isinstance(keys, dict) else step.keyed
    for operator, mask in step.operators:
        if mask & ~satisfied:
            steps = comparing_steps(operator, value) if operator.searches else operator.steps
            work.take(1 + steps)
            if operator.matches(value):
                satisfied |= mask
    return satisfied


def _array(step: Step, value: list[object], work: Work) -> tuple[int, int]:
    """Returns the combinations that the elements of an array satisfy: positive, absent."""
    own = 0
    own_absent = step.absent
    inside = 0
    inside_absent: int | None = None
    stack = value[::-1]
    while stack:
        element = stack.pop()
        if isinstance(element, list):
            stack.extend(reversed(element))
        elif isinstance(element, dict):
            if inside != step.inside_asked:
                found, none = _object(step, element, work)
                inside |= found
                inside_absent = none if inside_absent is None else inside_absent & none
        elif own != step.asked:
            own_absent = step.every & ~step.asked
            own |= _scalar(step, element, work)
    if inside_absent is None:
        inside_absent = step.inside_absent
    inside_absent &= ~inside
    positive = own & inside_absent | inside & own_absent
    return positive, own_absent & inside_absent
