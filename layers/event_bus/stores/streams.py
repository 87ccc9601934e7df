"""The table of event streams: the event of each version, without gaps.

A stream belongs to the source of its events. Two sources that use one stream id have two streams.

Entries stay when their events expire. A stream that began again from a lower version would mislead
subscribers that remember how far they have read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from event_bus import times
from event_bus.model.stream_name import StreamName
from event_bus.stores.items import Item, number, text
from event_bus.stores.refusals import Outdated
from event_bus.stores.transactions import Part

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DISORDER_SECONDS = 60
"""How far the times of a stream may be out of the order of its versions, in seconds.

An event gets its time first and its version a moment later. Another event may come between them.
"""


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """An event of a stream.

    Attributes:
        version: Its version in the stream, from 1.
        event_id: The event.
        created_at: When it was stored, RFC 3339.
    """

    version: int
    event_id: str
    created_at: str


@dataclass(frozen=True, slots=True)
class StreamStore:
    """Reads streams, and makes the parts of transactions that append to them.

    Attributes:
        client: The DynamoDB client.
        table: The table's name.
    """

    client: "DynamoDBClient"
    table: str

    def last_version(self, stream: StreamName) -> int:
        """Returns the version of the last event; 0 if the stream does not exist."""
        # In earlier releases all sources shared a stream of one id. A source continues from the
        # version that its subscribers may have seen there.
        for key in (stream.key, stream.stream_id):
            if found := self._query(key, 0, 1, newest_first=True):
                return found[0].version
        return 0

    def after(self, stream: StreamName, version: int, limit: int) -> list[StreamEntry]:
        """Returns the entries after a version, in order."""
        return self._query(stream.key, version, limit)

    def between(
        self, stream: StreamName, first: int, last: int, limit: int, *, newest_first: bool = False
    ) -> list[StreamEntry]:
        """Returns the entries from one version to another, both included.

        Args:
            stream: The stream.
            first: The lowest version.
            last: The highest version.
            limit: How many entries to return at most.
            newest_first: Whether the highest versions come first.
        """
        if last < first:
            return []
        answer = self.client.query(
            TableName=self.table,
            KeyConditionExpression="stream_id = :stream AND version BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":stream": text(stream.key),
                ":first": number(first),
                ":last": number(last),
            },
            ConsistentRead=True,
            ScanIndexForward=not newest_first,
            Limit=limit,
        )
        return [_entry(item) for item in answer["Items"]]

    def version_before(self, stream: StreamName, moment: str) -> int:
        """Returns the version before the first event stored at a time (RFC 3339) or later."""
        pages = self.client.get_paginator("query").paginate(
            **self._query_of(stream.key, 0, newest_first=True)
        )
        certainly_before = times.at(times.seconds(moment) - DISORDER_SECONDS)
        before = None
        for page in pages:
            for item in page["Items"]:
                entry = _entry(item)
                if entry.created_at >= moment:
                    before = entry.version - 1
                elif before is None:
                    before = entry.version
                if entry.created_at < certainly_before:
                    return before
        return before or 0

    def adding_part(self, stream: StreamName, entry: StreamEntry) -> Part:
        """Returns the part that gives an event its version, unless another event has it."""
        put: Item = {
            "TableName": self.table,
            "Item": {
                "stream_id": text(stream.key),
                "version": number(entry.version),
                "event_id": text(entry.event_id),
                "created_at": text(entry.created_at),
            },
            "ConditionExpression": "attribute_not_exists(stream_id)",
        }
        return Part({"Put": put}, Outdated(stream.stream_id))

    def _query(
        self, key: str, version: int, limit: int, *, newest_first: bool = False
    ) -> list[StreamEntry]:
        answer = self.client.query(
            **self._query_of(key, version, newest_first=newest_first), Limit=limit
        )
        return [_entry(item) for item in answer["Items"]]

    def _query_of(self, key: str, version: int, *, newest_first: bool) -> dict[str, Any]:
        return {
            "TableName": self.table,
            "KeyConditionExpression": "stream_id = :stream AND version > :version",
            "ExpressionAttributeValues": {":stream": text(key), ":version": number(version)},
            "ConsistentRead": True,
            "ScanIndexForward": not newest_first,
        }


def _entry(item: Mapping[str, Any]) -> StreamEntry:
    return StreamEntry(int(item["version"]["N"]), item["event_id"]["S"], item["created_at"]["S"])
