"""The table of events: the event store, and by its stream the outbox of the router."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

import orjson
from botocore.exceptions import ClientError

from event_bus import times
from event_bus.conflicts import attempts
from event_bus.log import logger
from event_bus.model.event import Event, Origin
from event_bus.model.stream_name import StreamName
from event_bus.stores.items import Item, batch_get, number, standing_item, text, unexpired
from event_bus.stores.listings import (
    POSITIONS,
    Listing,
    Page,
    Partition,
    cell_of,
    entry,
    odd_shard_of,
)
from event_bus.stores.payloads import PayloadStore
from event_bus.stores.refusals import Exists, Outdated
from event_bus.stores.streams import StreamEntry, StreamStore
from event_bus.stores.transactions import Part, transact

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LOOK_BUDGET = 20_000
"""How many entries of an index are looked at for one question."""

_DEEPEST = 2_000
_STREAM_ATTEMPTS = 13


class Put(Enum):
    """What became of an event that was to be stored."""

    STORED = "stored"
    REPEATED = "repeated"
    CONFLICT = "conflict"


ODD_SECONDS = 300
"""By how much the times when an event happened and when it was stored may differ, for it to be
found by the one where the other is asked for."""


def to_item(event: Event, retention_days: int) -> Item:
    """The item of an event; a payload that is not inline stays out of it."""
    item: Item = {
        "id": text(event.id),
        "type": text(event.type),
        "source": text(event.source),
        "timestamp": text(event.timestamp),
        "payload_bytes": number(event.payload_bytes),
        "metadata": text(orjson.dumps(event.metadata).decode()),
        "created_at": text(event.created_at),
        "digest": text(event.digest),
        "position": text(event.position),
        "cell": text(cell_of(event.id, event.type, event.source)),
        "expires_at": number(times.expiry(retention_days)),
    }
    if event.inline and event.payload is not None:
        item["payload"] = text(event.payload.decode())
        if event.sealed:
            item["sealed"] = text(event.sealed)
    if event.sealed_key:
        item["sealed_key"] = text(event.sealed_key)
    if event.hidden_hops:
        item["hidden_hops"] = number(event.hidden_hops)
    item |= _schema_attributes(event)
    if event.origin:
        item |= _origin_attributes(event.origin, event.source)
    for name in ("correlation_id", "trace_id"):
        if event.metadata.get(name):
            item[name] = text(event.metadata[name])
    if is_odd(event):
        item["odd_shard"] = text(odd_shard_of(event.id))
        item["odd_position"] = text(f"{event.created_at}#{event.id}")
    return item


def is_odd(event: Event) -> bool:
    """Whether an event was stored at another time than it happened."""
    stored, happened = times.seconds(event.created_at), times.seconds(event.timestamp)
    return abs(happened - stored) > ODD_SECONDS


def from_item(item: Mapping[str, Any]) -> Event:
    """The event of an item, be it read from the table or from its stream."""
    payload = item.get("payload")
    return Event(
        id=item["id"]["S"],
        type=item["type"]["S"],
        source=item["source"]["S"],
        timestamp=item["timestamp"]["S"],
        payload=payload["S"].encode() if payload else None,
        payload_bytes=int(item["payload_bytes"]["N"]),
        metadata=orjson.loads(item["metadata"]["S"]),
        created_at=item["created_at"]["S"],
        digest=item["digest"]["S"],
        sealed_key=item.get("sealed_key", {}).get("S"),
        sealed=item.get("sealed", {}).get("S"),
        hidden_hops=int(item.get("hidden_hops", {}).get("N", 0)),
        origin=_origin(item),
        schema_version=int(item["schema_version"]["N"]) if "schema_version" in item else None,
        schema_valid=item.get("schema_valid", {}).get("BOOL"),
    )


def _schema_attributes(event: Event) -> Item:
    found: Item = {}
    if event.schema_version is not None:
        found["schema_version"] = number(event.schema_version)
    if event.schema_valid is not None:
        found["schema_valid"] = {"BOOL": event.schema_valid}
    return found


def _origin_attributes(origin: Origin, source: str) -> Item:
    # Each KB of an item is a write unit: what its source says already is left out.
    implied = origin.actor == source and (origin.key_id or origin.ip_address)
    written = {
        "actor": None if implied else origin.actor,
        "key_id": origin.key_id,
        "ip_address": origin.ip_address,
    }
    return {name: text(value) for name, value in written.items() if value is not None}


def _origin(item: Mapping[str, Any]) -> Origin | None:
    names = ("actor", "key_id", "ip_address")
    actor, key_id, ip_address = (item.get(name, {}).get("S") for name in names)
    if actor is None and key_id is None and ip_address is None:
        return None
    return Origin(actor or item["source"]["S"], key_id, ip_address)


def readable_images(records: Iterable[Mapping[str, Any]]) -> tuple[list[Event], list[str]]:
    """The events that a stream tells of, and the ids of those that cannot be read.

    Args:
        records: The member `dynamodb` of the stream's records. A deleted event has no new image,
            and is left out.
    """
    events: list[Event] = []
    unreadable: list[str] = []
    for record in records:
        if image := record.get("NewImage"):
            try:
                events.append(from_item(image))
            except Exception:
                event_id = record["Keys"]["id"]["S"]
                logger.exception("event cannot be read", event_id=event_id)
                unreadable.append(event_id)
    return events, unreadable


def readable_events(
    client: "DynamoDBClient", table: str, event_ids: Iterable[str]
) -> tuple[dict[str, Event], set[str]]:
    """The events of these ids, and the ids of those that cannot be read.

    Args:
        client: The DynamoDB client.
        table: The table of events.
        event_ids: The ids. Large payloads are left in the bucket.
    """
    keys = [{"id": text(event_id)} for event_id in dict.fromkeys(event_ids)]
    events: dict[str, Event] = {}
    unreadable: set[str] = set()
    for item in filter(unexpired, batch_get(client, table, keys, ConsistentRead=True)):
        event_id = item["id"]["S"]
        try:
            events[event_id] = from_item(item)
        except (LookupError, ValueError, TypeError):
            logger.exception("event cannot be read", event_id=event_id)
            unreadable.add(event_id)
    return events, unreadable


def _met(event: Event, stored: Event) -> tuple[Put, Event]:
    return (Put.REPEATED if stored.digest == event.digest else Put.CONFLICT), stored


@dataclass(frozen=True, slots=True)
class EventStore:
    """Stores events and finds them again.

    Attributes:
        client: The DynamoDB client.
        table: The table's name.
        payloads: Where large payloads lie.
        streams: The order of the events that belong to a stream, for those who store some.
    """

    client: "DynamoDBClient"
    table: str
    payloads: PayloadStore
    streams: StreamStore | None = None

    def put(self, event: Event, retention_days: int) -> tuple[Put, Event]:
        """Stores an event, once, at the end of its stream if it belongs to one.

        A write whose answer was lost is told from a conflict by the digest: it meets itself.

        Returns:
            What became of it, and the event that is stored under its id now.

        Raises:
            TimeoutError: Its stream grew again and again meanwhile; nothing is stored.
        """
        if event.payload is not None and not event.inline:
            self.payloads.put(event.id, event.digest, _joined(event.payload, event.sealed))
        if self.streams and event.stream:
            return self._put_in_stream(event, event.stream, self.streams, retention_days)
        try:
            self.client.put_item(
                **self._put_request(event, retention_days),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return _met(event, from_item(standing_item(error)))
        return Put.STORED, event

    def adding_part(self, event: Event, retention_days: int) -> Part:
        """Returns the part that stores an event, unless its id is taken."""
        return Part({"Put": self._put_request(event, retention_days)}, Exists(event.id))

    def _put_request(self, event: Event, retention_days: int) -> Item:
        return {
            "TableName": self.table,
            "Item": to_item(event, retention_days),
            # An event that has expired counts as gone before DynamoDB deletes it.
            "ConditionExpression": "attribute_not_exists(id) OR expires_at <= :now",
            "ExpressionAttributeValues": {":now": number(int(times.unix()))},
        }

    def _put_in_stream(
        self, event: Event, stream: StreamName, streams: StreamStore, retention_days: int
    ) -> tuple[Put, Event]:
        for _ in attempts(_STREAM_ATTEMPTS):
            version = streams.last_version(stream) + 1
            placed = replace(event, metadata={**event.metadata, "stream_version": version})
            entry = StreamEntry(version, event.id, event.created_at)
            parts = [self.adding_part(placed, retention_days), streams.adding_part(stream, entry)]
            try:
                transact(self.client, parts)
            except Exists:
                if stored := self._item(event.id):
                    return _met(event, stored)
            except Outdated:
                # Another event took the version: take the next one.
                continue
            else:
                return Put.STORED, placed
        raise TimeoutError(f"{stream.stream_id} grows too fast")

    def get(self, event_id: str) -> Event | None:
        """The event of this id with its payload, or None."""
        stored = self._item(event_id)
        return self.with_payload(stored) if stored else None

    def _item(self, event_id: str) -> Event | None:
        answer = self.client.get_item(
            TableName=self.table, Key={"id": text(event_id)}, ConsistentRead=True
        )
        item = answer.get("Item")
        return from_item(item) if item and unexpired(item) else None

    def probe(self) -> None:
        """Makes the smallest read, and raises if the table does not answer."""
        self.client.get_item(
            TableName=self.table, Key={"id": text("#health")}, ProjectionExpression="id"
        )

    def get_many(self, event_ids: Iterable[str]) -> dict[str, Event]:
        """The events of these ids, by id; large payloads are left in the bucket."""
        keys = [{"id": text(event_id)} for event_id in dict.fromkeys(event_ids)]
        items = batch_get(self.client, self.table, keys, ConsistentRead=True)
        return {item["id"]["S"]: from_item(item) for item in items if unexpired(item)}

    def readable(self, event_ids: Iterable[str]) -> tuple[dict[str, Event], set[str]]:
        """The events of these ids as `get_many` has them, and the ids of those it cannot read."""
        return readable_events(self.client, self.table, event_ids)

    def with_payload(self, event: Event) -> Event:
        """The event with its payload, read from the bucket where it lies there."""
        if event.payload is not None:
            return event
        payload, sealed = _parted(self.payloads.get(event.id, event.digest))
        return replace(event, payload=payload, sealed=sealed)

    def page(
        self,
        listing: Listing,
        between: tuple[str, str],
        depth: int,
        executor: Executor,
        *,
        newest_first: bool,
    ) -> Page:
        """The beginning of a list, each event once, in order.

        Args:
            listing: The list.
            between: The first and the last position, both included.
            depth: How many entries of each partition are looked at, at most.
            executor: Reads partitions side by side.
            newest_first: Whether from the last to the first.
        """
        if between[0] > between[1]:
            return Page((), None, 0)

        def read(partition: Partition) -> Page:
            return self._read(partition, listing, between, depth, newest_first=newest_first)

        read_by_partition = list(executor.map(read, listing.partitions))
        # Behind where one of them ends, something of that one may be missing.
        ends = [each.reached for each in read_by_partition if each.reached is not None]
        end = (max if newest_first else min)(ends) if ends else None
        merged = {
            entry.position: entry
            for each in read_by_partition
            for entry in each.entries
            if end is None or (entry.position >= end if newest_first else entry.position <= end)
        }
        entries = [merged[key] for key in sorted(merged, reverse=newest_first)]
        return Page(entries, end, sum(each.looked_at for each in read_by_partition))

    def pages(
        self,
        listing: Listing,
        between: Callable[[str | None], tuple[str, str]],
        behind: str | None,
        depth: int,
        executor: Executor,
        *,
        newest_first: bool,
    ) -> Iterator[Page]:
        """A list, page by page, until it ends or some `LOOK_BUDGET` entries were looked at.

        Each page is looked for deeper than the one before: what is rare lies far apart.

        Args:
            listing: The list.
            between: The first and the last position of what is behind a position, or of all.
            behind: The position behind which it begins.
            depth: How many entries of each partition are looked at first.
            executor: Reads partitions side by side.
            newest_first: Whether from the last to the first.
        """
        looked_at = 0
        while looked_at < LOOK_BUDGET:
            page = self.page(listing, between(behind), depth, executor, newest_first=newest_first)
            yield page
            if page.reached is None:
                return
            behind = page.reached
            looked_at += page.looked_at
            left = (LOOK_BUDGET - looked_at) // len(listing.partitions)
            depth = max(1, min(4 * depth, _DEEPEST, left))

    def _read(
        self,
        partition: Partition,
        listing: Listing,
        between: tuple[str, str],
        depth: int,
        *,
        newest_first: bool,
    ) -> Page:
        key, position = POSITIONS[partition.index]
        left_out = listing.filter()
        answer = self.client.query(
            TableName=self.table,
            IndexName=partition.index,
            KeyConditionExpression="#partition = :partition AND #position BETWEEN :first AND :last",
            **{
                **left_out,
                "ExpressionAttributeNames": {
                    "#partition": key,
                    "#position": position,
                    **left_out.get("ExpressionAttributeNames", {}),
                },
                "ExpressionAttributeValues": {
                    ":partition": text(partition.key),
                    ":first": text(between[0]),
                    ":last": text(between[1]),
                    **left_out.get("ExpressionAttributeValues", {}),
                },
            },
            ScanIndexForward=not newest_first,
            Limit=depth,
        )
        last = answer.get("LastEvaluatedKey")
        return Page(
            [entry(item, position) for item in answer["Items"]],
            last[position]["S"] if last else None,
            answer["ScannedCount"],
        )


# What is sealed of a payload is the line behind it: compact JSON has no line break.


def _joined(payload: bytes, sealed: str | None) -> bytes:
    return b"\n".join([payload, sealed.encode()]) if sealed else payload


def _parted(lines: bytes) -> tuple[bytes, str | None]:
    payload, _, sealed = lines.partition(b"\n")
    return payload, sealed.decode() or None
