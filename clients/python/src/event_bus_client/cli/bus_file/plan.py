"""Compares a file with a bus: what to create, to change and to remove, in which order."""

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from event_bus_client import EventBus
from event_bus_client.cli.bus_file.kind import Kind, Members
from event_bus_client.cli.bus_file.kinds import KINDS, PublisherKind, service_of
from event_bus_client.cli.bus_file.schema import Schema, faults, file_schema
from event_bus_client.cli.bus_file.text import FileFault, InvalidFile, Node, Part, pointer, read

Action = Literal["create", "change", "remove"]

_FIXED = ("service_id", "ordered", "stream")
"""The members of a subscription that cannot change."""

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_MISSING = object()


@dataclass(frozen=True)
class Field:
    """A member that differs.

    Attributes:
        pointer: A JSON pointer to it, in the resource.
        before: Its value on the bus; None if it has none.
        after: Its value in the file; None if it has none.
    """

    pointer: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Change:
    """A change that makes a bus agree with a file.

    Attributes:
        kind: The kind of the resource.
        resource_id: The resource.
        action: The action.
        fields: The members that differ, of a change.
        members: The members in the file; None if it is removed.
    """

    kind: Kind
    resource_id: str
    action: Action
    fields: tuple[Field, ...] = ()
    members: Members | None = None

    @property
    def resource(self) -> str:
        """The resource as messages name it, such as `publishers/shop`."""
        return f"{self.kind.name}/{self.resource_id}"

    def carry_out(self) -> Members:
        """Makes the change.

        Returns:
            The answer to a creation, in which secrets are shown once; otherwise nothing.

        Raises:
            Problem: The bus refused it.
        """
        if self.action == "create":
            return self.kind.create(self.resource_id, self.members or {})
        if self.action == "change":
            changed = {each.pointer.split("/")[1] for each in self.fields}
            self.kind.change(self.resource_id, self.members or {}, changed)
        else:
            self.kind.remove(self.resource_id)
        return {}

    def document(self) -> dict[str, Any]:
        """Returns the change as JSON."""
        fields = [
            {"pointer": each.pointer, "before": each.before, "after": each.after}
            for each in self.fields
        ]
        return {"action": self.action, "resource": self.resource, "fields": fields}


@dataclass(frozen=True)
class BusFile:
    """A file that is valid, with the kinds of the bus that it is for.

    Attributes:
        node: The file, with the places of its values.
        members: The file's content, with the values of environment variables.
        kinds: The kinds of resources.
    """

    node: Node
    members: Mapping[str, Mapping[str, Members]]
    kinds: Sequence[Kind]


def kinds_of(bus: EventBus) -> tuple[Schema, list[Kind]]:
    """Returns the schema of the file for a bus, and the kinds of its resources."""
    schema = file_schema(bus.openapi())
    return schema, [kind(bus, schema) for kind in KINDS if kind.name in schema["properties"]]


def load(text: str, bus: EventBus, environment: Mapping[str, str] = os.environ) -> BusFile:
    """Reads a file for a bus.

    `${NAME}` in `authentication`, `callback_url` and `target` stands for an environment variable.

    Args:
        text: The file.
        bus: The bus, whose OpenAPI document says what a file may have.
        environment: The environment variables.

    Raises:
        InvalidFile: It is not YAML, or not as the schema says, or a variable is not set.
    """
    node = read(text)
    if node.content is None:
        detail = "The file is empty: it must have publishers or another kind of resource."
        raise InvalidFile([FileFault(node.line, node.column, "", detail)])
    schema, kinds = kinds_of(bus)
    filled, unset = _filled(node, environment)
    found = [*unset, *faults(filled, schema)]
    if found:
        raise InvalidFile(found)
    return BusFile(filled, filled.value(), kinds)


def plan(file: BusFile, *, prune: bool) -> list[Change]:
    """Returns the changes that make a bus agree with a file; nothing is changed yet.

    Args:
        file: The file.
        prune: Whether to remove what the file lacks, of the kinds that it has.

    Raises:
        InvalidFile: Something cannot be changed as the file says.
    """
    changes: list[Change] = []
    removals: list[Change] = []
    found: list[FileFault] = []
    for kind in file.kinds:
        wanted = file.members.get(kind.name)
        if wanted is None:
            continue
        stored = kind.stored(None if prune else wanted)
        for resource_id, members in wanted.items():
            before = stored.get(resource_id)
            if before is None:
                changes.append(Change(kind, resource_id, "create", members=members))
                found += _refused(file, kind, resource_id)
                continue
            fields = tuple(_differences(kind, resource_id, before, members))
            found += _fixed(file, kind, resource_id, fields)
            if fields:
                changes.append(Change(kind, resource_id, "change", fields, members))
        removals += [
            Change(kind, resource_id, "remove")
            for resource_id in stored
            if resource_id not in wanted
        ]
    if found:
        raise InvalidFile(found)
    # A publisher is removed after the subscriptions: the last registration takes the keys along.
    return [*_ordered(changes), *reversed(removals)]


