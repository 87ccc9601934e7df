"""The items of tables in memory: the present state and the recent past."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from infra.tables import Attribute, Table
from tests.simulation.expressions import Item, RefusedExpression, Value

Key = tuple[Any, ...]

_MAX_ITEM_BYTES = 400 * 1024

MAX_PARTITION_BYTES, MAX_SORT_BYTES = 2_048, 1_024
"""The longest texts of keys."""

REMEMBERED_SECONDS = 5.0
"""How far back the past is kept, in seconds."""


@dataclass(frozen=True)
class Access:
    """How the items of a table or of an index are found.

    Attributes:
        index: The name of the index; None for the table itself.
        partition: The attribute that partitions them.
        sort: The attribute that sorts them.
        keys: These, and those of the table.
        included: The attributes that the index holds; None for all.
    """

    index: str | None
    partition: str
    sort: str | None
    keys: frozenset[str]
    included: frozenset[str] | None

    def shown(self, item: Item) -> Item:
        """Returns what is read of an item."""
        if self.included is None:
            return copied(item)
        return {name: value for name, value in item.items() if name in self.included}


class Tables:
    """The items of all tables, their recent past, and the records of those that have a stream.

    Args:
        tables: The tables.
        clock: The time, in seconds.

    Attributes:
        lock: Held during a call, for tests that make calls in parallel.
    """

    def __init__(self, tables: Sequence[Table], clock: Callable[[], float] = lambda: 0.0) -> None:
        self.described = {table.name: table for table in tables}
        self.items: dict[str, dict[Key, Item]] = {table.name: {} for table in tables}
        self.records: dict[str, list[dict[str, Any]]] = {
            table.name: [] for table in tables if table.stream
        }
        self.lock = threading.RLock()
        self._clock = clock
        self._sequence = 0
        self._changes: dict[str, deque[tuple[float, Key, Item | None]]] = {
            table.name: deque() for table in tables
        }
        self._partitions: dict[tuple[str, str, str], dict[Key, Item]] = {}
        self._access: dict[tuple[str, str | None], Access] = {}
        self._partitioned = {
            table.name: {table.partition_key.name, *(i.partition_key.name for i in table.indexes)}
            for table in tables
        }

    def key(self, table: str, item: Item) -> Key:
        """The key of an item, which may have other attributes, too."""
        described = self.described[table]
        partition = key_value(item, described.partition_key)
        if described.sort_key is None:
            return (partition,)
        return partition, key_value(item, described.sort_key, MAX_SORT_BYTES)

    def access(self, table: str, index: str | None) -> Access:
        """Returns how the items of a table or of one of its indexes are found."""
        found = self._access.get((table, index))
        if found is None:
            found = self._access[table, index] = _access(self.described[table], index)
        return found

    def get(self, table: str, key: Item, age: float = 0.0) -> Item | None:
        """Returns the item of a key, as it was some seconds ago."""
        found = self.key(table, key)
        past = self._past(table, age) if age else {}
        return past[found] if found in past else self.items[table].get(found)

    def all(self, table: str, age: float = 0.0) -> dict[Key, Item]:
        """Returns all items of a table, as they were some seconds ago."""
        standing = self.items[table]
        if past := self._past(table, age):
            merged: dict[Key, Item | None] = {**standing, **past}
            return {key: item for key, item in merged.items() if item is not None}
        return standing

    def partition(self, table: str, name: str, value: str, age: float = 0.0) -> list[Item]:
        """Returns the items of one partition of a table or an index, as they were some seconds ago.

        Args:
            table: The table.
            name: The attribute that partitions the table or the index.
            value: The partition.
            age: How many seconds ago.
        """
        standing = self._partitions.get((table, name, value), {})
        past = self._past(table, age)
        if not past:
            return list(standing.values())
        return [item for key, item in standing.items() if key not in past] + [
            item for item in past.values() if item and item.get(name, {}).get("S") == value
        ]

    def put(self, table: str, item: Item) -> None:
        """Writes an item."""
        if _is_large(item):
            raise RefusedExpression("the item is too large")
        for index in self.described[table].indexes:
            if index.partition_key.name in item:
                key_value(item, index.partition_key)
            if index.sort_key and index.sort_key.name in item:
                key_value(item, index.sort_key, MAX_SORT_BYTES)
        key = self.key(table, item)
        before = self.items[table].get(key)
        if before != item:
            self._replace(table, key, before, copied(item))
            self._record(table, "MODIFY" if before else "INSERT", item)

    def delete(self, table: str, key: Item) -> None:
        """Removes an item, if it is there."""
        found = self.key(table, key)
        if before := self.items[table].get(found):
            self._replace(table, found, before, None)
            self._record(table, "REMOVE", key)

    def _replace(self, table: str, key: Key, before: Item | None, after: Item | None) -> None:
        now, changes = self._clock(), self._changes[table]
        while changes and changes[0][0] <= now - REMEMBERED_SECONDS:
            changes.popleft()
        changes.append((now, key, before))
        for name in self._partitioned[table]:
            if before and name in before:
                self._partitions[table, name, before[name]["S"]].pop(key, None)
            if after and name in after:
                self._partitions.setdefault((table, name, after[name]["S"]), {})[key] = after
        if after is None:
            self.items[table].pop(key)
        else:
            self.items[table][key] = after

    def _past(self, table: str, age: float) -> dict[Key, Item | None]:
        """Returns the items that have changed within some seconds, as they were before."""
        if not age:
            return {}
        moment, past = self._clock() - age, {}
        for changed, key, before in reversed(self._changes[table]):
            if changed <= moment:
                break
            past[key] = before
        return past

    def _record(self, table: str, name: str, item: Item) -> None:
        if table not in self.records:
            return
        self._sequence += 1
        change: dict[str, Any] = {"SequenceNumber": f"{self._sequence:021d}"}
        described = self.described[table]
        change["Keys"] = {
            attribute.name: item[attribute.name]
            for attribute in (described.partition_key, described.sort_key)
            if attribute
        }
        if name != "REMOVE":
            change["NewImage"] = copied(item)
        self.records[table].append(
            {"eventSource": "aws:dynamodb", "eventName": name, "dynamodb": change}
        )


def _access(table: Table, name: str | None) -> Access:
    own = [table.partition_key.name] + ([table.sort_key.name] if table.sort_key else [])
    if name is None:
        sort = table.sort_key.name if table.sort_key else None
        return Access(None, table.partition_key.name, sort, frozenset(own), None)
    index = next(each for each in table.indexes if each.name == name)
    sort = index.sort_key.name if index.sort_key else None
    keys = frozenset([*own, index.partition_key.name, *([sort] if sort else [])])
    included = None if index.include is None else keys | frozenset(index.include)
    return Access(name, index.partition_key.name, sort, keys, included)


def key_value(item: Item, attribute: Attribute, longest: int = MAX_PARTITION_BYTES) -> Any:
    """The value of an attribute that is part of a key, of so many bytes at most."""
    value = item.get(attribute.name, {})
    content = value.get(attribute.type)
    if len(value) != 1 or content is None or content == "":
        raise RefusedExpression(f"{attribute.name} must be a key of type {attribute.type}")
    if attribute.type == "N":
        return int(content)
    if len(content) * 4 > longest:
        check_length(content, longest)
    return content


def check_length(content: str, longest: int) -> None:
    """Refuses a text that is too long for a key."""
    if len(content.encode()) > longest:
        raise RefusedExpression(f"a key must have at most {longest} bytes")


def copied(item: Item) -> Item:
    """A copy of an item; its values are never changed, but replaced."""
    return dict(item)


def _is_large(item: Item) -> bool:
    """Returns whether an item is larger than DynamoDB takes."""
    most = 0
    for value in item.values():
        content = value.get("S") or value.get("N")
        if content is None:
            return _bytes_of({"M": item}) > _MAX_ITEM_BYTES
        most += len(content)
    # A character has at most four bytes in UTF-8; names are short.
    return most * 4 > _MAX_ITEM_BYTES // 2 and _bytes_of({"M": item}) > _MAX_ITEM_BYTES


def _bytes_of(value: Value) -> int:
    """How many bytes DynamoDB counts of a value: names and texts as UTF-8."""
    [(kind, content)] = value.items()
    if kind in "SN":
        return len(content) if content.isascii() else len(content.encode())
    if kind == "M":
        return sum(len(name.encode()) + _bytes_of(each) for name, each in content.items())
    if kind == "L":
        return sum(map(_bytes_of, content))
    return len(content.encode()) if isinstance(content, str) else 1
