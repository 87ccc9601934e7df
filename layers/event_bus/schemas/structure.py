"""The places of schemas in a JSON Schema document, and which of them apply to the same value."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import unquote

Schema: TypeAlias = dict[str, Any] | bool
"""A JSON Schema of the dialect 2020-12."""

Path: TypeAlias = tuple[str | int, ...]
"""The members and elements that lead to a place."""

# In these the value is a schema, a list of schemas, or schemas by their names. `definitions` is the
# earlier name of `$defs`; references still lead there.
_SINGLE = (
    "additionalProperties",
    "contains",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
)
_LISTED = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("$defs", "definitions", "dependentSchemas", "patternProperties", "properties")

_SAME_VALUE = frozenset(
    {"allOf", "anyOf", "dependentSchemas", "else", "if", "not", "oneOf", "then"}
)
_DEFINITIONS = frozenset({"$defs", "definitions"})
_NAMES_ONE = "properties"


@dataclass(frozen=True, slots=True)
class Child:
    """A direct subschema of a schema.

    Attributes:
        keyword: The keyword that contains it.
        path: Its path from the schema that contains it.
        schema: The schema.
    """

    keyword: str
    path: Path
    schema: Any

    @property
    def same_value(self) -> bool:
        """Whether it applies to the value that the outer schema applies to."""
        return self.keyword in _SAME_VALUE

    @property
    def inner_value(self) -> bool:
        """Whether it applies to members, names or elements of that value."""
        return not self.same_value and self.keyword not in _DEFINITIONS

    @property
    def member(self) -> str | None:
        """The one member that it applies to; None if it may apply to several or to elements."""
        return str(self.path[1]) if self.keyword == _NAMES_ONE else None


def children(schema: Mapping[str, Any]) -> Iterator[Child]:
    """Yields the direct subschemas of a schema."""
    for keyword in _SINGLE:
        if keyword in schema:
            yield Child(keyword, (keyword,), schema[keyword])
    for keyword in _LISTED:
        if isinstance(listed := schema.get(keyword), list):
            for place, each in enumerate(listed):
                yield Child(keyword, (keyword, place), each)
    for keyword in _NAMED:
        if isinstance(named := schema.get(keyword), dict):
            for name, each in named.items():
                yield Child(keyword, (keyword, name), each)


def schemas_in(root: Any) -> Iterator[tuple[Path, Any]]:
    """Yields every schema in a document with its path, the document itself first."""
    stack: list[tuple[Path, Any]] = [((), root)]
    while stack:
        path, schema = stack.pop()
        yield path, schema
        if isinstance(schema, dict):
            stack += [((*path, *each.path), each.schema) for each in children(schema)]


def reference_path(reference: str) -> tuple[str, ...] | None:
    """Returns the path of a reference; None if it is not a JSON pointer into the document."""
    if reference == "#":
        return ()
    if not reference.startswith("#/"):
        return None
    parts = map(unquote, reference[2:].split("/"))
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in parts)


def spelled(path: Path) -> tuple[str, ...]:
    """Returns a path as a reference spells it: places in lists as digits."""
    return tuple(str(part) for part in path)
