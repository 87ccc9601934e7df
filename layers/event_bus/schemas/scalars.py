"""Rules about types, values, and the bounds of numbers, strings, arrays and objects."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from event_bus.json_numbers import ExactNumber
from event_bus.schemas.structure import Path

Node = Mapping[str, Any]
"""A schema that is an object."""


@dataclass(frozen=True, slots=True)
class Breaking:
    """A place in a new schema that may refuse documents which the old one accepts.

    Attributes:
        path: The place.
        detail: What the new schema does there: a verb and its object.
    """

    path: Path
    detail: str


_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})


def types_of(schema: Node) -> frozenset[str]:
    """Returns the types of the values that a schema may accept, as its own keywords tell them."""
    if "const" in schema:
        return frozenset({type_of(schema["const"])})
    if "enum" in schema:
        return frozenset(map(type_of, schema["enum"]))
    if "type" not in schema:
        return _TYPES
    named = schema["type"]
    return frozenset([named] if isinstance(named, str) else named)


def type_of(value: Any) -> str:
    """Returns the type of a JSON value; a number without a fraction is an integer."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    if isinstance(value, float | ExactNumber):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list):
        return "array"
    return "object" if isinstance(value, dict) else "null"


def accepts(schema: Node, type_name: str) -> bool:
    """Returns whether a schema may accept a value of a type; integers are numbers, too.

    A rule about values of a type does not apply if the old schema accepts none of them.
    """
    types = types_of(schema)
    return type_name in types or (type_name == "number" and "integer" in types)


def same_value(one: Any, other: Any) -> bool:
    """Returns whether two JSON values are equal; in Python 1 equals True."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_value, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(
            same_value(each, other[name]) for name, each in one.items()
        )
    return bool(one == other)


def permitted_values(schema: Node) -> list[Any] | None:
    """Returns the values that a schema may accept, if it lists them."""
    if "const" in schema:
        return [schema["const"]]
    return schema.get("enum")


def type_faults(old: Node, new: Node, path: Path) -> Iterator[Breaking]:
    """Applies the rule of `type`: the new schema accepts every type that the old one accepts."""
    if "type" not in new:
        return
    permitted = set(types_of({"type": new["type"]}))
    if "number" in permitted:
        permitted.add("integer")
    if missing := types_of(old) - permitted:
        yield Breaking((*path, "type"), f"does not permit the type {', '.join(sorted(missing))}")


def value_faults(old: Node, new: Node, path: Path) -> Iterator[Breaking]:
    """Applies the rule of `enum` and `const`: the new schema lists every value of the old one."""
    before = permitted_values(old)
    for keyword in ("enum", "const"):
        if keyword not in new:
            continue
        values = [new["const"]] if keyword == "const" else new["enum"]
        if before is None:
            yield Breaking((*path, keyword), "permits no other values")
        elif not all(any(same_value(each, value) for value in values) for each in before):
            yield Breaking((*path, keyword), "leaves out a value")


def bound_faults(old: Node, new: Node, path: Path) -> Iterator[Breaking]:
    """Applies the rules of lengths, counts and numbers: old bounds imply the new ones."""
    for keyword, (type_name, holds) in _BOUNDS.items():
        if keyword in new and accepts(old, type_name) and not holds(old, new[keyword]):
            yield Breaking((*path, keyword), f"demands {keyword} {new[keyword]}")


def text_faults(old: Node, new: Node, path: Path) -> Iterator[Breaking]:
    """Applies the rules of `pattern` and `format`: they stay unchanged, or are removed."""
    for keyword in ("pattern", "format"):
        if keyword in new and accepts(old, "string") and old.get(keyword) != new[keyword]:
            yield Breaking((*path, keyword), f"demands a {keyword}")


def _at_least(keyword: str) -> Callable[[Node, Any], bool]:
    return lambda old, bound: bound <= old.get(keyword, 0)


def _at_most(keyword: str) -> Callable[[Node, Any], bool]:
    return lambda old, bound: keyword in old and old[keyword] <= bound


def _minimum(old: Node, bound: Any) -> bool:
    return _over(old.get("minimum"), bound) or _over(old.get("exclusiveMinimum"), bound)


def _exclusive_minimum(old: Node, bound: Any) -> bool:
    return _over(old.get("exclusiveMinimum"), bound) or (
        "minimum" in old and old["minimum"] > bound
    )


def _over(before: Any, bound: Any) -> bool:
    return before is not None and before >= bound


def _maximum(old: Node, bound: Any) -> bool:
    return _under(old.get("maximum"), bound) or _under(old.get("exclusiveMaximum"), bound)


def _exclusive_maximum(old: Node, bound: Any) -> bool:
    return _under(old.get("exclusiveMaximum"), bound) or (
        "maximum" in old and old["maximum"] < bound
    )


def _under(before: Any, bound: Any) -> bool:
    return before is not None and before <= bound


def _multiple(old: Node, factor: Any) -> bool:
    before = old.get("multipleOf")
    if before == factor:
        return True
    # The result for fractions depends on rounding.
    return isinstance(before, int) and isinstance(factor, int) and before % factor == 0


_BOUNDS: dict[str, tuple[str, Callable[[Node, Any], bool]]] = {
    "minLength": ("string", _at_least("minLength")),
    "maxLength": ("string", _at_most("maxLength")),
    "minItems": ("array", _at_least("minItems")),
    "maxItems": ("array", _at_most("maxItems")),
    "minProperties": ("object", _at_least("minProperties")),
    "maxProperties": ("object", _at_most("maxProperties")),
    "minimum": ("number", _minimum),
    "exclusiveMinimum": ("number", _exclusive_minimum),
    "maximum": ("number", _maximum),
    "exclusiveMaximum": ("number", _exclusive_maximum),
    "multipleOf": ("number", _multiple),
}
