"""The event streams of the bus in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from event_bus_client._bus.model.merge_patch import merged
from event_bus_client._bus.model.stream_name import category_of
from event_bus_client._bus.model.stream_version import meets
from event_bus_client.testing.problems import conflict, missing, refused, version_conflict
from event_bus_client.testing.store import Store, Stored
from event_bus_client.testing.submissions import Document, Submission, submission
from event_bus_client.times import now

_MOST_APPENDED = 50


@dataclass
class Stream:
    """A stream.

    Attributes:
        source: The service that publishes it.
        id: Its id.
        event_ids: Its events; the first one has version 1.
        truncate_before: The first version that is visible; None for all.
        deleted_at: When it was deleted; None if it was not.
    """

    source: str
    id: str
    event_ids: list[str] = field(default_factory=list)
    truncate_before: int | None = None
    deleted_at: str | None = None

    @property
    def version(self) -> int:
        """The version of its last event; 0 if it has none."""
        return len(self.event_ids)


@dataclass
class StreamRecords:
    """Puts events into streams, and reads them.

    Attributes:
        store: Keeps the events.
    """

    store: Store
    _streams: dict[tuple[str, str], Stream] = field(default_factory=dict)

    def publish(self, sent: Submission) -> Stored:
        """Stores an event, at the end of its stream if it has one.

        Raises:
            Conflict: Another event has its id, or its stream has another version.
        """
        with self.store.lock:
            if (known := self.store.known(sent)) is not None:
                return Stored(known, repeated=True)
            stream_id = sent.event["metadata"].get("stream_id")
            if stream_id is None:
                return self.store.add(sent, {})
            stream = self._stream(sent.event["source"], stream_id)
            if stream.deleted_at is not None:
                detail = f"the stream {stream_id} was deleted and accepts no more events"
                raise conflict(f"{detail}.", ("/stream/id", detail))
            if not meets(sent.expected_version, stream.version):
                raise version_conflict("/stream/expected_version", stream.version)
            stream.event_ids.append(sent.id)
            self._streams[stream.source, stream.id] = stream
            return self.store.add(sent, {"stream_version": stream.version})

    def append(self, body: Any, caller: str) -> list[Stored]:
        """Appends events to a stream, all or none.

        Args:
            body: The request.
            caller: The service that sends it.

        Raises:
            InvalidRequest: An event is not valid.
            Conflict: An id is taken, or the stream has another version.
        """
        source, expected = body.get("source") or caller, body.get("expected_version")
        events = self._submissions(body, source)
        with self.store.lock:
            stored = [self.store.events.get(each.id) for each in events]
            if all(stored) and all(map(self.store.repeats, events)):
                return [Stored(each, repeated=True) for each in stored if each is not None]
            for place, each in enumerate(events):
                if stored[place] is not None:
                    said = (
                        "is stored already, by another append"
                        if self.store.repeats(each)
                        else f"another event with the id {each.id} is stored already"
                    )
                    raise conflict("Nothing was stored.", (f"/events/{place}/id", said))
            stream = self._stream(source, str(body["stream_id"]))
            if stream.deleted_at is not None:
                detail = f"the stream {stream.id} was deleted and accepts no more events"
                raise conflict(f"{detail}.", ("/stream_id", detail))
            if not meets(expected, stream.version):
                raise version_conflict("/expected_version", stream.version)
            return [self.publish(each) for each in events]

    def read(self, source: str, stream_id: str) -> list[Document]:
        """Returns the visible events of a stream with their versions, the lowest first."""
        stream = self._stream(source, stream_id)
        if stream.deleted_at is not None:
            return []
        first = stream.truncate_before or 1
        return [
            {"version": version, "event": {**self.store.events[each], "processed": True}}
            for version, each in enumerate(stream.event_ids, 1)
            if version >= first
        ]

    def head(self, source: str, stream_id: str) -> Document:
        """Returns a stream as a whole.

        Raises:
            NotFound: It has no events.
        """
        stream = self._stream(source, stream_id)
        if not stream.event_ids:
            raise missing("stream", f"{stream_id} of {source}")
        first, last = (self.store.events[stream.event_ids[place]] for place in (0, -1))
        return {
            **_summary(stream),
            "version": stream.version,
            "first_at": first["created_at"],
            "last_at": last["created_at"],
        }

    def listed(self, source: str, category: str | None, prefix: str) -> list[Document]:
        """Returns the streams of a source in the order of their ids."""
        return [
            {**_summary(each), "first_at": self.store.events[each.event_ids[0]]["created_at"]}
            for (its_source, its_id), each in sorted(self._streams.items())
            if its_source == source
            and category in (None, category_of(its_id))
            and its_id.startswith(prefix)
        ]

    def state(
        self, source: str, stream_id: str, at_version: int | None, at_time: str | None
    ) -> Document:
        """Returns the state of a stream: its payloads, merged."""
        state: Any = {}
        version = folded = 0
        for each in self.read(source, stream_id):
            late = at_time is not None and each["event"]["created_at"] > at_time
            if late or (at_version is not None and each["version"] > at_version):
                break
            state = merged(state, each["event"].get("payload", {}))
            version, folded = each["version"], folded + 1
        return {
            "source": source,
            "stream_id": stream_id,
            "version": version,
            "events": folded,
            "complete": folded == version,
            "reducer": {"type": "merge", "version": 0},
            "snapshot_version": None,
            "state": state,
        }

    def truncate(self, source: str, stream_id: str, before: int) -> Document:
        """Hides the events before a version.

        Raises:
            NotFound: The stream has no events.
            InvalidRequest: It has no such version.
        """
        with self.store.lock:
            self.head(source, stream_id)
            stream = self._stream(source, stream_id)
            if before > stream.version + 1:
                raise refused(("/truncate_before", f"must be at most {stream.version + 1}"))
            stream.truncate_before = max(before, stream.truncate_before or 1)
            return self.head(source, stream_id)

    def delete(self, source: str, stream_id: str) -> None:
        """Ends a stream.

        Raises:
            NotFound: It has no events.
        """
        with self.store.lock:
            self.head(source, stream_id)
            stream = self._stream(source, stream_id)
            stream.deleted_at = stream.deleted_at or now()

    def _stream(self, source: str, stream_id: str) -> Stream:
        return self._streams.get((source, stream_id)) or Stream(source, stream_id)

    @staticmethod
    def _submissions(body: Any, source: str) -> list[Submission]:
        events = body.get("events")
        if not isinstance(events, list) or not 1 <= len(events) <= _MOST_APPENDED:
            raise refused(("/events", f"must have 1 to {_MOST_APPENDED} events"))
        wrong = [
            (f"/events/{place}/{name}", "must be left out: it is named once, beside the events")
            for place, each in enumerate(events)
            for name in ("source", "stream")
            if name in each
        ]
        if wrong:
            raise refused(*wrong)
        stream = {"id": body["stream_id"]}
        read = [
            submission({**each, "stream": stream}, source, f"/events/{place}")
            for place, each in enumerate(events)
        ]
        if doubled := _doubled(each.id for each in read):
            raise refused(
                (f"/events/{doubled}/id", "is also the id of another event of this request")
            )
        return read


def _doubled(ids: Iterable[str]) -> int | None:
    """Returns the place of the first id that is there twice; None if there is none."""
    seen: set[str] = set()
    for place, each in enumerate(ids):
        if each in seen:
            return place
        seen.add(each)
    return None


def _summary(stream: Stream) -> Document:
    return {
        "source": stream.source,
        "stream_id": stream.id,
        "category": category_of(stream.id),
        "truncate_before": stream.truncate_before,
        "deleted_at": stream.deleted_at,
    }
