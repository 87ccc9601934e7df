"""DynamoDB in memory, as far as the stores use it, with its refusals."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from infra.tables import Attribute, Table
from tests.simulation.expressions import (
    InvalidExpression,
    Item,
    Scope,
    check_placeholders,
    condition,
    sortable,
    updated,
)
from tests.simulation.seam import Client, Interceptor, carried_out, error

_MAX_ITEM_BYTES = 400 * 1024
_MAX_BATCH_GET, _MAX_BATCH_WRITE, _MAX_TRANSACTION = 100, 25, 100

Key = tuple[Any, ...]


class Tables:
    """The items of all tables, and the records of those that have a stream."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self.described = {table.name: table for table in tables}
        self.items: dict[str, dict[Key, Item]] = {table.name: {} for table in tables}
        self.records: dict[str, list[dict[str, Any]]] = {
            table.name: [] for table in tables if table.stream
        }
        self._sequence = 0

    def key(self, table: str, item: Item) -> Key:
        described = self.described[table]
        return tuple(
            _key_value(item, attribute)
            for attribute in (described.partition_key, described.sort_key)
            if attribute
        )

    def put(self, table: str, item: Item) -> None:
        if sum(len(name) + len(str(value)) for name, value in item.items()) > _MAX_ITEM_BYTES:
            raise InvalidExpression("the item is too large")
        for index in self.described[table].indexes:
            for attribute in (index.partition_key, index.sort_key):
                if attribute.name in item:
                    _key_value(item, attribute)
        key = self.key(table, item)
        before = self.items[table].get(key)
        self.items[table][key] = _copied(item)
        if before != item:
            self._record(table, "MODIFY" if before else "INSERT", item)

    def delete(self, table: str, key: Item) -> None:
        if self.items[table].pop(self.key(table, key), None):
            self._record(table, "REMOVE", key)

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
            change["NewImage"] = _copied(item)
        self.records[table].append(
            {"eventSource": "aws:dynamodb", "eventName": name, "dynamodb": change}
        )


class MemoryDynamoDB(Client):
    """A client of tables in memory.

    Attributes:
        tables: The tables.
    """

    service = "dynamodb"

    def __init__(
        self, tables: Tables, intercept: Interceptor = carried_out, attempts: int = 1
    ) -> None:
        super().__init__(intercept, attempts)
        self.tables = tables

    def put_item(self, **request: Any) -> Any:
        return self._write("PutItem", request, lambda _: _copied(request["Item"]))

    def update_item(self, **request: Any) -> Any:
        def change(stands: Item | None) -> Item:
            scope = _scope(stands or request["Key"], request)
            return updated(request["UpdateExpression"], scope)

        return self._write("UpdateItem", request, change)

    def delete_item(self, **request: Any) -> Any:
        return self._write("DeleteItem", request, lambda _: None)

    def get_item(self, **request: Any) -> Any:
        def read() -> Any:
            item = self._stands(request["TableName"], request["Key"])
            return {"Item": _copied(item)} if item else {}

        return self.call("GetItem", read)

    def batch_get_item(self, **request: Any) -> Any:
        def read() -> Any:
            answer: dict[str, list[Item]] = {}
            for table, wanted in request["RequestItems"].items():
                keys = wanted["Keys"]
                self._refuse_repeated("BatchGetItem", table, keys, _MAX_BATCH_GET)
                found = [self._stands(table, key) for key in keys]
                answer[table] = [_copied(item) for item in found if item]
            return {"Responses": answer, "UnprocessedKeys": {}}

        return self.call("BatchGetItem", read)

    def batch_write_item(self, **request: Any) -> Any:
        def write() -> Any:
            for table, wanted in request["RequestItems"].items():
                items = [each["PutRequest"]["Item"] for each in wanted]
                self._refuse_repeated("BatchWriteItem", table, items, _MAX_BATCH_WRITE)
                for item in items:
                    self.tables.put(table, item)
            return {"UnprocessedItems": {}}

        return self.call("BatchWriteItem", write)

    def transact_write_items(self, **request: Any) -> Any:
        parts = [next(iter(part.items())) for part in request["TransactItems"]]
        done: list[bool] = []

        def write() -> Any:
            if done:
                # The SDK sends the same token again: what was done is not done twice.
                return {}
            self._refuse_repeated_parts(parts)
            reasons = []
            for kind, part in parts:
                stands = self._stands(part["TableName"], _key_of(kind, part))
                reasons.append({"Code": "None" if _holds(stands, part) else _FAILED})
            if any(reason["Code"] == _FAILED for reason in reasons):
                raise error(
                    "TransactionCanceledException", "TransactWriteItems",
                    CancellationReasons=reasons,
                )  # fmt: skip
            for kind, part in parts:
                self._carry_out(kind, part)
            done.append(True)
            return {}

        return self.call("TransactWriteItems", write)

    def query(self, **request: Any) -> Any:
        return self.call("Query", lambda: self._query(request))

    def scan(self, **request: Any) -> Any:
        def read() -> Any:
            items = self.tables.items[request["TableName"]]
            ordered = [items[key] for key in sorted(items, key=_scattered)]
            return {"Items": [_copied(item) for item in ordered]}

        return self.call("Scan", read)

    def describe_table(self, **request: Any) -> Any:
        return self.call("DescribeTable", lambda: {"Table": {"TableName": request["TableName"]}})

    def get_paginator(self, name: str) -> "_Paginator":
        return _Paginator({"query": self.query, "scan": self.scan}[name])

    def _write(
        self, operation: str, request: dict[str, Any], change: Callable[[Item | None], Item | None]
    ) -> Any:
        table = request["TableName"]
        key = request.get("Key") or request.get("Item") or {}

        def write() -> Any:
            stands = self._stands(table, key)
            try:
                _check(request)
                if not _holds(stands, request):
                    shown = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
                    members: dict[str, Any] = {}
                    if shown and stands:
                        members["Item"] = _copied(stands)
                    raise error("ConditionalCheckFailedException", operation, **members)
                after = change(stands)
                if after is None:
                    self.tables.delete(table, key)
                else:
                    self.tables.put(table, after)
            except InvalidExpression as refusal:
                raise error("ValidationException", operation, str(refusal)) from None
            returned = request.get("ReturnValues", "NONE") == "ALL_NEW"
            return {"Attributes": _copied(after)} if returned and after else {}

        return self.call(operation, write)

    def _carry_out(self, kind: str, part: dict[str, Any]) -> None:
        if kind == "Put":
            self.tables.put(part["TableName"], part["Item"])
        elif kind == "Delete":
            self.tables.delete(part["TableName"], part["Key"])
        elif kind == "Update":
            stands = self._stands(part["TableName"], part["Key"])
            scope = _scope(stands or part["Key"], part)
            self.tables.put(part["TableName"], updated(part["UpdateExpression"], scope))

    def _stands(self, table: str, key: Item) -> Item | None:
        return self.tables.items[table].get(self.tables.key(table, key))

    def _query(self, request: dict[str, Any]) -> Any:
        table = self.tables.described[request["TableName"]]
        partition, sort, include = table.partition_key, table.sort_key, None
        if name := request.get("IndexName"):
            index = next(each for each in table.indexes if each.name == name)
            if request.get("ConsistentRead"):
                raise error("ValidationException", "Query", "an index is never consistent")
            partition, sort, include = index.partition_key, index.sort_key, index.include
        _check(request)
        holds = condition(request["KeyConditionExpression"])
        found = [
            item
            for item in self.tables.items[table.name].values()
            if partition.name in item
            and (sort is None or sort.name in item)
            and holds(_scope(item, request))
        ]
        if sort:
            found.sort(key=lambda item: sortable(item[sort.name]))
        if not request.get("ScanIndexForward", True):
            found.reverse()
        looked_at = found[: request.get("Limit")]
        keys = {partition.name, table.partition_key.name}
        keys |= {each.name for each in (sort, table.sort_key) if each}
        answer: dict[str, Any] = {
            "Items": [
                {
                    name: value
                    for name, value in _copied(item).items()
                    if include is None or name in keys or name in include
                }
                for item in looked_at
                if _passes(item, request)
            ],
            "ScannedCount": len(looked_at),
        }
        if len(looked_at) == request.get("Limit"):
            # Whether there is more, DynamoDB does not know either.
            answer["LastEvaluatedKey"] = {name: looked_at[-1][name] for name in keys}
        return answer

    def _refuse_repeated(
        self, operation: str, table: str, keys: Sequence[Item], limit: int
    ) -> None:
        distinct = {self.tables.key(table, key) for key in keys}
        if not keys or len(keys) > limit or len(distinct) != len(keys):
            raise error("ValidationException", operation, "too many keys, none, or one twice")

    def _refuse_repeated_parts(self, parts: Sequence[tuple[str, Any]]) -> None:
        keys = {
            (part["TableName"], self.tables.key(part["TableName"], _key_of(kind, part)))
            for kind, part in parts
        }
        if len(keys) != len(parts) or len(parts) > _MAX_TRANSACTION:
            raise error("ValidationException", "TransactWriteItems", "one item twice")


