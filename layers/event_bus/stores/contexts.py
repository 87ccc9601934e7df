"""The table of contexts: one partition for each context of each service.

A further item for each service counts its entries. Entries of earlier releases are not counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from event_bus.model.contexts import ContextEntry
from event_bus.stores.items import Item, number, text
from event_bus.stores.refusals import Outdated, QuotaReached
from event_bus.stores.table import Table
from event_bus.stores.transactions import transact


@dataclass(frozen=True, slots=True)
class ContextStore:
    """Finds, lists and changes the entries of contexts.

    Attributes:
        table: The table.
    """

    table: Table

    def get(self, service_id: str, context: str, key: str) -> ContextEntry | None:
        """Returns the entry of a key; None if there is none."""
        item = self.table.get(_key(service_id, context, key), ConsistentRead=True)
        return _entry(item) if item else None

    def page(
        self, service_id: str, context: str, after: str | None, limit: int
    ) -> list[ContextEntry]:
        """Returns entries of a context in the order of their keys, after one."""
        asked: dict[str, Any] = {
            "KeyConditionExpression": "#context = :context",
            "ExpressionAttributeNames": {"#context": "context"},
            "ExpressionAttributeValues": {":context": text(_partition(service_id, context))},
        }
        if after is not None:
            asked["KeyConditionExpression"] += " AND #key > :after"
            asked["ExpressionAttributeNames"]["#key"] = "key"
            asked["ExpressionAttributeValues"][":after"] = text(after)
        return [_entry(item) for item in self.table.query(limit, **asked)]

    def add(self, entry: ContextEntry, most: int) -> None:
        """Writes a new entry.

        Args:
            entry: The entry.
            most: How many entries its service may have in all its contexts.

        Raises:
            Outdated: There is an entry of this key.
            QuotaReached: The service has as many.
            Contended: Another entry of the service was written or removed at the same time.
        """
        put = self.table.put_part(
            _item(entry),
            Outdated(entry.key),
            ConditionExpression="attribute_not_exists(#context)",
            ExpressionAttributeNames={"#context": "context"},
        )
        count = _counting(1)
        count["ConditionExpression"] = "attribute_not_exists(entries) OR entries < :most"
        count["ExpressionAttributeValues"][":most"] = number(most)
        full = QuotaReached(entry.service_id)
        transact([put, self.table.update_part(_count_key(entry.service_id), full, **count)])

    def replace(self, entry: ContextEntry, before: ContextEntry) -> bool:
        """Writes an entry in place of another, unless that has changed since it was read.

        Returns:
            Whether it was written.
        """
        return self.table.put_unless_refused(
            _item(entry),
            ConditionExpression="version = :version AND updated_at = :updated_at",
            ExpressionAttributeValues={
                ":version": number(before.version),
                # After a removal in between, versions begin at 1 again.
                ":updated_at": text(before.updated_at),
            },
        )

    def delete(self, service_id: str, context: str, key: str) -> None:
        """Removes an entry.

        Raises:
            Outdated: There is no such entry.
            Contended: Another entry of the service was written or removed at the same time.
        """
        removal = self.table.delete_part(
            _key(service_id, context, key),
            Outdated(key),
            ConditionExpression="attribute_exists(#context)",
            ExpressionAttributeNames={"#context": "context"},
        )
        transact([removal, self.table.update_part(_count_key(service_id), **_counting(-1))])


def _count_key(service_id: str) -> Item:
    # No context has an empty name.
    return _key(service_id, "", "entries")


def _counting(by: int) -> Item:
    return {
        "UpdateExpression": "SET entries = if_not_exists(entries, :none) + :by",
        "ExpressionAttributeValues": {":none": number(0), ":by": number(by)},
    }


def _partition(service_id: str, context: str) -> str:
    return f"{service_id}/{context}"


def _key(service_id: str, context: str, key: str) -> Item:
    return {"context": text(_partition(service_id, context)), "key": text(key)}


def _item(entry: ContextEntry) -> Item:
    return {
        **_key(entry.service_id, entry.context, entry.key),
        "value": text(entry.value.decode()),
        "version": number(entry.version),
        "updated_at": text(entry.updated_at),
    }


def _entry(item: Mapping[str, Any]) -> ContextEntry:
    service_id, _, context = item["context"]["S"].partition("/")
    return ContextEntry(
        service_id,
        context,
        item["key"]["S"],
        item["value"]["S"].encode(),
        int(item["version"]["N"]),
        item["updated_at"]["S"],
    )
