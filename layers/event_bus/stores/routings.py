"""The routing records of the deliveries table: which subscriptions each event matched.

A function that has stood still for minutes may have matched an event with earlier subscriptions
than the function that took its place. So no write takes matches from a record: if the event has one
already, the matches that it lacks are added.

A record that would exceed the 400 KB of an item is divided, see `routing_items`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from event_bus.batches import batches, blames_content
from event_bus.conflicts import attempts
from event_bus.ids import new_id
from event_bus.log import logger
from event_bus.model.delivery import Routing
from event_bus.model.event import Event, former_until
from event_bus.stores.delivery_items import routing_of_present
from event_bus.stores.items import ConditionFailed, Item, document, text
from event_bus.stores.routing_items import (
    match_attributes,
    part_attributes,
    part_name,
    part_names,
    routing_item,
    routing_key,
    routing_of,
    routings_of,
)
from event_bus.stores.table import Table

_Work = TypeVar("_Work")
_Result = TypeVar("_Result")

_PART_BYTES = 200_000
"""How many bytes of matches an item holds, which leaves room for its other attributes."""

_SURELY_FIT = 400
"""How many matches fit into one item, however long their identifiers are."""


@dataclass(frozen=True, slots=True)
class RecordedRoutings:
    """The result of writing routing records.

    Attributes:
        standing: The records as they are stored, which others may have written.
        refused: The ids of the events whose record DynamoDB refuses.
    """

    standing: list[Routing]
    refused: list[str]


@dataclass(frozen=True, slots=True)
class RoutingStore:
    """Reads and writes routing records.

    Attributes:
        table: The deliveries table.
        retention_days: How many days a record is kept, unless its event is kept for ever.
    """

    table: Table
    retention_days: int = 0

    def record(
        self, routings: Sequence[Routing], executor: Executor | None = None
    ) -> RecordedRoutings:
        """Writes routing records. If an event has one already, the matches that it lacks are added.

        Args:
            routings: The records. If an event has two, the first one counts.
            executor: Writes several records in parallel.

        Raises:
            TimeoutError: Others have changed a record before each attempt.
        """
        first: dict[str, Routing] = {}
        for routing in routings:
            first.setdefault(routing.event_id, routing)
        written = _each(self._put, list(first.values()), executor)
        return RecordedRoutings(
            standing=[each for each in written if each],
            refused=[name for name, each in zip(first, written, strict=True) if each is None],
        )

    def release(self, routing: Routing, subscription_ids: Collection[str]) -> None:
        """Records that a pause holds an event no longer, because the router has sent it.

        Args:
            routing: The record as it is stored.
            subscription_ids: The subscriptions to which the event was sent.

        Raises:
            TimeoutError: Others have changed the record before each attempt.
        """
        sent = {each: routing.held[each] for each in subscription_ids}
        released = routing.released
        for _ in attempts():
            try:
                self._set_released(routing.event_id, released, {**released, **sent})
            except ConditionFailed as refusal:
                if not refusal.standing:
                    return
                released = routing_of(refusal.standing).released
            except ClientError as error:
                if not blames_content(error):
                    raise
                # The item is full. The backlog sends the events once more.
                logger.exception("release not recorded", event_id=routing.event_id)
                return
            else:
                return
        raise TimeoutError(f"{routing.event_id} is released by others in every attempt")

    def get_many(self, event_ids: Iterable[str], *, consistent: bool = False) -> dict[str, Routing]:
        """Returns the routing records of those events that were routed, by event id.

        Args:
            event_ids: The ids of the events, each once.
            consistent: Whether to read consistently, at twice the cost.
        """
        keys = [routing_key(event_id) for event_id in event_ids]
        found = self.table.batch_get(keys, ConsistentRead=consistent)
        return self.whole(found, consistent=consistent)

    def of(self, event: Event) -> Routing | None:
        """Returns the routing record of an event, read consistently; None if it is not routed.

        The record of an earlier event that had the same id does not count.
        """
        found = self.get_many([event.id], consistent=True)
        return routing_of_present(found.get(event.id), event)

    def whole(self, items: Iterable[Item], *, consistent: bool = False) -> dict[str, Routing]:
        """Returns routing records, by event id. Their further parts are read from the table.

        Args:
            items: The items of the records, without their further parts.
            consistent: Whether to read consistently, at twice the cost.
        """
        found = list(items)
        further = [
            routing_key(item["event_id"]["S"], name) for item in found for name in part_names(item)
        ]
        if further:
            found += self.table.batch_get(further, ConsistentRead=consistent)
        return routings_of(found)

    def _put(self, routing: Routing) -> Routing | None:
        """Writes a record, and returns the one that is stored; None if DynamoDB refuses it."""
        whole, *further = _divided(routing)
        writer = new_id("rtg") if further else ""
        item = {**routing_item(whole, self.retention_days), **part_attributes(writer, len(further))}
        try:
            for place, part in enumerate(further, start=1):
                key = routing_key(routing.event_id, part_name(writer, place))
                self.table.put({**key, **match_attributes(part, self.retention_days)})
            self.table.put(
                item,
                **_unless_routed(routing),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ConditionFailed as refusal:
            return self._merged(routing, refusal.standing)
        except (ClientError, BotoCoreError) as error:
            if not blames_content(error):
                raise
            logger.exception("routing record refused", event_id=routing.event_id)
            return None
        return routing

    def _merged(self, routing: Routing, item: Item) -> Routing | None:
        """Adds to a stored record what it lacks of another one, and returns it as a whole."""
        for _ in attempts():
            items = [item] if item else []
            standing = self.whole(items, consistent=True).get(routing.event_id)
            if standing is None:
                return None
            lacking = _lacking(standing, routing)
            if not lacking.matched:
                return standing
            try:
                self._add(item, lacking)
            except ConditionFailed as refusal:
                item = refusal.standing
            except ClientError as error:
                if not blames_content(error):
                    raise
                logger.exception("matches not recorded", event_id=routing.event_id)
                return standing
            else:
                return _with_matches(standing, lacking)
        raise TimeoutError(f"{routing.event_id} is routed by others in every attempt")

    def _add(self, item: Item, lacking: Routing) -> None:
        # What a pause held stays in the item when it is released.
        stored = routing_of({name: each for name, each in item.items() if name != "released"})
        after = _with_matches(stored, lacking)
        changes: Item = {"matched": document(after.matched), "held": document(after.held)}
        if after.handler:
            changes["handler"] = text(after.handler)
        self.table.update(
            routing_key(lacking.event_id),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in changes),
            ConditionExpression="#matched = :before",
            ExpressionAttributeNames={f"#{name}": name for name in changes},
            ExpressionAttributeValues={
                ":before": item["matched"],
                **{f":{name}": value for name, value in changes.items()},
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    def _set_released(
        self, event_id: str, before: Mapping[str, int], after: Mapping[str, int]
    ) -> None:
        stands = "released = :before" if before else "attribute_not_exists(released)"
        self.table.update(
            routing_key(event_id),
            UpdateExpression="SET released = :after",
            ConditionExpression=f"attribute_exists(matched) AND {stands}",
            ExpressionAttributeValues={
                ":after": document(after),
                **({":before": document(before)} if before else {}),
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )


def _divided(routing: Routing) -> list[Routing]:
    """Divides a record so that each part fits into an item."""
    if len(routing.matched) <= _SURELY_FIT:
        return [routing]

    def size(subscription_id: str) -> int:
        held = len(subscription_id) + 16 if subscription_id in routing.held else 0
        return len(subscription_id) + len(routing.matched[subscription_id]) + 8 + held

    parts = batches(routing.matched, size, most=len(routing.matched), most_bytes=_PART_BYTES)
    return [
        replace(
            routing,
            matched={each: routing.matched[each] for each in part},
            held={each: routing.held[each] for each in part if each in routing.held},
        )
        for part in parts
    ]


def _lacking(standing: Routing, routing: Routing) -> Routing:
    """Returns the part of a record with the matches that the stored one lacks."""
    matched = {
        each: service for each, service in routing.matched.items() if each not in standing.matched
    }
    held = {each: pause for each, pause in routing.held.items() if each in matched}
    return replace(routing, matched=matched, held=held)


def _with_matches(routing: Routing, lacking: Routing) -> Routing:
    return replace(
        routing,
        matched={**routing.matched, **lacking.matched},
        held={**routing.held, **lacking.held},
        handler=routing.handler or lacking.handler,
    )


def _unless_routed(routing: Routing) -> Item:
    """Returns the condition that an event has no record.

    The id of an expired event may be used again, while its record is still stored.
    """
    if not routing.stored_at:
        return {"ConditionExpression": "attribute_not_exists(event_id)"}
    before = former_until(routing.stored_at)
    return {
        "ConditionExpression": "attribute_not_exists(event_id) OR routed_at < :before",
        "ExpressionAttributeValues": {":before": text(before)},
    }


def _each(
    work: Callable[[_Work], _Result], items: Sequence[_Work], executor: Executor | None
) -> list[_Result]:
    if executor is None or len(items) < 2:
        return [work(each) for each in items]
    return list(executor.map(work, items))
