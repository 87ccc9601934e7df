"""Truncating and deleting event streams."""

from dataclasses import dataclass

from event_bus.access.callers import Caller, other_service
from event_bus.conflicts import attempts
from event_bus.errors import Conflict, InvalidRequest, NotFound
from event_bus.model.stream_name import StreamName
from event_bus.stores.refusals import Outdated
from event_bus.stores.streams import StreamEnd, StreamStore


@dataclass(frozen=True, slots=True)
class StreamChanges:
    """Changes streams as a whole: those of a service by itself, all by an admin.

    Attributes:
        streams: The streams.
    """

    streams: StreamStore

    def truncate(self, stream: StreamName, version: int, caller: Caller) -> None:
        """Hides the events before a version from readers.

        Raises:
            Forbidden: The stream belongs to another service.
            NotFound: The stream has no events.
            InvalidRequest: The version is higher than the one that the next event will have.
            Conflict: The stream was deleted.
        """
        end = self._end(stream, caller)
        if end.deleted:
            raise Conflict(f"The stream {stream.stream_id} was deleted.")
        if version > end.version + 1:
            detail = f"must be at most {end.version + 1}: the last event has version {end.version}"
            raise InvalidRequest.at("/truncate_before", detail)
        self.streams.truncate(stream, version)

    def delete(self, stream: StreamName, caller: Caller) -> None:
        """Ends a stream: it accepts no more events, and readers see none of it.

        A repeated request finds the stream deleted, and changes nothing.

        Raises:
            Forbidden: The stream belongs to another service.
            NotFound: The stream has no events.
            Conflict: Events were appended in every attempt.
        """
        for _ in attempts():
            end = self._end(stream, caller)
            if end.deleted:
                return
            try:
                self.streams.delete(stream, end.version)
            except Outdated:
                continue
            return
        raise Conflict("Events are being appended to the stream; send the request again.")

    def _end(self, stream: StreamName, caller: Caller) -> StreamEnd:
        if not caller.admin and caller.service_id != stream.source:
            raise other_service("source", caller)
        end = self.streams.end(stream)
        if end == StreamEnd(0):
            raise NotFound(f"There is no stream {stream.stream_id} of {stream.source}.")
        return end
