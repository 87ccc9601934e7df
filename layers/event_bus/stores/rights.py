"""The table of rights: what services may receive, and what sources restrict.

Each change is an entry of the log of changes as well, so that the router knows it in time.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from event_bus.model.rights import Grant, Restriction
from event_bus.stored import restored
from event_bus.stores.changes import ChangeLog, Refused
from event_bus.stores.items import Item, batch_get, document, query_items, text

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_GRANT, _RESTRICTION = "grant", "restriction"


@dataclass(frozen=True, slots=True)
class RightsStore:
    """Finds, lists and changes rights.

    Attributes:
        client: The DynamoDB client.
        table: The table's name.
        changes: The name of the table of changes, for those who change rights.
    """

    client: "DynamoDBClient"
    table: str
    changes: str = ""

    def grant(self, service_id: str) -> Grant | None:
        """What is given to a service; None where the default holds."""
        answer = self.client.get_item(
            TableName=self.table,
            Key={"id": text(_key(_GRANT, service_id))},
            ConsistentRead=True,
        )
        return _grant(answer["Item"]) if "Item" in answer else None

    def page(self, after: str | None, limit: int) -> list[Grant]:
        """What is given to services, in the order of their names, behind `after`."""
        items = query_items(
            self.client,
            limit,
            TableName=self.table,
            IndexName="by_kind",
            KeyConditionExpression="kind = :kind AND id > :after",
            ExpressionAttributeValues={
                ":kind": text(_GRANT),
                ":after": text(_key(_GRANT, after or "")),
            },
        )
        return [_grant(item) for item in items]

    def read(self, service_id: str, sources: Iterable[str]) -> list[Grant | Restriction]:
        """What is given to a service, and what sources restrict: one request."""
        names = [_key(_GRANT, service_id), *(_key(_RESTRICTION, each) for each in sources)]
        keys = [{"id": text(each)} for each in dict.fromkeys(names)]
        return [*map(_right, batch_get(self.client, self.table, keys, ConsistentRead=True))]

    def all(self) -> Iterator[Grant | Restriction]:
        """All rights: a scan, for a router that starts."""
        pages = self.client.get_paginator("scan").paginate(
            TableName=self.table, ConsistentRead=True
        )
        for page in pages:
            yield from map(_right, page["Items"])

    def put(self, grant: Grant) -> None:
        """Gives a service the types that it may receive, in place of those before."""
        self._log.append(
            lambda _: change_of(grant),
            lambda _: [{"Put": {"TableName": self.table, "Item": _grant_item(grant)}}],
        )

    def remove(self, grant: Grant) -> bool:
        """Takes away what was given to a service, so that the default holds.

        Returns:
            Whether anything was given to it.
        """
        part: Item = {
            "TableName": self.table,
            "Key": {"id": text(_key(_GRANT, grant.service_id))},
            "ConditionExpression": "attribute_exists(id)",
        }
        try:
            self._log.append(
                lambda _: change_of(replace(grant, event_types=None)), lambda _: [{"Delete": part}]
            )
        except Refused:
            return False
        return True

    def restrict(self, restriction: Restriction, parts: list[Item]) -> None:
        """Restricts types of a source, in place of those before, in one transaction with parts.

        Args:
            restriction: What the source restricts; without readers, what was stored is removed.
            parts: The other parts of the transaction.

        Raises:
            Refused: A condition of these parts did not hold; it tells their places among them.
            TimeoutError: Other changes were in the way again and again.
        """
        self._log.append(
            lambda _: change_of(restriction), lambda _: [*parts, self._restricting(restriction)]
        )

    def _restricting(self, restriction: Restriction) -> Item:
        key = {"id": text(_key(_RESTRICTION, restriction.source))}
        if not restriction.readers:
            return {"Delete": {"TableName": self.table, "Key": key}}
        item = {**key, "kind": text(_RESTRICTION), "document": document(asdict(restriction))}
        return {"Put": {"TableName": self.table, "Item": item}}

    @property
    def _log(self) -> ChangeLog:
        return ChangeLog(self.client, self.changes)


def change_of(right: Grant | Restriction) -> dict[str, Any]:
    """The document of a right in the log of changes."""
    kind = _GRANT if isinstance(right, Grant) else _RESTRICTION
    return {"kind": kind, kind: asdict(right)}


def right_in(change: Mapping[str, Any]) -> Grant | Restriction | None:
    """The right that a change is about; None where it is about something else."""
    match change.get("kind"):
        case "grant":
            return restored(Grant, change[_GRANT])
        case "restriction":
            return restored(Restriction, change[_RESTRICTION])
        case _:
            return None


def _key(kind: str, service_id: str) -> str:
    return f"{kind}#{service_id}"


def _grant_item(grant: Grant) -> Item:
    return {
        "id": text(_key(_GRANT, grant.service_id)),
        "kind": text(_GRANT),
        "document": document(asdict(grant)),
    }


def _grant(item: Mapping[str, Any]) -> Grant:
    return restored(Grant, orjson.loads(item["document"]["S"]))


def _right(item: Mapping[str, Any]) -> Grant | Restriction:
    if item["kind"]["S"] == _GRANT:
        return _grant(item)
    return restored(Restriction, orjson.loads(item["document"]["S"]))
