"""The table of events: the event store, and by its stream the outbox of the router."""

import random
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

import orjson
from botocore.exceptions import ClientError

from event_bus import times
from event_bus.model.event import Event
from event_bus.stores.items import Item, batch_get, condition_failed, number, text, unexpired
from event_bus.stores.payloads import PayloadStore
from event_bus.stores.streams import StreamEntry, StreamStore
from event_bus.stores.transactions import TransactionRefused, transact

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SHARDS = 4
"""How many partitions each list by time is spread over.

A partition takes 1,000 writes a second, so that one source, or one domain of types, may have 4,000
events a second.
"""


_STREAM_ATTEMPTS = 12


class Put(Enum):
    """What became of an event that was to be stored."""

    STORED = "stored"
    REPEATED = "repeated"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Strand:
    """One partition of one index: events in the order of their positions.

    Attributes:
        index: The name of the index.
        partition: The value of its partition key.
    """

    index: str
    partition: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What an index tells of an event.

    Attributes:
        position: Where the event stands in the list: a time, its timestamp in all but one, and
            its id.
        id: The event.
        type: Its type.
        source: Its source.
        correlation_id: Its correlation id, if any.
        trace_id: Its trace id, if any.
    """

    position: str
    id: str
    type: str
    source: str
    correlation_id: str | None
    trace_id: str | None


ODD_SECONDS = 300
"""By how much the times when an event happened and when it was stored may differ, for it to be
found by the one where the other is asked for."""

_KEYS = {
    "by_time": ("shard", "position"),
    "by_odd": ("odd_shard", "odd_position"),
    "by_domain": ("domain_shard", "position"),
    "by_source": ("source_shard", "position"),
    "by_correlation": ("correlation_id", "position"),
    "by_trace": ("trace_id", "position"),
}


def all_events() -> list[Strand]:
    """The strands that hold every event."""
    return [Strand("by_time", str(shard)) for shard in range(SHARDS)]


def all_odd_events() -> list[Strand]:
    """The strands of the events that were stored at another time than they happened."""
    return [Strand("by_odd", str(shard)) for shard in range(SHARDS)]


def of_domain(domain: str) -> list[Strand]:
    """The strands of the events whose type begins with this segment."""
    return [Strand("by_domain", f"{domain}#{shard}") for shard in range(SHARDS)]


def of_source(source: str) -> list[Strand]:
    """The strands of the events of one source."""
    return [Strand("by_source", f"{source}#{shard}") for shard in range(SHARDS)]


def of_correlation(correlation_id: str) -> list[Strand]:
    """The strand of the events with this correlation id."""
    return [Strand("by_correlation", correlation_id)]


def of_trace(trace_id: str) -> list[Strand]:
    """The strand of the events with this trace id."""
    return [Strand("by_trace", trace_id)]


def to_item(event: Event, retention_days: int) -> Item:
    """The item of an event; a payload that is not inline stays out of it."""
    shard = zlib.crc32(event.id.encode()) % SHARDS
    item: Item = {
        "id": text(event.id),
        "type": text(event.type),
        "source": text(event.source),
        "timestamp": text(event.timestamp),
        "payload_bytes": number(event.payload_bytes),
        "metadata": text(orjson.dumps(event.metadata).decode()),
        "created_at": text(event.created_at),
        "digest": text(event.digest),
        "position": text(f"{event.timestamp}#{event.id}"),
        "shard": text(str(shard)),
        "domain_shard": text(f"{event.type.partition('.')[0]}#{shard}"),
        "source_shard": text(f"{event.source}#{shard}"),
        "expires_at": number(times.expiry(retention_days)),
    }
    if event.inline and event.payload is not None:
        item["payload"] = text(event.payload.decode())
        if event.sealed:
            item["sealed"] = text(event.sealed)
    if event.sealed_key:
        item["sealed_key"] = text(event.sealed_key)
    for name in ("correlation_id", "trace_id"):
        if event.metadata.get(name):
            item[name] = text(event.metadata[name])
    if abs(times.seconds(event.timestamp) - times.seconds(event.created_at)) > ODD_SECONDS:
        item["odd_shard"] = text(str(shard))
        item["odd_position"] = text(f"{event.created_at}#{event.id}")
    return item


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
    )


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
        if self.streams and event.stream_id:
            return self._put_in_stream(event, event.stream_id, self.streams, retention_days)
        try:
            self.client.put_item(
                **self.putting(event, retention_days)["Put"],
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not condition_failed(error):
                raise
            return _met(event, from_item(error.response["Item"]))  # type: ignore[typeddict-item]
        return Put.STORED, event

    def putting(self, event: Event, retention_days: int) -> Item:
        """The part of a transaction that stores an event, unless its id is taken."""
        return {
            "Put": {
                "TableName": self.table,
                "Item": to_item(event, retention_days),
                # What has expired but is not yet swept away is as good as gone.
                "ConditionExpression": "attribute_not_exists(id) OR expires_at <= :now",
                "ExpressionAttributeValues": {":now": number(int(times.unix()))},
            }
        }

    def _put_in_stream(
        self, event: Event, stream_id: str, streams: StreamStore, retention_days: int
    ) -> tuple[Put, Event]:
        for attempt in range(_STREAM_ATTEMPTS):
            version = streams.last_version(stream_id) + 1
            placed = replace(event, metadata={**event.metadata, "stream_version": version})
            entry = StreamEntry(version, event.id, event.created_at)
            try:
                transact(
                    self.client,
                    [self.putting(placed, retention_days), streams.adding(stream_id, entry)],
                )
            except TransactionRefused as refusal:
                stored = self._item(event.id) if 0 in refusal.conditions else None
                if stored:
                    return _met(event, stored)
                # Another event took the place: take the next one.
                time.sleep(random.uniform(0, 0.01 * 2 ** min(attempt, 6)))  # noqa: S311
            else:
                return Put.STORED, placed
        raise TimeoutError(f"{stream_id} grows too fast")

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

    def get_many(self, event_ids: Iterable[str]) -> dict[str, Event]:
        """The events of these ids, by id; large payloads are left in the bucket."""
        keys = [{"id": text(event_id)} for event_id in dict.fromkeys(event_ids)]
        items = batch_get(self.client, self.table, keys, ConsistentRead=True)
        return {item["id"]["S"]: from_item(item) for item in items if unexpired(item)}

    def with_payload(self, event: Event) -> Event:
        """The event with its payload, read from the bucket where it lies there."""
        if event.payload is not None:
            return event
        payload, sealed = _parted(self.payloads.get(event.id, event.digest))
        return replace(event, payload=payload, sealed=sealed)

    def page(
        self, strand: Strand, between: tuple[str, str], limit: int, *, newest_first: bool
    ) -> list[Entry]:
        """A stretch of a strand.

        Args:
            strand: The strand.
            between: The first and the last position, both included.
            limit: How many entries at most.
            newest_first: Whether from the last to the first.
        """
        first, last = between
        if first > last:
            return []
        partition, position = _KEYS[strand.index]
        answer = self.client.query(
            TableName=self.table,
            IndexName=strand.index,
            KeyConditionExpression="#partition = :partition AND #position BETWEEN :first AND :last",
            ExpressionAttributeNames={
                "#partition": partition,
                "#position": position,
            },
            ExpressionAttributeValues={
                ":partition": text(strand.partition),
                ":first": text(first),
                ":last": text(last),
            },
            ScanIndexForward=not newest_first,
            Limit=limit,
        )
        return [_entry(item, position) for item in answer["Items"]]

    def pages(
        self,
        strands: Sequence[Strand],
        between: tuple[str, str],
        limit: int,
        executor: Executor,
        *,
        newest_first: bool,
    ) -> list[Entry]:
        """The first entries of several strands together, each event once, in order."""
        found = executor.map(
            lambda strand: self.page(strand, between, limit, newest_first=newest_first), strands
        )
        merged = {entry.position: entry for page in found for entry in page}
        return [merged[key] for key in sorted(merged, reverse=newest_first)][:limit]


# What is sealed of a payload is the line behind it: compact JSON has no line break.


def _joined(payload: bytes, sealed: str | None) -> bytes:
    return b"\n".join([payload, sealed.encode()]) if sealed else payload


def _parted(lines: bytes) -> tuple[bytes, str | None]:
    payload, _, sealed = lines.partition(b"\n")
    return payload, sealed.decode() or None


def _entry(item: Mapping[str, Any], position: str) -> Entry:
    return Entry(
        position=item[position]["S"],
        id=item["id"]["S"],
        type=item["type"]["S"],
        source=item["source"]["S"],
        correlation_id=item.get("correlation_id", {}).get("S"),
        trace_id=item.get("trace_id", {}).get("S"),
    )