class _Paginator:
    def __init__(self, read: Callable[..., Any]) -> None:
        self._read = read

    def paginate(self, **request: Any) -> Iterator[Any]:
        size = request.pop("PaginationConfig", {}).get("PageSize")
        answer = self._read(**request)
        items = answer["Items"]
        size = size or len(items) or 1
        for start in range(0, len(items) or 1, size):
            yield {**answer, "Items": items[start : start + size]}


_FAILED = "ConditionalCheckFailed"


def _key_of(kind: str, part: dict[str, Any]) -> Item:
    key: Item = part["Item"] if kind == "Put" else part["Key"]
    return key


def _key_value(item: Item, attribute: Attribute) -> Any:
    value = item.get(attribute.name, {})
    if set(value) != {attribute.type} or not str(value[attribute.type]):
        raise InvalidExpression(f"{attribute.name} must be a key of type {attribute.type}")
    return value[attribute.type] if attribute.type == "S" else int(value["N"])


def _holds(stands: Item | None, request: dict[str, Any]) -> bool:
    expression = request.get("ConditionExpression")
    return not expression or condition(expression)(_scope(stands or {}, request))


def _passes(item: Item, request: dict[str, Any]) -> bool:
    expression = request.get("FilterExpression")
    return not expression or condition(expression)(_scope(item, request))


def _scope(item: Item, request: dict[str, Any]) -> Scope:
    return Scope(
        item,
        request.get("ExpressionAttributeNames", {}),
        request.get("ExpressionAttributeValues", {}),
    )


def _check(request: dict[str, Any]) -> None:
    names = (
        "ConditionExpression",
        "UpdateExpression",
        "KeyConditionExpression",
        "FilterExpression",
    )
    expressions = [request[name] for name in names if name in request]
    check_placeholders(
        expressions,
        request.get("ExpressionAttributeNames", {}),
        request.get("ExpressionAttributeValues", {}),
    )


def _copied(item: Item) -> Item:
    return {name: dict(value) for name, value in item.items()}


def _scattered(key: Key) -> int:
    # A scan has no order that could be relied upon.
    return zlib.crc32(repr(key).encode())
