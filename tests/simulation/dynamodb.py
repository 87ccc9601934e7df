"""DynamoDB in memory, as far as the stores use it, with its refusals."""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tests.simulation.expressions import Item, RefusedExpression, sortable
from tests.simulation.prepared import Prepared, prepared
from tests.simulation.seam import (
    Check,
    Interceptor,
    SimulatedClient,
    carried_out,
    error,
    unchecked,
)
from tests.simulation.tables import (
    MAX_PARTITION_BYTES,
    MAX_SORT_BYTES,
    Key,
    Tables,
    check_length,
    copied,
)

_MAX_BATCH_GET, _MAX_TRANSACTION = 100, 100

_ACTIONS = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}
"""The actions that the parts of a transaction need."""


class MemoryDynamoDB(SimulatedClient):
    """A client of tables in memory.

    Attributes:
        tables: The tables.
        age: The age of the next eventually consistent answer, in seconds.
    """

    service = "dynamodb"

    def __init__(
        self,
        tables: Tables,
        intercept: Interceptor = carried_out,
        attempts: int = 1,
        age: Callable[[], float] = lambda: 0.0,
        check: Check = unchecked,
    ) -> None:
        super().__init__(intercept, attempts, check)
        self.tables = tables
        self.age = age

    def call(self, operation: str, carry_out: Callable[[], Any]) -> Any:
        def alone() -> Any:
            with self.tables.lock:
                return carry_out()

        return super().call(operation, alone)

    def put_item(self, **request: Any) -> Any:
        return self._write("PutItem", request, lambda _: copied(request["Item"]))

    def update_item(self, **request: Any) -> Any:
        def change(stands: Item | None) -> Item:
            return _updated(stands, request)

        return self._write("UpdateItem", request, change)

    def delete_item(self, **request: Any) -> Any:
        return self._write("DeleteItem", request, lambda _: None)

    def get_item(self, **request: Any) -> Any:
        self.check("dynamodb:GetItem", request["TableName"])

        def read() -> Any:
            item = self.tables.get(request["TableName"], request["Key"], self._age(request))
            return {"Item": copied(item)} if item else {}

        return self.call("GetItem", read)

    def batch_get_item(self, **request: Any) -> Any:
        for table in request["RequestItems"]:
            self.check("dynamodb:BatchGetItem", table)

        def read() -> Any:
            answer: dict[str, list[Item]] = {}
            for table, wanted in request["RequestItems"].items():
                keys = wanted["Keys"]
                self._refuse_repeated("BatchGetItem", table, keys, _MAX_BATCH_GET)
                age = self._age(wanted)
                found = [self.tables.get(table, key, age) for key in keys]
                answer[table] = [copied(item) for item in found if item]
            return {"Responses": answer, "UnprocessedKeys": {}}

        return self.call("BatchGetItem", read)

    def transact_write_items(self, **request: Any) -> Any:
        parts = [next(iter(part.items())) for part in request["TransactItems"]]
        done: list[bool] = []
        for kind, part in parts:
            self.check(f"dynamodb:{_ACTIONS[kind]}", part["TableName"])

        def write() -> Any:
            if done:
                # The SDK sends the same token again: the transaction is not carried out twice.
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
        index = f"/{request['IndexName']}" if "IndexName" in request else ""
        self.check(f"dynamodb:Query{index}", request["TableName"])
        return self.call("Query", lambda: self._query(request))

    def scan(self, **request: Any) -> Any:
        self.check("dynamodb:Scan", request["TableName"])

        def read() -> Any:
            items = self.tables.all(request["TableName"], self._age(request))
            ordered = [items[key] for key in sorted(items, key=_scattered)]
            passes = prepared(request).passes
            values = request.get("ExpressionAttributeValues", {})
            return {"Items": [copied(item) for item in ordered if passes(item, values)]}

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
        self.check(f"dynamodb:{operation}", table)

        def write() -> Any:
            stands = self._stands(table, key)
            try:
                if not _holds(stands, request):
                    shown = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
                    members: dict[str, Any] = {}
                    if shown and stands:
                        members["Item"] = copied(stands)
                    raise error("ConditionalCheckFailedException", operation, **members)
                after = change(stands)
                if after is None:
                    self.tables.delete(table, key)
                else:
                    self.tables.put(table, after)
            except RefusedExpression as refusal:
                raise error("ValidationException", operation, str(refusal)) from None
            returned = request.get("ReturnValues", "NONE") == "ALL_NEW"
            return {"Attributes": copied(after)} if returned and after else {}

        return self.call(operation, write)

    def _carry_out(self, kind: str, part: dict[str, Any]) -> None:
        if kind == "Put":
            self.tables.put(part["TableName"], part["Item"])
        elif kind == "Delete":
            self.tables.delete(part["TableName"], part["Key"])
        elif kind == "Update":
            stands = self._stands(part["TableName"], part["Key"])
            self.tables.put(part["TableName"], _updated(stands, part))

    def _stands(self, table: str, key: Item) -> Item | None:
        return self.tables.get(table, key)

    def _age(self, read: Mapping[str, Any]) -> float:
        return 0.0 if read.get("ConsistentRead") else self.age()

    def _query(self, request: dict[str, Any]) -> Any:
        read = self.tables.access(request["TableName"], request.get("IndexName"))
        if read.index and request.get("ConsistentRead"):
            raise error("ValidationException", "Query", "an index is never consistent")
        asked = prepared(request)
        if asked.partitioned != read.partition:
            raise RefusedExpression(f"the condition is not about {read.partition}")
        values = request["ExpressionAttributeValues"]
        partition = _partition(asked, values)
        found = [
            item
            for item in self.tables.partition(
                request["TableName"], read.partition, partition, self._age(request)
            )
            if (read.sort is None or read.sort in item) and asked.key_holds(item, values)
        ]
        if (sort := read.sort) is not None:
            found.sort(key=lambda item: sortable(item[sort]))
        if not request.get("ScanIndexForward", True):
            found.reverse()
        looked_at = found[: request.get("Limit")]
        answer: dict[str, Any] = {
            "Items": [read.shown(item) for item in looked_at if asked.passes(item, values)],
            "ScannedCount": len(looked_at),
        }
        if len(looked_at) == request.get("Limit"):
            # DynamoDB does not know either whether there is more.
            answer["LastEvaluatedKey"] = {name: looked_at[-1][name] for name in read.keys}
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


def _partition(asked: Prepared, values: Mapping[str, Any]) -> str:
    """Returns the partition of a query; refuses keys that DynamoDB does not accept."""
    partition = values[asked.partition].get("S")
    for name in asked.keys:
        value = values[name].get("S")
        if value == "":
            raise RefusedExpression(f"{name} must not be empty")
        check_length(value or "", MAX_PARTITION_BYTES if value == partition else MAX_SORT_BYTES)
    return str(partition)


def _holds(stands: Item | None, request: dict[str, Any]) -> bool:
    return prepared(request).holds(stands or {}, request.get("ExpressionAttributeValues", {}))


def _updated(stands: Item | None, request: dict[str, Any]) -> Item:
    values = request.get("ExpressionAttributeValues", {})
    return prepared(request).updated(stands or request["Key"], values)


def _scattered(key: Key) -> int:
    # A scan has no reliable order.
    return zlib.crc32(repr(key).encode())
