"""Folds in progress, and the snapshots that they continue from."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from event_bus import times
from event_bus.encryption.payload_seal import NotOpened
from event_bus.encryption.state_seal import StateSeal
from event_bus.log import logger
from event_bus.model.event import Event
from event_bus.model.stream_name import StreamName
from event_bus.states.reducing import EMPTY
from event_bus.stores.snapshots import Snapshot, SnapshotStore


@dataclass(slots=True)
class Fold:
    """A fold in progress.

    Attributes:
        version: The last version that was folded or is missing.
        events: The number of folded events.
        state: The state, as JSON.
        expires_at: When the first of these events expires, in Unix seconds; None if none expires.
        sealed: Whether an event had sealed parts.
    """

    version: int = 0
    events: int = 0
    state: bytes = EMPTY
    expires_at: int | None = None
    sealed: bool = False

    def include(self, folded: Sequence[tuple[int, Event]]) -> None:
        """Notes events that are folded into the state, with their versions."""
        for version, event in folded:
            self.version = version
            self.events += 1
            self.sealed = self.sealed or event.sealed_key is not None
            if event.expires_at is not None:
                self.expires_at = min(event.expires_at, self.expires_at or event.expires_at)


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Keeps folds as snapshots, and restores them.

    A snapshot expires with its first event. Otherwise it would contain expired events, and the same
    request would get another answer than without the snapshot.

    Attributes:
        store: The stored snapshots.
        seal: Seals snapshots that hold sensitive values.
        retention_days: The longest time for which a snapshot is kept, in days.
    """

    store: SnapshotStore
    seal: StateSeal
    retention_days: int

    def latest(self, stream: StreamName, basis: str, at_version: int) -> Fold | None:
        """Returns the fold of the latest snapshot up to a version; None if there is none.

        Args:
            stream: The stream.
            basis: What the snapshot depends on beside the events.
            at_version: The last version that it may include.
        """
        snapshot = self.store.latest(stream, basis, at_version)
        if snapshot is None:
            return None
        state = snapshot.state
        if snapshot.sealed_key:
            try:
                place = _place(stream, basis, snapshot.version)
                state = self.seal.open(state, snapshot.sealed_key, place)
            except NotOpened:
                # The events are still stored, so the fold begins with the first one.
                logger.exception("snapshot not opened", stream=stream.text)
                return None
        return Fold(
            version=snapshot.version,
            events=snapshot.events,
            state=zlib.decompress(state),
            expires_at=snapshot.events_expire_at,
            sealed=snapshot.sealed_key is not None,
        )

    def keep(self, stream: StreamName, basis: str, fold: Fold) -> bool:
        """Stores a snapshot of a fold.

        Args:
            stream: The stream.
            basis: What the fold depends on beside the events.
            fold: The fold.

        Returns:
            Whether it is stored; False if it is too large.
        """
        latest = times.expiry(self.retention_days)
        snapshot = Snapshot(
            version=fold.version,
            events=fold.events,
            state=zlib.compress(fold.state),
            expires_at=min(latest, fold.expires_at or latest),
            events_expire_at=fold.expires_at,
        )
        if fold.sealed:
            place = _place(stream, basis, fold.version)
            state, key = self.seal.close(snapshot.state, place)
            snapshot = replace(snapshot, state=state, sealed_key=key)
        return self.store.put(stream, basis, snapshot)


def _place(stream: StreamName, basis: str, version: int) -> str:
    return f"{stream.key}\n{basis}\n{version}"
