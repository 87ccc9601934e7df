"""The reducers of stream categories, in the table of states.

A category has an item with its latest version, which reading a state needs, and an item for each
version.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import orjson

from event_bus.model.category import is_category
from event_bus.model.reducer import Reducer, ReducerVersion, reducer_name
from event_bus.stored import restored
from event_bus.stores.additions import Additions
from event_bus.stores.items import Item, document, text
from event_bus.stores.refusals import Outdated
from event_bus.stores.table import Table
from event_bus.stores.transactions import transact

if TYPE_CHECKING:
    from event_bus.stores.table import Condition

_LATEST = "reducers"


@dataclass(frozen=True, slots=True)
class ReducerStore:
    """Finds, lists and changes reducers.

    Attributes:
        table: The table.
    """

    table: Table

    @property
    def additions(self) -> Additions:
        """The additions of reducers to services."""
        return Additions(self.table, _LATEST)

    def latest(self, source: str, category: str) -> ReducerVersion | None:
        """Returns the latest version of a category's reducer; None if it never had one."""
        if not is_category(category):
            return None
        item = self.table.get(
            {"partition": text(_LATEST), "id": text(reducer_name(source, category))},
            ConsistentRead=True,
        )
        return _version(item) if item else None

    def page(self, source: str | None, after: str | None, limit: int) -> list[ReducerVersion]:
        """Returns the latest version of each reducer, in the order of their names.

        Args:
            source: The service whose reducers are listed; None for all.
            after: The name of the reducer that the page follows.
            limit: How many to return at most.
        """
        items = self.table.query_names(_LATEST, source=source, after=after, limit=limit)
        return [_version(item) for item in items]

    def history(
        self, source: str, category: str, before: int | None, limit: int
    ) -> list[ReducerVersion]:
        """Returns the versions of a category's reducer, the latest first.

        Args:
            source: The service.
            category: The category.
            before: The version that the page follows; None for the first page.
            limit: How many to return at most.
        """
        items = self.table.query(
            limit,
            KeyConditionExpression="#partition = :partition AND id < :before",
            ExpressionAttributeNames={"#partition": "partition"},
            ExpressionAttributeValues={
                ":partition": text(_history(source, category)),
                ":before": text("~" if before is None else _number(before)),
            },
            ScanIndexForward=False,
            ConsistentRead=True,
        )
        return [_version(item) for item in items]

    def version(self, source: str, category: str, number: int) -> ReducerVersion | None:
        """Returns one version of a category's reducer."""
        item = self.table.get(
            {"partition": text(_history(source, category)), "id": text(_number(number))},
            ConsistentRead=True,
        )
        return _version(item) if item else None

    def add(self, version: ReducerVersion, addition: int | None = None) -> None:
        """Stores a version, which is the latest one from now on.

        Args:
            version: The version.
            addition: The last addition to the service, as it was read before its reducers were
                counted. None if the category has a reducer already.

        Raises:
            Outdated: Its number is not the one after the latest, or the service has got another
                reducer.
        """
        name = version.name
        stored = document(asdict(version))
        latest: Item = {
            "partition": text(_LATEST),
            "id": text(name),
            "number": text(_number(version.number)),
            "document": stored,
        }
        condition: Condition = {"ConditionExpression": "attribute_not_exists(id)"}
        if version.number > 1:
            condition = {
                "ConditionExpression": "#number = :before",
                "ExpressionAttributeNames": {"#number": "number"},
                "ExpressionAttributeValues": {":before": text(_number(version.number - 1))},
            }
        kept: Item = {
            "partition": text(_history(version.source, version.category)),
            "id": text(_number(version.number)),
            "document": stored,
        }
        parts = [
            self.table.put_part(latest, Outdated(name), **condition),
            self.table.put_part(kept),
        ]
        if addition is not None:
            parts.append(self.additions.next_part(version.source, addition))
        transact(parts)


def _history(source: str, category: str) -> str:
    return f"reducer#{reducer_name(source, category)}"


def _number(number: int) -> str:
    return f"{number:09}"


def _version(item: Mapping[str, Any]) -> ReducerVersion:
    members = orjson.loads(item["document"]["S"])
    if members["reducer"]:
        members["reducer"] = restored(Reducer, members["reducer"])
    return restored(ReducerVersion, members)
