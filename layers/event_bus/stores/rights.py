"""The table of rights: the types that services may receive, and the types that sources restrict.

Each change is also an entry of the log of changes, from which routers learn of it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from event_bus.model.rights import Grant, Restriction
from event_bus.stored import restored
from event_bus.stores.changes import ChangeLog
from event_bus.stores.items import Item, document, text
from event_bus.stores.refusals import Outdated
from event_bus.stores.table import Table
from event_bus.stores.transactions import Part

if TYPE_CHECKING:
    from event_bus.stores.table import Condition

_GRANT, _RESTRICTION = "grant", "restriction"


@dataclass(frozen=True, slots=True)
class RightsStore:
    """Finds, lists and changes rights.

    Attributes:
        table: The table.
        changes: The table of changes, for those who change rights.
    """

    table: Table
    changes: Table

    def grant(self, service_id: str) -> Grant | None:
        """Returns the types that a service was given; None if the default holds."""
        item = self.table.get({"id": text(_key(_GRANT, service_id))}, ConsistentRead=True)
        return _grant(item) if item else None

    def page(self, after: str | None, limit: int) -> list[Grant]:
        """Returns what services were given, in the order of their ids, beginning after `after`."""
        behind = ("id", _key(_GRANT, after or ""))
        items = self.table.index_page("by_kind", ("kind", _GRANT), behind, limit)
        return [_grant(item) for item in items]

    def read(self, service_id: str, sources: Iterable[str]) -> list[Grant | Restriction]:
        """Returns what a service was given, and what sources restrict, in one request."""
        names = [_key(_GRANT, service_id), *(_key(_RESTRICTION, each) for each in sources)]
        keys = [{"id": text(each)} for each in dict.fromkeys(names)]
        return [*map(_right, self.table.batch_get(keys, ConsistentRead=True))]

    def all(self) -> Iterator[Grant | Restriction]:
        """Yields all rights by a scan, for a router that starts."""
        yield from map(_right, self.table.scan_all(ConsistentRead=True))

    def put(self, grant: Grant, before: Grant | None = None) -> None:
        """Writes the types that a service may receive.

        Args:
            grant: The types.
            before: What the service was given, as it was read; None if the default held.

        Raises:
            Outdated: They have changed since they were read.
            TimeoutError: Other changes of registrations were faster in every attempt.
        """
        item = _grant_item(grant)
        condition: Condition = (
            self.table.if_unchanged({"id": item["id"]}, before, _grant)
            if before
            else {"ConditionExpression": "attribute_not_exists(id)"}
        )
        part = self.table.put_part(item, Outdated(grant.service_id), **condition)
        self._log.append(lambda _: change_of(grant), lambda _: [part])

    def remove(self, grant: Grant) -> bool:
        """Removes the types that a service was given, so that the default holds.

        Returns:
            Whether it had been given any.
        """
        part = self.table.delete_part(
            {"id": text(_key(_GRANT, grant.service_id))},
            Outdated(grant.service_id),
            ConditionExpression="attribute_exists(id)",
        )
        try:
            self._log.append(
                lambda _: change_of(replace(grant, event_types=None)), lambda _: [part]
            )
        except Outdated:
            return False
        return True

    def restrict(self, restriction: Restriction, parts: Sequence[Part]) -> None:
        """Replaces the types that a source restricts, in one transaction with other parts.

        Args:
            restriction: The restricted types. Without any, the stored restriction is removed.
            parts: The other parts of the transaction.

        Raises:
            Refused: A condition of the other parts did not hold; they determine the subclass.
            TimeoutError: Other changes were faster in every attempt.
        """
        self._log.append(
            lambda _: change_of(restriction),
            lambda _: [*parts, self._restriction_part(restriction)],
        )

    def _restriction_part(self, restriction: Restriction) -> Part:
        key = {"id": text(_key(_RESTRICTION, restriction.source))}
        if not restriction.readers:
            return self.table.delete_part(key)
        item = {**key, "kind": text(_RESTRICTION), "document": document(asdict(restriction))}
        return self.table.put_part(item)

    @property
    def _log(self) -> ChangeLog:
        return ChangeLog(self.changes)


def change_of(right: Grant | Restriction) -> dict[str, Any]:
    """Returns the document of a right in the log of changes."""
    kind = _GRANT if isinstance(right, Grant) else _RESTRICTION
    return {"kind": kind, kind: asdict(right)}


def right_in(change: Mapping[str, Any]) -> Grant | Restriction | None:
    """Returns the right that a change is about; None if it is about something else."""
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
