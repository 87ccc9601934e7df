"""The table of publishers."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from event_bus.model.publisher import Publisher
from event_bus.stored import restored
from event_bus.stores.items import Item, document, text
from event_bus.stores.refusals import IdTaken, Outdated
from event_bus.stores.table import Table
from event_bus.stores.transactions import Part

_KIND = "publisher"

_LATER_MEMBERS = ("restricted", "stream_categories", "kept_stream_categories")
"""Members that the first releases did not store. They are stored only if they hold something:
functions of those releases cannot change a publisher with members that they do not store."""

_PAGE = 100


@dataclass(frozen=True, slots=True)
class PublisherStore:
    """Finds and lists publishers. `Registrations` adds, replaces and removes them.

    Attributes:
        table: The table.
    """

    table: Table

    def get(self, service_id: str) -> Publisher | None:
        """Returns the publisher with this service id, or None."""
        item = self.table.get({"service_id": text(service_id)}, ConsistentRead=True)
        return read_publisher(item) if item else None

    def page(self, after: str | None, limit: int) -> list[Publisher]:
        """Returns publishers in the order of their service ids, beginning after `after`."""
        # Service ids are not empty, so all of them sort after a space.
        behind = ("service_id", after or " ")
        items = self.table.index_page("by_kind", ("kind", _KIND), behind, limit)
        return [read_publisher(item) for item in items]

    def all(self) -> Iterator[Publisher]:
        """Yields every publisher."""
        after = None
        while page := self.page(after, _PAGE):
            yield from page
            after = page[-1].service_id

    def adding_part(self, publisher: Publisher) -> Part:
        """Returns the part that adds a publisher, unless its service is one already."""
        return self.table.put_part(
            _item(publisher),
            IdTaken(publisher.service_id),
            ConditionExpression="attribute_not_exists(service_id)",
        )

    def replacing_part(self, before: Publisher, after: Publisher) -> Part:
        """Returns the part that replaces a publisher, unless it has changed since it was read."""
        key = {"service_id": text(after.service_id)}
        unchanged = self.table.if_unchanged(key, before, read_publisher)
        return self.table.put_part(_item(after), Outdated(after.service_id), **unchanged)

    def removing_part(self, service_id: str) -> Part:
        """Returns the part that removes a publisher, if it exists."""
        return self.table.delete_part(
            {"service_id": text(service_id)},
            Outdated(service_id),
            ConditionExpression="attribute_exists(service_id)",
        )

    def check_part(self, service_id: str, *, registered: bool) -> Part:
        """Returns the part that demands that a service is, or is not, a publisher."""
        function = "attribute_exists" if registered else "attribute_not_exists"
        return self.table.check_part(
            {"service_id": text(service_id)},
            Outdated(service_id),
            ConditionExpression=f"{function}(service_id)",
        )


def _item(publisher: Publisher) -> Item:
    return {
        "service_id": text(publisher.service_id),
        "kind": text(_KIND),
        "document": document(_members(publisher)),
    }


def _members(publisher: Publisher) -> dict[str, Any]:
    members = asdict(publisher)
    return {name: each for name, each in members.items() if each or name not in _LATER_MEMBERS}


def read_publisher(item: Mapping[str, Any]) -> Publisher:
    """Returns the publisher of an item."""
    return restored(Publisher, orjson.loads(item["document"]["S"]))
