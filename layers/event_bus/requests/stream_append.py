"""The requests to append events to a stream, and to change a stream."""

from collections.abc import Collection, Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from event_bus.errors import Fault
from event_bus.model.stream_version import MAX_VERSION
from event_bus.requests.event import EventSubmission
from event_bus.requests.expected_version import ExpectedVersion
from event_bus.requests.validation import Label, RequestModel, ServiceId, invalid

MAX_APPEND = 50
"""The most events that one request appends to a stream.

Each takes two writes, and a transaction of DynamoDB holds 100.
"""

MAX_WRITES = 100
"""The most writes of a DynamoDB transaction."""


class StreamAppend(RequestModel):
    """The request to append events to a stream, all or none.

    Attributes:
        stream_id: The stream.
        source: The service that publishes; only an admin may name another one than its own.
        expected_version: The version that the stream must have: a number, `none` if there must be
            no event, or `exists` if there must be one. Any version will do if it is left out.
        events: The events, each without `source` and `stream`.
    """

    nullable: ClassVar[Collection[str]] = ("source",)

    stream_id: Label
    source: ServiceId | None = None
    expected_version: ExpectedVersion = None
    events: Annotated[list[EventSubmission], Field(min_length=1, max_length=MAX_APPEND)]

    def submissions(self) -> Iterator[EventSubmission]:
        """Yields the events as if each were published alone.

        Raises:
            InvalidRequest: An event names a source or a stream of its own.
        """
        faults = []
        for place, event in enumerate(self.events):
            if event.source is not None:
                faults.append(
                    Fault(
                        f"/events/{place}/source",
                        "must be left out: it is named once, beside the events",
                    )
                )
            if event.stream is not None:
                said = "must be left out: stream_id beside the events names it"
                faults.append(Fault(f"/events/{place}/stream", said))
            elif event.metadata.stream_id not in (None, self.stream_id):
                said = "must be the stream_id beside the events, or left out"
                faults.append(Fault(f"/events/{place}/metadata/stream_id", said))
        if faults:
            raise invalid(faults)
        for event in self.events:
            event.metadata.stream_id = self.stream_id
            yield event.model_copy(update={"source": self.source})


class StreamChange(RequestModel):
    """The change of a stream as a whole.

    Attributes:
        truncate_before: The version before which events are hidden.
    """

    truncate_before: Annotated[int, Field(ge=1, le=MAX_VERSION)]
