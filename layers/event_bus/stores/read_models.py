"""The read models and their states, in the table of states."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import orjson

from event_bus import json_numbers
from event_bus.model.category import is_category
from event_bus.model.read_model import MAX_INDEXED_BYTES, Generation, ModelState, ReadModel
from event_bus.stored import restored
from event_bus.stores.additions import Additions
from event_bus.stores.changes import ChangeLog
from event_bus.stores.items import Item, document, number, text
from event_bus.stores.refusals import Outdated
from event_bus.stores.table import Table
from event_bus.stores.transactions import Part, put_alone

if TYPE_CHECKING:
    from event_bus.stores.table import Condition

_MODELS = "models"
_KIND = "read_model"
_INDEXES = ("first", "second")
_BATCH = 25

MAX_STORED_BYTES = 360 * 1024
"""The largest state in a read model, as compact JSON in UTF-8: an item has 400 KB."""


@dataclass(frozen=True, slots=True)
class ReadModelStore:
    """Finds, lists and changes read models, and their states.

    Attributes:
        table: The table.
        changes: The table of changes, for those who register read models.
    """

    table: Table
    changes: Table

    @property
    def additions(self) -> Additions:
        """The additions of read models to services."""
        return Additions(self.table, _MODELS)

    def get(self, source: str, category: str) -> ReadModel | None:
        """Returns the read model of a category; None if it never had one."""
        if not is_category(category):
            return None
        item = self.table.get(_key(f"{source}#{category}"), ConsistentRead=True)
        return _model(item) if item else None

    def page(self, source: str | None, after: str | None, limit: int) -> list[ReadModel]:
        """Returns read models in the order of their names, those that were removed as well.

        Args:
            source: The service whose read models are listed; None for all.
            after: The name of the read model that the page follows.
            limit: How many to return at most.
        """
        items = self.table.query_names(_MODELS, source=source, after=after, limit=limit)
        return [_model(item) for item in items]

    def all(self) -> Iterator[ReadModel]:
        """Yields all read models, for a router that starts."""
        for item in self.table.query_all(
            KeyConditionExpression="#partition = :partition",
            ExpressionAttributeNames={"#partition": "partition"},
            ExpressionAttributeValues={":partition": text(_MODELS)},
            ConsistentRead=True,
        ):
            yield _model(item)

    def announce(
        self, before: ReadModel | None, after: ReadModel, addition: int | None = None
    ) -> None:
        """Writes a read model that begins or ends, and the change from which routers learn it.

        Args:
            before: The read model as it was read; None if there was none.
            after: The read model from now on.
            addition: If it begins, the last addition to the service, as it was read before its
                read models were counted.

        Raises:
            Outdated: It has changed since it was read, or the service has got another one.
            TimeoutError: Other changes of registrations were faster in every attempt.
        """
        parts = [self._replacing(before, after)]
        if addition is not None:
            parts.append(self.additions.next_part(after.source, addition))
        change = {"kind": _KIND, _KIND: {"name": after.name, "live": bool(after.live)}}
        ChangeLog(self.changes).append(lambda _: change, lambda _: parts)

    def put(self, before: ReadModel, after: ReadModel) -> None:
        """Writes a read model.

        Raises:
            Outdated: It has changed since it was read.
        """
        put_alone(self._replacing(before, after))

    def state(self, model: ReadModel, generation: int, stream_id: str) -> ModelState | None:
        """Returns the state of a stream in a generation."""
        key = {"partition": text(_partition(model, generation)), "id": text(stream_id)}
        item = self.table.get(key, ConsistentRead=True)
        return _state(item) if item else None

    def put_state(
        self, model: ReadModel, generation: Generation, before: ModelState | None, after: ModelState
    ) -> bool:
        """Writes the state of a stream, unless another function has written a later one.

        Args:
            model: The read model.
            generation: The generation of the state.
            before: The state as it was read; None if there was none.
            after: The state as it is to be.

        Returns:
            Whether it was written.
        """
        partition = _partition(model, generation.number)
        item: Item = {
            "partition": text(partition),
            "id": text(after.stream_id),
            "version": number(after.version),
            "document": text(json_numbers.dumps(asdict(after)).decode()),
        }
        for attribute, name in zip(_INDEXES, generation.indexes, strict=False):
            if (value := indexed(after.state.get(name))) is not None:
                item[attribute] = text(f"{partition}\n{value}")
        condition: Condition = {"ConditionExpression": "attribute_not_exists(id)"}
        if before:
            condition = {
                "ConditionExpression": "version = :before",
                "ExpressionAttributeValues": {":before": number(before.version)},
            }
        return self.table.put_unless_refused(item, **condition)

    def states(
        self,
        model: ReadModel,
        generation: Generation,
        wanted: Mapping[str, str],
        after: str | None,
        limit: int,
    ) -> tuple[list[ModelState], str | None]:
        """Returns the states of a generation, in the order of their streams.

        Args:
            model: The read model.
            generation: The generation.
            wanted: Values of indexed members, as `indexed` writes them.
            after: The stream that the page follows.
            limit: How many streams are looked at.

        Returns:
            The states, and the last stream that was looked at; None at the end.
        """
        if any(len(value.encode()) > MAX_INDEXED_BYTES for value in wanted.values()):
            return [], None
        partition = _partition(model, generation.number)
        index: dict[str, Any] = {}
        key, value = "partition", partition
        for attribute, name in zip(_INDEXES, generation.indexes, strict=False):
            if name in wanted:
                key, value = attribute, f"{partition}\n{wanted[name]}"
                index["IndexName"] = f"by_{attribute}"
                break
        found = self.table.query(
            limit,
            **index,
            KeyConditionExpression="#key = :value AND id > :after",
            ExpressionAttributeNames={"#key": key},
            ExpressionAttributeValues={":value": text(value), ":after": text(after or " ")},
        )
        reached = found[-1]["id"]["S"] if len(found) == limit else None
        if index:
            # An index holds only keys and may lag, so the states themselves are checked. Like the
            # index, and like a list without one, they may be as they were a second ago.
            keys = [{"partition": text(partition), "id": each["id"]} for each in found]
            found = self.table.batch_get(keys)
        states = sorted(map(_state, found), key=lambda each: each.stream_id)
        return [each for each in states if _fits(each, wanted)], reached

    def drop(self, model: ReadModel, generation: int) -> bool:
        """Deletes some states of a generation.

        Returns:
            Whether any may be left.
        """
        found = self.table.query(
            _BATCH,
            KeyConditionExpression="#partition = :partition",
            ExpressionAttributeNames={"#partition": "partition"},
            ExpressionAttributeValues={":partition": text(_partition(model, generation))},
            ConsistentRead=True,
        )
        for item in found:
            key = {"partition": item["partition"], "id": item["id"]}
            self.table.delete(key)
        return len(found) == _BATCH

    def _replacing(self, before: ReadModel | None, after: ReadModel) -> Part:
        key = _key(after.name)
        condition: Condition = (
            self.table.if_unchanged(key, before, _model)
            if before
            else {"ConditionExpression": "attribute_not_exists(id)"}
        )
        item = {**key, "document": document(asdict(after))}
        return self.table.put_part(item, Outdated(after.name), **condition)


def indexed(value: Any) -> str | None:
    """Returns the index value of a member; None if it cannot be indexed.

    A text is its own index value. Numbers, true and false have their JSON text.
    """
    if isinstance(value, dict | list) or value is None or value == "":
        return None
    written = value if isinstance(value, str) else json_numbers.dumps(value).decode()
    return written if len(written.encode()) <= MAX_INDEXED_BYTES else None


def live_change(change: Mapping[str, Any]) -> tuple[str, bool] | None:
    """Returns the read model that a change is about, and whether it is live; None for others."""
    if change.get("kind") != _KIND:
        return None
    return change[_KIND]["name"], change[_KIND]["live"]


def _fits(state: ModelState, wanted: Mapping[str, str]) -> bool:
    return all(indexed(state.state.get(name)) == value for name, value in wanted.items())


def _partition(model: ReadModel, generation: int) -> str:
    return f"state#{model.name}#{generation}"


def _key(name: str) -> Item:
    return {"partition": text(_MODELS), "id": text(name)}


def _model(item: Mapping[str, Any]) -> ReadModel:
    members = orjson.loads(item["document"]["S"])
    for name in ("serving", "building"):
        if members[name]:
            members[name] = restored(Generation, members[name])
    return restored(ReadModel, members)


def _state(item: Mapping[str, Any]) -> ModelState:
    return restored(ModelState, json_numbers.loads(item["document"]["S"]))