def unread(file: BusFile, changes: Collection[Change]) -> list[str]:
    """Says which members of a file are not compared, because the bus does not show them.

    Args:
        file: The file.
        changes: The changes that make the bus agree with it.
    """
    created = {each.resource for each in changes if each.action == "create"}
    found = (f"{PublisherKind.name}/{each}" for each in _with_keys(file))
    return [
        f"{each}: /authentication is not compared, because the bus shows no keys. Change keys by "
        "event-bus keys."
        for each in found
        if each not in created
    ]


def _with_keys(file: BusFile) -> list[str]:
    """Returns the publishers whose authentication the file names."""
    publishers = file.members.get(PublisherKind.name) or {}
    return [name for name, each in publishers.items() if "authentication" in each]


def _differences(
    kind: Kind, resource_id: str, before: Members, members: Members
) -> Iterator[Field]:
    old, new = kind.compared(before, kind.normal(resource_id, members))
    for name in sorted({*old, *new}):
        yield from _fields([name], old.get(name, _MISSING), new.get(name, _MISSING))


def _fields(path: list[Part], before: Any, after: Any) -> Iterator[Field]:
    if _same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            yield from _fields([*path, name], before.get(name, _MISSING), after.get(name, _MISSING))
        return
    yield Field(
        pointer(path),
        None if before is _MISSING else before,
        None if after is _MISSING else after,
    )


def _same(before: Any, after: Any) -> bool:
    """Returns whether two values are equal in JSON; in Python, True equals 1."""
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(_same(before[n], after[n]) for n in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(_same, before, after))
    return isinstance(before, bool) == isinstance(after, bool) and bool(before == after)


def _refused(file: BusFile, kind: Kind, resource_id: str) -> Iterator[FileFault]:
    if kind.name == "subscriptions" and service_of(resource_id) is None:
        detail = (
            "There is no such subscription, and the bus generates such ids: name a new one by its "
            "service, a dot and a name."
        )
        yield file.node.fault([kind.name, resource_id], detail, of_name=True)


def _fixed(
    file: BusFile, kind: Kind, resource_id: str, fields: Collection[Field]
) -> Iterator[FileFault]:
    """Yields a fault for each member that differs but cannot change."""
    if kind.name != "subscriptions":
        return
    for each in fields:
        names = each.pointer.split("/")[1:]
        if names[0] in _FIXED or names == ["target", "type"]:
            detail = f"This is {each.before!r} on the bus and cannot change: choose another id."
            yield file.node.fault([kind.name, resource_id, *names], detail)


def _ordered(changes: Sequence[Change]) -> Iterator[Change]:
    """Yields the changes, those of a publisher after those of the services that it names."""
    publishers = {
        each.resource_id: each for each in changes if isinstance(each.kind, PublisherKind)
    }
    receive = {
        service_of(each.resource_id) for each in changes if each.kind.name == "subscriptions"
    }
    known = {each.resource_id for each in changes if each.kind.name == "subscribers"}
    done: set[str] = set()
    late: list[Change] = []

    def visit(each: Change) -> Iterator[Change]:
        if each.resource_id in done:
            return
        done.add(each.resource_id)
        named = _named(each.members or {})
        for other in sorted(named & publishers.keys()):
            yield from visit(publishers[other])
        if (named & receive) - known - publishers.keys():
            late.append(each)
        else:
            yield each

    for each in changes:
        if isinstance(each.kind, PublisherKind):
            yield from visit(each)
        else:
            yield each
    yield from late


def _named(members: Members) -> set[str]:
    """Returns the services that a publisher names."""
    restricted = members.get("restricted", {})
    return {
        *members.get("sensitive_readers", ()),
        *(s for each in restricted.values() for s in each),
    }


def _filled(node: Node, environment: Mapping[str, str]) -> tuple[Node, list[FileFault]]:
    """Returns the file with the values of environment variables, and those that are not set."""
    unset: list[FileFault] = []

    def fill(each: Node, path: tuple[Part, ...]) -> Node:
        content = each.content
        if isinstance(content, dict):
            content = {name: fill(below, (*path, name)) for name, below in content.items()}
        elif isinstance(content, list):
            content = [fill(below, (*path, place)) for place, below in enumerate(content)]
        elif isinstance(content, str) and _takes_variables(path):
            for name in _VARIABLE.findall(content):
                if name not in environment:
                    detail = f"The environment variable {name} is not set."
                    unset.append(FileFault(each.line, each.column, pointer(path), detail))
            content = _VARIABLE.sub(lambda found: environment.get(found[1], ""), content)
        return replace(each, content=content)

    return fill(node, ()), unset


def _takes_variables(path: Sequence[Part]) -> bool:
    return (
        len(path) > 2
        and path[0] in ("publishers", "subscriptions")
        and path[2] in ("authentication", "callback_url", "target")
    )
