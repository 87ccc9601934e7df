"""The schemas of event types, in the table of publishers.

A type has an item that lists its versions, and each version has an item. One more item, the index,
tells the latest version and the validation of every type: publishing reads it with the publisher.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import orjson

from event_bus import json_numbers
from event_bus.model.event import Event
from event_bus.model.publisher import Publisher
from event_bus.model.schemas import SchemaVersion, TypeInIndex, TypeSchemas, VersionEntry
from event_bus.stored import restored
from event_bus.stores.events import EventStore
from event_bus.stores.items import Item, document, text
from event_bus.stores.publishers import read_publisher
from event_bus.stores.refusals import Outdated
from event_bus.stores.table import Table
from event_bus.stores.transactions import Part, transact

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from event_bus.stores.table import Condition

_KIND = "schema"
# No service has such an id: ids of services do not contain this character.
_INDEX = "schemas#"
_PAGE = 100
_ELEMENTS = len(fields(TypeInIndex))


@dataclass(frozen=True, slots=True)
class SchemaIndex:
    """The index of types that have schemas, which publishing reads.

    Attributes:
        text: The index as it is stored; empty if no type has a schema.
    """

    text: str = ""

    def types(self) -> dict[str, TypeInIndex]:
        """Returns the entry of each type that has a version."""
        types = orjson.loads(self.text or "{}")
        # A later version of the bus may have stored further elements.
        return {name: TypeInIndex(*each[:_ELEMENTS]) for name, each in types.items()}

    def with_type(self, schemas: TypeSchemas) -> "SchemaIndex":
        """Returns the index with another entry for a type."""
        types: dict[str, Any] = orjson.loads(self.text or "{}")
        types.pop(schemas.type, None)
        if latest := schemas.latest:
            deleted = [each.number for each in schemas.versions if each.deleted_at]
            types[schemas.type] = (
                latest,
                schemas.validation,
                [number for number in deleted if number < latest],
            )
        return SchemaIndex(orjson.dumps(types, option=orjson.OPT_SORT_KEYS).decode())


@dataclass(frozen=True, slots=True)
class SchemaStore:
    """Finds, lists and changes schemas.

    Attributes:
        table: The table.
        events: Where events about new versions are stored, for those who register versions.
        retention_days: How long these are kept.
    """

    table: Table
    events: EventStore | None = None
    retention_days: int = 0

    def get(self, event_type: str) -> TypeSchemas | None:
        """Returns the schemas of a type; None if it never had any."""
        item = self._item(_key(event_type))
        return _schemas(item) if item else None

    def versions(self, wanted: Iterable[tuple[str, int]]) -> dict[tuple[str, int], SchemaVersion]:
        """Returns versions by type and number, including deleted ones."""
        keys = [{"service_id": text(_version_key(*each))} for each in wanted]
        found = map(_version, self.table.batch_get(keys, ConsistentRead=True))
        return {(each.type, each.number): each for each in found}

    def version(self, event_type: str, number: int) -> SchemaVersion | None:
        """Returns one version of a type, even if it was deleted."""
        item = self._item(_version_key(event_type, number))
        return _version(item) if item else None

    def page(self, after: str | None, limit: int) -> list[TypeSchemas]:
        """Returns the schemas of types in the order of the types, beginning after `after`."""
        behind = ("service_id", _key(after or ""))
        items = self.table.index_page("by_kind", ("kind", _KIND), behind, limit)
        return [_schemas(item) for item in items]

    def all(self) -> Iterator[TypeSchemas]:
        """Yields the schemas of all types, in the order of the types."""
        after = None
        while page := self.page(after, _PAGE):
            yield from page
            after = page[-1].type

    def index(self) -> SchemaIndex:
        """Returns the index."""
        return _index(self._item(_INDEX))

    def publisher_and_index(self, service_id: str) -> tuple[Publisher | None, SchemaIndex]:
        """Returns the publisher of a service and the index, in one request."""
        keys = [{"service_id": text(each)} for each in (service_id, _INDEX)]
        found = self.table.batch_get(keys, ConsistentRead=True)
        items = {item["service_id"]["S"]: item for item in found}
        publisher = items.get(service_id)
        return read_publisher(publisher) if publisher else None, _index(items.get(_INDEX))

    def put(
        self,
        before: TypeSchemas | None,
        after: TypeSchemas,
        index: SchemaIndex,
        version: SchemaVersion | None = None,
        told: Event | None = None,
    ) -> None:
        """Writes the schemas of a type, unless they or the index have changed since they were read.

        Args:
            before: The schemas as they were read; None if there were none.
            after: The schemas from now on.
            index: The index as it was read.
            version: The version that is new, if one is.
            told: The event that announces it, which is stored in the same transaction.

        Raises:
            Outdated: They, or the index, have changed.
            Contended: Another transaction was under way on the same items.
        """
        own = _stored(_key(after.type), document(asdict(after)))
        own["kind"] = text(_KIND)
        outdated = Outdated(after.type)
        parts = [self._replacing(before, own, _schemas, outdated)]
        if (changed := index.with_type(after)) != index:
            known = index if index.text else None
            item = _stored(_INDEX, text(changed.text))
            parts.append(self._replacing(known, item, _index, outdated))
        if version:
            key = _version_key(version.type, version.number)
            item = _stored(key, text(json_numbers.dumps(asdict(version)).decode()))
            parts.append(self._replacing(None, item, _version, outdated))
        if told and self.events:
            parts.append(self.events.adding_part(told, self.retention_days))
        transact(parts)

    def _replacing(
        self,
        before: object | None,
        item: Item,
        read: Callable[[Item], object],
        outdated: Outdated,
    ) -> Part:
        condition: Condition = (
            self.table.if_unchanged({"service_id": item["service_id"]}, before, read)
            if before
            else {"ConditionExpression": "attribute_not_exists(service_id)"}
        )
        return self.table.put_part(item, outdated, **condition)

    def _item(self, key: str) -> Item | None:
        return self.table.get({"service_id": text(key)}, ConsistentRead=True)


def _stored(key: str, written: "AttributeValueTypeDef") -> Item:
    return {"service_id": text(key), "document": written}


def _key(event_type: str) -> str:
    return f"schema#{event_type}"


def _version_key(event_type: str, number: int) -> str:
    return f"schema#{event_type}#{number}"


def _schemas(item: Mapping[str, Any]) -> TypeSchemas:
    members = orjson.loads(item["document"]["S"])
    members["versions"] = [restored(VersionEntry, each) for each in members["versions"]]
    return restored(TypeSchemas, members)


def _version(item: Mapping[str, Any]) -> SchemaVersion:
    return restored(SchemaVersion, json_numbers.loads(item["document"]["S"]))


def _index(item: Mapping[str, Any] | None) -> SchemaIndex:
    return SchemaIndex(item["document"]["S"]) if item else SchemaIndex()
