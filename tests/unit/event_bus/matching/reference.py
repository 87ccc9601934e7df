"""A second matcher, written for clarity: it walks every combination and every element.

It follows docs/reference/filters.md without the mechanisms that make the bus's own matcher fast.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any

from event_bus.matching.expressions import Budget, ValueList
from event_bus.matching.operators import scalar_key

Combination = dict[str, Any]
"""A pattern without `$or`: objects of fields, with a `ValueList` at each leaf."""


def reference_matches(pattern: dict[str, Any], document: dict[str, Any]) -> bool:
    """Whether an event satisfies a valid pattern."""
    return any(
        any(_object(combination, document)) for combination in _combinations(pattern, Budget())
    )


def _combinations(pattern: dict[str, Any], budget: Budget) -> Iterator[Combination]:
    choices: list[list[Combination]] = []
    for name, value in pattern.items():
        if name == "$or":
            choices.append([each for branch in value for each in _combinations(branch, budget)])
        elif isinstance(value, dict):
            choices.append([{name: each} for each in _combinations(value, budget)])
        else:
            choices.append([{name: ValueList(value, "", budget)}])
    for chosen in product(*choices):
        merged: Combination = {}
        for each in chosen:
            _merge(merged, each)
        yield merged


def _merge(into: Combination, other: Combination) -> None:
    for name, value in other.items():
        if isinstance(value, dict):
            _merge(into.setdefault(name, {}), value)
        else:
            into[name] = value


def _object(asked: Combination, value: dict[str, Any]) -> tuple[bool, bool]:
    """Whether an object satisfies a combination: by values that are there, by their lack."""
    answers = [_field(each, value.get(name, [])) for name, each in asked.items()]
    if not all(by_value or by_lack for by_value, by_lack in answers):
        return False, False
    return any(by_value for by_value, _ in answers), all(by_lack for _, by_lack in answers)


def _field(asked: Any, value: Any) -> tuple[bool, bool]:
    elements = list(_elements(value))
    objects = [each for each in elements if isinstance(each, dict)]
    scalars = [each for each in elements if not isinstance(each, dict)]
    if isinstance(asked, ValueList):
        return any(_scalar(asked, each) for each in scalars), asked.absent and not scalars
    answers = [_object(asked, each) for each in objects]
    by_lack = all(lack for _, lack in answers) and (bool(answers) or _optional(asked))
    return any(by_value for by_value, _ in answers), by_lack


def _elements(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for each in value:
            yield from _elements(each)
    else:
        yield value


def _optional(asked: Any) -> bool:
    if isinstance(asked, ValueList):
        return asked.absent
    return all(_optional(each) for each in asked.values())


def _scalar(asked: ValueList, value: Any) -> bool:
    return (
        asked.present
        or scalar_key(value) in asked.keys
        or any(operator.matches(value) for operator in asked.operators)
    )
