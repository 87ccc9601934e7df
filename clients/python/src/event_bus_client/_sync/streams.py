"""Event streams: the events of one thing, in order, with versions without gaps."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from event_bus_client._sync.lists import Listing
from event_bus_client._sync.transport import Transport
from event_bus_client.calls import Call
from event_bus_client.models import Appended, NewEvent, StreamEvent
from event_bus_client.publishing import prepared
from event_bus_client.states import StreamState

ExpectedVersion = int | Literal["none", "exists"]


class Streams:
    """Appends to event streams, and reads them.

    Pass `source` if another service than the key's own publishes the stream.
    """

    def __init__(self, transport: Transport) -> None:
        """Uses a transport."""
        self._transport = transport

    def append(
        self,
        stream_id: str,
        events: Iterable[NewEvent],
        *,
        expected_version: ExpectedVersion | None = None,
        source: str | None = None,
    ) -> Appended:
        """Appends events, all of them or none.

        The client generates their ids, so that its retries never append them twice.

        Args:
            stream_id: The stream.
            events: The events, at most 50; they name neither a source nor a stream.
            expected_version: The version that the stream must have: a number, `none` where it must
                be empty, `exists` where it must not be. None appends in any case.
            source: The service that publishes the stream.

        Raises:
            VersionConflict: The stream has another version; `actual_version` says which.
        """
        body: dict[str, Any] = {
            "stream_id": stream_id,
            "events": [prepared(each) for each in events],
        }
        if expected_version is not None:
            body["expected_version"] = expected_version
        if source is not None:
            body["source"] = source
        return self._transport.read(
            Call("POST", "/streams/events", body=body), Appended.model_validate
        )

    def list(
        self,
        *,
        category: str | None = None,
        prefix: str | None = None,
        source: str | None = None,
        limit: int | None = None,
    ) -> Listing[dict[str, Any]]:
        """Lists the streams of a source in the order of their ids.

        Args:
            category: The part of their ids before the first slash.
            prefix: The beginning of their ids.
            source: The service that publishes them.
            limit: How many a page holds.
        """
        query = {"category": category, "prefix": prefix, "source": source, "limit": limit}
        return Listing(self._transport, "/streams", query, dict)

    def read(
        self,
        stream_id: str,
        *,
        source: str | None = None,
        from_version: int | None = None,
        to_version: int | None = None,
        backward: bool = False,
        removed: bool = False,
        limit: int | None = None,
    ) -> Listing[StreamEvent]:
        """Reads the events of a stream in the order of their versions.

        Args:
            stream_id: The stream.
            source: The service that publishes it.
            from_version: The lowest version.
            to_version: The highest version.
            backward: Whether the highest version comes first.
            removed: Whether to read the events that were truncated or deleted as well, for an
                admin.
            limit: How many a page holds.
        """
        query = {
            "stream_id": stream_id,
            "source": source,
            "from_version": from_version,
            "to_version": to_version,
            "direction": "backward" if backward else None,
            "removed": "shown" if removed else None,
            "limit": limit,
        }
        return Listing(self._transport, "/streams/events", query, StreamEvent.model_validate)

    def state(
        self,
        stream_id: str,
        *,
        source: str | None = None,
        at_version: int | None = None,
        at_time: datetime | str | None = None,
    ) -> StreamState:
        """Reads the state of a stream, which its reducer computes from its events.

        Args:
            stream_id: The stream.
            source: The service that publishes it.
            at_version: The last version to include; None for all.
            at_time: The time of the state: later events are left out.

        Raises:
            Conflict: The reducer failed for an event; read an earlier version.
        """
        query = {
            "stream_id": stream_id,
            "source": source,
            "at_version": at_version,
            "at_time": at_time,
        }
        return self._transport.read(
            Call("GET", "/streams/state", query=query), StreamState.model_validate
        )

    def head(self, stream_id: str, *, source: str | None = None) -> dict[str, Any]:
        """Reads a stream as a whole: its version, its first and its last event.

        Raises:
            NotFound: There is no such stream.
        """
        query = {"stream_id": stream_id, "source": source}
        answer: dict[str, Any] = self._transport.send(
            Call("GET", "/streams/head", query=query)
        )
        return answer

    def truncate(
        self, stream_id: str, *, before: int, source: str | None = None
    ) -> dict[str, Any]:
        """Hides the events before a version.

        Args:
            stream_id: The stream.
            before: The lowest version that stays visible.
            source: The service that publishes it.
        """
        query = {"stream_id": stream_id, "source": source}
        answer: dict[str, Any] = self._transport.send(
            Call("PATCH", "/streams", query=query, body={"truncate_before": before})
        )
        return answer

    def delete(self, stream_id: str, *, source: str | None = None) -> None:
        """Deletes a stream: it takes no more events, and its events are hidden."""
        query = {"stream_id": stream_id, "source": source}
        self._transport.send(Call("DELETE", "/streams", query=query))
