"""Event streams, as they are read back."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from event_bus.api.documents.events import EventSummary, event_summary
from event_bus.api.documents.members import Count, Object, Page
from event_bus.querying.event_finder import Found
from event_bus.querying.stream_reader import Folded

Version = Annotated[int, Field(ge=0, description="The place of an event in its stream, from 1 on.")]


class StreamEvent(TypedDict):
    """An event in its stream."""

    version: Version
    event: EventSummary


class StreamPage(Page):
    """A page of an event stream."""

    items: list[StreamEvent]


class StreamState(TypedDict):
    """What the payloads of an event stream add up to."""

    source: str
    stream_id: str
    version: Annotated[
        int,
        Field(ge=0, description="The last version that was merged; 0 in an empty stream."),
    ]
    events: Annotated[Count, Field(description="How many events were merged.")]
    complete: Annotated[
        bool,
        Field(
            description="Whether every event up to `version` was merged. Events are missing after "
            "their retention has ended, and where the key may not see them."
        ),
    ]
    state: Annotated[
        Object, Field(description="The payloads, merged in order as JSON Merge Patches (RFC 7396).")
    ]


def stream_event(version: int, found: Found) -> StreamEvent:
    """An event in its stream, as lists show it."""
    return {"version": version, "event": event_summary(found)}


def state_document(folded: Folded) -> StreamState:
    """A state."""
    return {
        "source": folded.stream.source,
        "stream_id": folded.stream.stream_id,
        "version": folded.version,
        "events": folded.events,
        "complete": folded.events == folded.version,
        "state": folded.state,
    }
