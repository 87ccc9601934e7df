"""Folds event streams into states, from the latest snapshot on."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from event_bus import json_numbers, times
from event_bus.access.callers import Caller
from event_bus.batches import batches
from event_bus.errors import Conflict, Fault, InvalidRequest, Problem, Unavailable, sentence
from event_bus.inbox.waiting import Slot
from event_bus.model.event import Event
from event_bus.model.reducer import ReducerVersion
from event_bus.model.stream_name import StreamName
from event_bus.querying.event_finder import EventFinder
from event_bus.states.folding import Fold, Snapshots
from event_bus.states.reducing import (
    NumberedEvent,
    Reduce,
    ReducerFailed,
    ReducerUnavailable,
    reduced,
    reduced_in_time,
)
from event_bus.stores.reducers import ReducerStore
from event_bus.stores.stream_times import version_at
from event_bus.stores.streams import StreamEntry, StreamStore

SNAPSHOT_EVERY = 100
"""The number of events between two snapshots."""

MAX_PARTLY_FOLDED = 1_000
"""The most events of a state for readers who do not see the whole stream."""

MAX_EXAMINED = 10_000
"""The most events that one request reads, including expired and hidden ones."""

READ_SECONDS = 15.0
"""How long one request may fold, in seconds; API Gateway gives up after 30."""

_MAX_PARTLY_FOLDED_BYTES = 8 * 1024 * 1024
"""The most bytes of payloads that are folded for readers who do not see the whole stream."""

_PAYLOADS_AT_ONCE = 4 * 1024 * 1024
"""The approximate size of the payloads that are in memory at the same time, in bytes."""

AsShown = Callable[[Event], Event]
"""Returns an event with the part of its payload that the reader may read."""


@dataclass(frozen=True, slots=True)
class StreamState:
    """The state of a stream.

    Attributes:
        stream: The stream.
        version: The last version that was folded or is missing; 0 in a stream without events. For
            callers who do not see the whole stream, that of the last event that they see, or 0.
        events: The number of folded events; lower than `version` if events have expired or the
            caller may not see them.
        state: The state itself.
        reducer: The reducer.
        snapshot_version: The version of the snapshot that the fold began with; None without one.
    """

    stream: StreamName
    version: int
    events: int
    state: dict[str, Any]
    reducer: ReducerVersion
    snapshot_version: int | None = None


@dataclass(frozen=True, slots=True)
class _StateReading:
    """A state that a caller reads.

    Attributes:
        stream: The stream.
        at_version: The last version to include.
        caller: Who reads.
        as_shown: Returns an event with the part of its payload that the caller may read.
        reducer: The reducer.
        basis: What the state depends on beside the events; it is part of the keys of snapshots.
        end: When the fold must end, by the reader's clock.
    """

    stream: StreamName
    at_version: int
    caller: Caller
    as_shown: AsShown
    reducer: ReducerVersion
    basis: str
    end: float


class _FoldTimeUp(Exception):
    """The time of a fold has ended."""


@dataclass(frozen=True, slots=True)
class StateReader:
    """Folds streams from the events that the caller may see.

    The publisher of a stream and admins see all its events, so their folds begin with snapshots.
    For other callers, each request folds all events that they may see.

    Attributes:
        streams: The entries of the streams.
        finder: Finds their events.
        reducers: The reducers.
        snapshots: The snapshots of their states.
        reduce: Applies the reducers.
        clock: Monotonic clock, in seconds.
    """

    streams: StreamStore
    finder: EventFinder
    reducers: ReducerStore
    snapshots: Snapshots
    reduce: Reduce = reduced
    clock: Callable[[], float] = times.steady

    def version_at(self, stream: StreamName, moment: str) -> int:
        """Returns the version before the first event that was stored after a time (RFC 3339)."""
        return version_at(self.streams, stream, moment)

    def read(
        self,
        stream: StreamName,
        at_version: int,
        caller: Caller,
        as_shown: AsShown,
        slot: Slot = nullcontext,
    ) -> StreamState:
        """Returns the state of a stream.

        Args:
            stream: The stream.
            at_version: The last version to include.
            caller: Who reads. Events that it may not see are left out.
            as_shown: Returns an event with the part of its payload that the caller may read.
            slot: Entered before a function that reduces is called, and left after the fold.

        Raises:
            TooManyRequests: The request would have to wait for a function, and too many are
                waiting.
            InvalidRequest: The caller sees only a part of the stream, and this part is too long.
            Conflict: The reducer fails for an event.
            Unavailable: The stream is too long for one request. A repeated request continues from
                the last snapshot.
        """
        latest = self.reducers.latest(stream.source, stream.category)
        reducer = latest or ReducerVersion(stream.source, stream.category, 0, None, "", "")
        marks = self.streams.marks(stream)
        first = marks.first_visible
        # Snapshots of a truncated stream are separate, because they begin with another event.
        basis = f"{reducer.number}" if first == 1 else f"{reducer.number}/{first}"
        end = self.clock() + READ_SECONDS
        reading = _StateReading(stream, at_version, caller, as_shown, reducer, basis, end)
        whole = caller.admin or caller.service_id == stream.source
        restored = self.snapshots.latest(stream, basis, at_version) if whole else None
        snapshot_version = restored.version if restored else None
        fold = restored or Fold(version=first - 1)
        with slot() if reducer.effective.type == "lambda" else nullcontext():
            self._fold(reading, fold, whole=whole)
        # A deleted stream reads as empty, and a stranger may not learn how long a stream is.
        hidden = 0 if marks.deleted_at or not whole else min(at_version, first - 1)
        return StreamState(
            stream=stream,
            version=fold.version if fold.version >= first else hidden,
            events=fold.events,
            state=json_numbers.loads(fold.state),
            reducer=reducer,
            snapshot_version=snapshot_version,
        )

    def _fold(self, reading: _StateReading, fold: Fold, *, whole: bool) -> None:
        """Folds the events that the caller may see: all of the stream, if `whole` is true."""
        try:
            (self._fold_whole if whole else self._fold_visible)(reading, fold)
        except ReducerFailed as failure:
            detail = f"the reducer fails for version {failure.version}: {failure.detail}"
            said = f"{sentence(detail)} Read an earlier state with at_version."
            raise Conflict(said, [Fault("at_version", detail)]) from None
        except ReducerUnavailable as unavailable:
            raise Unavailable(f"The state cannot be made: {unavailable.detail}.") from None
        except _FoldTimeUp:
            raise _too_long(f"a request can fold in {READ_SECONDS:g} s") from None

    def _fold_whole(self, reading: _StateReading, fold: Fold) -> None:
        """Folds all events, and keeps a snapshot after every `SNAPSHOT_EVERY` of them."""
        examined, kept = 0, True
        for entries in self._entries(reading, fold.version):
            if examined >= MAX_EXAMINED or (examined and self.clock() >= reading.end):
                raise _unfinished(fold, kept=kept)
            found = self.finder.events.get_many([each.event_id for each in entries])
            numbered = [_numbered(each, found) for each in entries]
            try:
                self._advance(reading, fold, numbered)
            except _FoldTimeUp:
                kept = self.snapshots.keep(reading.stream, reading.basis, fold)
                raise _unfinished(fold, kept=kept) from None
            examined += len(entries)
            if len(entries) == SNAPSHOT_EVERY:
                kept = self.snapshots.keep(reading.stream, reading.basis, fold)

    def _fold_visible(self, reading: _StateReading, fold: Fold) -> None:
        """Folds the events that the caller may see."""
        examined = size = seen = 0
        for entries in self._entries(reading, fold.version):
            examined += len(entries)
            if examined > MAX_EXAMINED:
                raise _too_long(f"{MAX_EXAMINED} events, with those that have expired,")
            visible = self.finder.visible([each.event_id for each in entries], reading.caller)
            found = {name: each.event for name, each in visible.items()}
            size += sum(each.payload_bytes for each in found.values())
            if fold.events + len(found) > MAX_PARTLY_FOLDED:
                raise _too_long(f"{MAX_PARTLY_FOLDED} events that this key may see")
            if size > _MAX_PARTLY_FOLDED_BYTES:
                raise _too_long(f"{_MAX_PARTLY_FOLDED_BYTES} bytes of payloads")
            if fold.events and self.clock() >= reading.end:
                raise _FoldTimeUp
            numbered = [_numbered(each, found) for each in entries]
            self._advance(reading, fold, numbered)
            # Only callers who may see the events may learn how long a stream is.
            seen = max((each.version for each, event in numbered if event), default=seen)
            fold.version = seen

    def _entries(self, reading: _StateReading, version: int) -> Iterator[list[StreamEntry]]:
        """Yields the entries after a version, up to the last one to include."""
        while entries := self.streams.between(
            reading.stream, version + 1, reading.at_version, SNAPSHOT_EVERY
        ):
            yield entries
            version = entries[-1].version

    def _advance(
        self,
        reading: _StateReading,
        fold: Fold,
        entries: Sequence[tuple[StreamEntry, Event | None]],
    ) -> None:
        """Folds the events of entries.

        Raises:
            _FoldTimeUp: The fold must end before all of them are folded. It includes some of them.
        """
        present = [(each.version, event) for each, event in entries if event]
        chunks = batches(
            present,
            lambda each: each[1].payload_bytes,
            most=SNAPSHOT_EVERY,
            most_bytes=_PAYLOADS_AT_ONCE,
        )
        for place, chunk in enumerate(chunks):
            if place and self.clock() >= reading.end:
                raise _FoldTimeUp
            found = self.finder.executor.map(self.finder.events.whole, (e for _, e in chunk))
            read = [
                (version, event) for (version, _), event in zip(chunk, found, strict=True) if event
            ]
            numbered = [NumberedEvent(version, reading.as_shown(event)) for version, event in read]
            fold.state, count = reduced_in_time(
                self.reduce,
                reading.reducer.effective,
                fold.state,
                numbered,
                lambda: self.clock() < reading.end,
            )
            fold.include(read[:count])
            if count < len(read):
                raise _FoldTimeUp
        fold.version = entries[-1][0].version


def _numbered(entry: StreamEntry, found: dict[str, Event]) -> tuple[StreamEntry, Event | None]:
    return entry, entry.event_in(found)


def _unfinished(fold: Fold, *, kept: bool) -> Problem:
    if not kept:
        return _too_long("a request can fold, and its state is too large to be kept,")
    return Unavailable(
        f"The stream is long: {fold.version} versions are folded so far. Repeat the request to "
        "continue from there."
    )


def _too_long(limit: str) -> InvalidRequest:
    return InvalidRequest.at(
        "at_version", f"the stream has more than {limit} up to there: name an earlier version"
    )
