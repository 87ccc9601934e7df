"""Reads YAML within bounds, and keeps the place of each value for messages.

Scalars are read as YAML 1.2 says: `on` and `yes` are strings, as in JSON Schemas and event types.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import yaml
from yaml.resolver import Resolver

from event_bus_client.errors import Restorable

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64
MAX_VALUES = 100_000
"""How many values a file may have, aliases written out."""

MAX_FAULTS = 50
_MAX_DIGITS = 4_000

Part = str | int


@dataclass(frozen=True)
class FileFault:
    """Something that is wrong in a file.

    Attributes:
        line: The line, from 1 on.
        column: The column, from 1 on.
        pointer: A JSON pointer to the value; empty for the whole file.
        detail: What is wrong, and what to do.
    """

    line: int
    column: int
    pointer: str
    detail: str

    def __str__(self) -> str:
        pointer = f" {self.pointer}" if self.pointer else ""
        return f"{self.line}:{self.column}:{pointer} {self.detail}"


class InvalidFile(Restorable):
    """A file is not valid.

    Attributes:
        faults: What is wrong, in the order of the file.
    """

    def __init__(self, faults: Sequence[FileFault]) -> None:
        """Keeps the faults."""
        super().__init__("\n".join(map(str, faults)))
        self.faults = sorted(faults, key=lambda each: (each.line, each.column))[:MAX_FAULTS]


@dataclass(frozen=True)
class Node:
    """A value, with its place.

    Attributes:
        line: Its line, from 1 on.
        column: Its column, from 1 on.
        content: A scalar, a list of nodes, or nodes by name.
        size: How many values it has, with itself and aliases written out.
        names: The lines and columns of the names of its members.
    """

    line: int
    column: int
    content: Any
    size: int
    names: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def value(self) -> Any:
        """Returns the value without places."""
        if isinstance(self.content, dict):
            return {name: each.value() for name, each in self.content.items()}
        if isinstance(self.content, list):
            return [each.value() for each in self.content]
        return self.content

    def nearest(self, path: Sequence[Part]) -> "Node":
        """Returns the node of a path, or the nearest above it that exists."""
        node = self
        for part in path:
            below = node.content
            members = dict(enumerate(below)) if isinstance(below, list) else below
            if not isinstance(members, dict) or part not in members:
                break
            node = members[part]
        return node

    def fault(self, path: Sequence[Part], detail: str, *, of_name: bool = False) -> FileFault:
        """Returns a fault of the value under a path, or of the name of the member that it is."""
        node = self.nearest(path)
        line, column = node.line, node.column
        if of_name:
            line, column = self.nearest(path[:-1]).names.get(str(path[-1]), (line, column))
        return FileFault(line, column, pointer(path), detail)


def pointer(path: Sequence[Part]) -> str:
    """Returns a path as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def parts(text: str) -> list[Part]:
    """Returns a JSON pointer as a path; numbers are read as places in lists."""
    named = (part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:])
    return [int(part) if part.isdecimal() else part for part in named]


def read(text: str) -> Node:
    """Reads a file.

    Raises:
        InvalidFile: It is not YAML, or outside the bounds.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise InvalidFile([FileFault(1, 1, "", f"The file must have at most {MAX_BYTES} bytes.")])
    try:
        return _NodeReader(text).document()
    except yaml.reader.ReaderError as error:
        at = text[: int(error.position)]
        line, column = at.count("\n") + 1, len(at) - at.rfind("\n")
        raise InvalidFile(
            [FileFault(line, column, "", f"This is not YAML: {error.reason}.")]
        ) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(str(error.problem or error.context or "it cannot be read").split())
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise InvalidFile([FileFault(line, column, "", f"This is not YAML: {said}.")]) from error


class _Loader(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser, Resolver):
    """Reads events, and resolves scalars by the core schema of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)
        Resolver.__init__(self)


_CORE = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
for _name, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", _INTEGER.pattern, list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
):
    _Loader.add_implicit_resolver(_CORE + _name, re.compile(f"(?:{_pattern})\\Z"), _first)


CORE: Mapping[str, Sequence[Any]] = _Loader.yaml_implicit_resolvers
"""How scalars are read, by their first letter."""


