"""The rules that tell whether a new schema accepts every document that an old one accepts.

Each keyword of the new schema must follow from the old one. The rules are sound, but not complete:
if they find nothing, nothing breaks; what they find may be harmless. They look at one keyword of
the new schema at a time, and at one part of the old schema: the schema itself, what it refers to,
or a branch of its `allOf`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs

from event_bus.schemas.scalars import (
    Breaking,
    Node,
    accepts,
    bound_faults,
    permitted_values,
    same_value,
    text_faults,
    type_faults,
    value_faults,
)
from event_bus.schemas.structure import Path, Schema, reference_path, schemas_in
from event_bus.schemas.validator import PATTERNS

MAX_STEPS = 5_000
"""The most steps of a comparison; most steps compare one pair of schemas."""


def breaking_changes(old: Schema, new: Schema) -> list[Breaking]:
    """Returns the places in a new schema that may refuse a document which an old one accepts.

    Args:
        old: The old schema.
        new: The new schema; both have been accepted by `checks.check_schema`.

    Returns:
        The places; none if the new schema accepts every document that the old one accepts.
    """
    try:
        return Comparison(old, new).faults(old, new, ())
    except _TooManyStepsError:
        return [Breaking((), "is too large to be compared")]


class _TooManyStepsError(Exception):
    """Two schemas would be compared for too long."""


@dataclass(slots=True)
class Comparison:
    """Compares the parts of two schemas.

    Attributes:
        old_root: The whole old schema, in which its references lead.
        new_root: The whole new schema.
    """

    old_root: Schema
    new_root: Schema
    _steps: int = 0
    _open: set[tuple[int, int]] = field(default_factory=set)

    def faults(self, old: Schema | Node, new: Schema, path: Path) -> list[Breaking]:
        """Returns where a part of the new schema may refuse what a part of the old one accepts.

        Args:
            old: A part of the old schema.
            new: A part of the new schema.
            path: The place of that part in the new schema.

        Raises:
            _TooManyStepsError: The schemas have too many parts to be compared.
        """
        self._step()
        # Pairs are identified by the targets of their references; otherwise a cycle would be
        # followed once more.
        while isinstance(old, dict) and old.keys() == {"$ref"}:
            old = _resolved(self.old_root, old["$ref"])
        while isinstance(new, dict) and new.keys() == {"$ref"}:
            new, path = _resolved(self.new_root, new["$ref"]), (*path, "$ref")
        if new is True or new == {} or old is False:
            return []
        if not isinstance(new, dict):
            return [Breaking(path, "permits nothing")]
        pair = id(old), id(new)
        # A pair that recurs inside itself holds if everything else does, because documents are
        # finite.
        if pair in self._open:
            return []
        self._open.add(pair)
        try:
            return [*self._by_keyword(self._parts(old), new, path)]
        finally:
            self._open.discard(pair)

    def alike(self, old: Any, new: Any, seen: frozenset[str] = frozenset()) -> bool:
        """Returns whether two schemas are equal, including their references."""
        self._step()
        if not same_value(old, new):
            return False
        references = {each["$ref"] for _, each in schemas_in(new) if _refers(each)} - seen
        return all(
            self.alike(
                _resolved(self.old_root, each), _resolved(self.new_root, each), seen | references
            )
            for each in references
        )

    def _step(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise _TooManyStepsError

    def _parts(self, schema: Schema | Node) -> list[Node]:
        """Returns the schemas that apply to the same value as a part of the old schema."""
        self._step()
        if isinstance(schema, bool):
            return [{}]
        parts: list[Node] = [schema]
        if "$ref" in schema:
            parts += self._parts(_resolved(self.old_root, schema["$ref"]))
        for branch in schema.get("allOf", ()):
            parts += self._parts(branch)
        return parts

    def _by_keyword(self, olds: Sequence[Node], new: Schema, path: Path) -> Iterator[Breaking]:
        self._step()
        if not isinstance(new, dict):
            if not new:
                yield Breaking(path, "permits nothing")
            return
        if any(self.alike(old, new) or _accepts_all(new, old) for old in olds):
            return
        if "$ref" in new:
            target = _resolved(self.new_root, new["$ref"])
            yield from self._by_keyword(olds, target, (*path, "$ref"))
        for place, branch in enumerate(new.get("allOf", ())):
            yield from self._by_keyword(olds, branch, (*path, "allOf", place))
        for rule in _RULES:
            # One part of the old schema that demands what the new one does is enough.
            yield from min((self._by_rule(rule, old, new, path) for old in olds), key=len)

    def _by_rule(self, rule: "_Rule", old: Node, new: Node, path: Path) -> list[Breaking]:
        return [*rule(self, old, new, path)]


_Rule = Callable[[Comparison, Node, Node, Path], Iterator[Breaking]]


def _refers(schema: Any) -> bool:
    return isinstance(schema, dict) and "$ref" in schema


def _resolved(root: Schema, reference: str) -> Schema:
    found: Any = root
    for part in reference_path(reference) or ():
        found = found[int(part)] if isinstance(found, list) else found[part]
    schema: Schema = found
    return schema


def _accepts_all(new: Node, old: Node) -> bool:
    """Returns whether an old schema lists its values, and a new one accepts all of them."""
    values = permitted_values(old)
    if values is None or any(_refers(each) for _, each in schemas_in(new)):
        return False
    validator = jsonschema_rs.Draft202012Validator(
        dict(new), validate_formats=True, pattern_options=PATTERNS, offline=True
    )
    return all(map(validator.is_valid, values))


def _member(schema: Node, name: str) -> Schema:
    """Returns a schema that demands of one member at most what the whole schema does."""
    found: Schema = True
    if name in schema.get("properties", {}):
        found = schema["properties"][name]
    elif not schema.get("patternProperties"):
        found = schema.get("additionalProperties", True)
    return found


def _members(c: Comparison, old: Node, new: Node, path: Path) -> Iterator[Breaking]:
    """Checks members that the new schema names: it accepts all that the old one permits there."""
    if accepts(old, "object"):
        for name, schema in new.get("properties", {}).items():
            yield from c.faults(_member(old, name), schema, (*path, "properties", name))


def _patterned_members(c: Comparison, old: Node, new: Node, path: Path) -> Iterator[Breaking]:
    if accepts(old, "object"):
        before = old.get("patternProperties", {})
        for pattern, schema in new.get("patternProperties", {}).items():
            place = (*path, "patternProperties", pattern)
            yield from c.faults(before.get(pattern, True), schema, place)


def _other_members(c: Comparison, old: Node, new: Node, path: Path) -> Iterator[Breaking]:
    """Checks members that the new schema does not name; the old one may name them."""
    if "additionalProperties" not in new or not accepts(old, "object"):
        return
    others, place = new["additionalProperties"], (*path, "additionalProperties")
    for keyword in ("properties", "patternProperties"):
        for name, schema in old.get(keyword, {}).items():
            if name in new.get(keyword, {}):
                continue
            for each in c.faults(schema, others, place):
                yield Breaking(
                    each.path, f"takes {name} as a member that it does not name, and {each.detail}"
                )
    yield from c.faults(old.get("additionalProperties", True), others, place)


def _names(c: Comparison, old: Node, new: Node, path: Path) -> Iterator[Breaking]:
    if "propertyNames" in new and accepts(old, "object"):
        before = old.get("propertyNames", True)
        yield from c.faults(before, new["propertyNames"], (*path, "propertyNames"))


def _required(_: Comparison, old: Node, new: Node, path: Path) -> Iterator[Breaking]:
    if not accepts(old, "object"):
        return
    before = old.get("required", ())
    if missing := [name for name in new.get("required", ()) if name not in before]:
        yield Breaking((*path, "required"), f"requires {', '.join(missing)}")
    for name, needed in new.get("dependentRequired", {}).items():
        known = {*before, *old.get("dependentRequired", {}).get(name, ())}
        if not known.issuperset(needed):
            place = (*path, "dependentRequired", name)
            yield Breaking(place, "requires more members")


def _dependent(c: Comparison, old: Node, new: Node, path: Path) -> Iterator[Breaking]:
    if accepts(old, "object"):
        before = old.get("dependentSchemas", {})
        for name, schema in new.get("dependentSchemas", {}).items():
            place = (*path, "dependentSchemas", name)
            yield from c.faults(before.get(name, True), schema, place)


def _elements(c: Comparison, old: Node, new: Node, path: Path) -> Iterator[Breaking]:
    if not accepts(old, "array"):
        return
    before, after = old.get("prefixItems", ()), new.get("prefixItems", ())
    rest = old.get("items", True)
    for place, schema in enumerate(after):
        known = before[place] if place < len(before) else rest
        yield from c.faults(known, schema, (*path, "prefixItems", place))
    if "items" in new:
        for schema in before[len(after) :]:
            yield from c.faults(schema, new["items"], (*path, "items"))
        yield from c.faults(rest, new["items"], (*path, "items"))


def _contained(c: Comparison, old: Node, new: Node, path: Path) -> Iterator[Breaking]:
    if not accepts(old, "array"):
        return
    if new.get("uniqueItems") and not old.get("uniqueItems"):
        yield Breaking((*path, "uniqueItems"), "demands unique elements")
    if "contains" not in new:
        return
    kept = "contains" in old and c.alike(old["contains"], new["contains"])
    least = new.get("minContains", 1) <= old.get("minContains", 1)
    most = new.get("maxContains")
    if not (kept and least and (most is None or old.get("maxContains", most + 1) <= most)):
        yield Breaking((*path, "contains"), "demands more of the elements")


def _any_of(c: Comparison, old: Node, new: Node, path: Path) -> Iterator[Breaking]:
    if "anyOf" not in new:
        return
    branches = new["anyOf"]

    def fits(schema: Schema | Node) -> bool:
        return any(not c.faults(schema, each, path) for each in branches)

    before = old.get("anyOf") or old.get("oneOf")
    if not fits(old) and not (before and all(map(fits, before))):
        yield Breaking((*path, "anyOf"), "may have no branch that fits")


def _kept_as_it_is(c: Comparison, old: Node, new: Node, path: Path) -> Iterator[Breaking]:
    """Checks keywords that must not change: they may accept less if a part of them accepts more."""
    for keyword in ("oneOf", "not"):
        # `alike` takes schemas, and `oneOf` is a list of them: `allOf` makes one schema of it.
        if keyword in new and not c.alike(
            {"allOf": _listed(old.get(keyword))}, {"allOf": _listed(new[keyword])}
        ):
            yield Breaking((*path, keyword), "may demand more")
    if "if" in new and ("then" in new or "else" in new):
        condition, before = (
            {keyword: schema[keyword] for keyword in ("if", "then", "else") if keyword in schema}
            for schema in (new, old)
        )
        if not c.alike(before, condition):
            yield Breaking((*path, "if"), "may demand more")
    for keyword in ("unevaluatedItems", "unevaluatedProperties"):
        # The evaluated members depend on the whole schema, which differs.
        if new.get(keyword, True) is not True:
            yield Breaking((*path, keyword), "may demand more")


def _listed(schemas: Any) -> list[Any]:
    return schemas if isinstance(schemas, list) else [schemas]


_RULES: tuple[_Rule, ...] = (
    lambda _, old, new, path: type_faults(old, new, path),
    lambda _, old, new, path: value_faults(old, new, path),
    lambda _, old, new, path: bound_faults(old, new, path),
    lambda _, old, new, path: text_faults(old, new, path),
    _members,
    _patterned_members,
    _other_members,
    _names,
    _required,
    _dependent,
    _elements,
    _contained,
    _any_of,
    _kept_as_it_is,
)
