"""The snapshots of states, in the table of states.

A snapshot is a state that was folded from all events of a stream up to a version, by one version of
a reducer. It saves reading these events again, and nothing depends on it.
"""

from dataclasses import dataclass
from typing import Any

from event_bus.model.stream_name import StreamName
from event_bus.stores.items import Item, number, text, unexpired
from event_bus.stores.table import Table

MAX_SNAPSHOT_BYTES = 380 * 1024
"""The largest state of a snapshot, compressed: an item has 400 KB."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state that was folded from all events up to a version.

    Attributes:
        version: The version.
        events: How many events were folded.
        state: The state as JSON, compressed; encrypted, if it has a key.
        expires_at: When the first of its events, or itself, expires, in Unix seconds.
        events_expire_at: When the first of its events expires, in Unix seconds; None if none does.
        sealed_key: The sealed data key that encrypts the state; None if none of the events has
            sealed parts.
    """

    version: int
    events: int
    state: bytes
    expires_at: int
    events_expire_at: int | None
    sealed_key: bytes | None = None


@dataclass(frozen=True, slots=True)
class SnapshotStore:
    """Stores snapshots, and finds the latest one that serves.

    Attributes:
        table: The table.
    """

    table: Table

    def latest(self, stream: StreamName, basis: str, at_version: int) -> Snapshot | None:
        """Returns the latest snapshot of a stream up to a version.

        Args:
            stream: The stream.
            basis: What else it depends on: the version of the reducer, and the first version.
            at_version: The highest version.
        """
        found = self.table.query(
            1,
            KeyConditionExpression="#partition = :partition AND id <= :id",
            ExpressionAttributeNames={"#partition": "partition"},
            ExpressionAttributeValues={
                ":partition": text(_partition(stream, basis)),
                ":id": text(_id(at_version)),
            },
            ScanIndexForward=False,
        )
        return _snapshot(found[0]) if found and unexpired(found[0]) else None

    def put(self, stream: StreamName, basis: str, snapshot: Snapshot) -> bool:
        """Stores a snapshot.

        Returns:
            Whether it was stored; False if it is too large for an item.
        """
        if len(snapshot.state) > MAX_SNAPSHOT_BYTES:
            return False
        item: Item = {
            "partition": text(_partition(stream, basis)),
            "id": text(_id(snapshot.version)),
            "events": number(snapshot.events),
            "state": {"B": snapshot.state},
            "expires_at": number(snapshot.expires_at),
            "events_expire_at": number(snapshot.events_expire_at or 0),
        }
        if snapshot.sealed_key is not None:
            item["sealed_key"] = {"B": snapshot.sealed_key}
        self.table.put(item)
        return True


def _partition(stream: StreamName, basis: str) -> str:
    return f"snapshot\n{stream.key}\n{basis}"


def _id(version: int) -> str:
    return f"{version:016}"


def _snapshot(item: Any) -> Snapshot:
    sealed = item.get("sealed_key")
    # Earlier releases kept one time for both.
    first = int(item.get("events_expire_at", item["expires_at"])["N"])
    return Snapshot(
        version=int(item["id"]["S"]),
        events=int(item["events"]["N"]),
        state=bytes(item["state"]["B"]),
        expires_at=int(item["expires_at"]["N"]),
        events_expire_at=first or None,
        sealed_key=bytes(sealed["B"]) if sealed else None,
    )