class _NodeReader:
    """Makes nodes from the events of one text."""

    def __init__(self, text: str) -> None:
        self._loader = _Loader(text)
        self._anchors: dict[str, Node] = {}
        self._path: list[Part] = []

    def document(self) -> Node:
        """Returns the one document of the text."""
        self._next()
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            return Node(1, 1, None, 1)
        node = self._node(self._next())
        self._next()
        after = self._next()
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._wrong(after, "The file must have one document: remove what follows ---.")
        return node

    def _next(self) -> Any:
        try:
            return self._loader.get_event()  # type: ignore[no-untyped-call]
        except (ValueError, OverflowError) as error:
            # Such as an escape beyond Unicode.
            mark = self._loader.get_mark()
            raise self._at(mark, f"This is not YAML: {error}.") from error

    def _node(self, event: Any) -> Node:
        if len(self._path) > MAX_DEPTH:
            raise self._wrong(event, f"Values must be nested at most {MAX_DEPTH} deep.")
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                detail = f"The anchor &{event.anchor} must be complete before *{event.anchor}."
                raise self._wrong(event, detail)
            return self._anchors[event.anchor]
        if isinstance(event, yaml.ScalarEvent):
            made = self._made(event, self._scalar(event), ())
        elif isinstance(event, yaml.SequenceStartEvent):
            self._check_tag(event, "seq")
            items = list(self._items())
            made = self._made(event, items, items)
        else:
            self._check_tag(event, "map")
            names: dict[str, tuple[int, int]] = {}
            members = dict(self._members(names))
            made = replace(self._made(event, members, members.values()), names=names)
        if event.anchor:
            self._anchors[event.anchor] = made
        return made

    def _items(self) -> Iterator[Node]:
        place = 0
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            yield self._below(place, event)
            place += 1

    def _members(self, names: dict[str, tuple[int, int]]) -> Iterator[tuple[str, Node]]:
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if isinstance(event, yaml.AliasEvent):
                raise self._wrong(event, "A member's name must be written out, not an alias.")
            if not isinstance(event, yaml.ScalarEvent):
                raise self._wrong(event, "A member's name must be a string.")
            name = self._scalar(event)
            if not isinstance(name, str):
                said = f"A member's name must be a string: write '{event.value[:40]}'."
                raise self._wrong(event, said)
            if name in names:
                raise self._wrong(event, f"The member {name!r} is there already: keep one.")
            mark: Any = event.start_mark
            names[name] = (mark.line + 1, mark.column + 1)
            yield name, self._below(name, self._next())

    def _below(self, part: Part, event: Any) -> Node:
        self._path.append(part)
        node = self._node(event)
        self._path.pop()
        return node

    def _made(self, event: Any, content: Any, below: Any) -> Node:
        size = 1 + sum(each.size for each in below)
        if size > MAX_VALUES:
            detail = f"The file must have at most {MAX_VALUES} values, aliases written out."
            raise self._wrong(event, detail)
        return Node(event.start_mark.line + 1, event.start_mark.column + 1, content, size)

    def _check_tag(self, event: Any, kind: str) -> None:
        if event.tag not in (None, "!", _CORE + kind):
            raise self._wrong(event, f"The tag {event.tag} is not allowed: remove it.")

    def _scalar(self, event: Any) -> Any:
        tag = event.tag
        if tag in (None, "!"):
            implicit = event.implicit if tag is None else (False, True)
            tag = self._loader.resolve(yaml.ScalarNode, event.value, implicit)  # type: ignore[no-untyped-call]
        text: str = event.value
        if tag == _CORE + "str":
            if any("\ud800" <= letter <= "\udfff" for letter in text):
                raise self._wrong(event, "The string must be Unicode, without surrogates.")
            return text
        try:
            return _SCALARS[tag.removeprefix(_CORE)](text)
        except KeyError:
            if str(tag).startswith(_CORE):
                said = f"The tag {tag} is not allowed, or does not fit {text[:40]!r}."
            else:
                said = f"The tag {tag} is not allowed: remove it."
            raise self._wrong(event, said) from None
        except (ValueError, OverflowError):
            said = f"{text[:40]!r} is no number that JSON has: put it in quotes, or correct it."
            raise self._wrong(event, said) from None

    def _wrong(self, event: Any, detail: str) -> InvalidFile:
        return self._at(event.start_mark, detail)

    def _at(self, mark: Any, detail: str) -> InvalidFile:
        return InvalidFile([FileFault(mark.line + 1, mark.column + 1, pointer(self._path), detail)])


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS or not _INTEGER.fullmatch(text):
        raise ValueError(text)
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


def _float(text: str) -> float:
    number = float(text)
    if number != number or number in (float("inf"), float("-inf")):  # noqa: PLR0124
        raise ValueError(text)
    return number


_SCALARS: dict[str, Any] = {
    "null": lambda _: None,
    "bool": lambda text: {"true": True, "false": False}[text.lower()],
    "int": _integer,
    "float": _float,
}
