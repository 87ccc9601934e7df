"""Event streams, as they are read back."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from event_bus.api.documents.events import EventSummary, event_summary
from event_bus.api.documents.members import Count, Object, Page, Time
from event_bus.model.reducer import ReducerType
from event_bus.querying import stream_finder
from event_bus.querying.event_finder import FoundEvent
from event_bus.states import state_reader

Version = Annotated[int, Field(ge=1, description="The number of the event in its stream.")]


Category = Annotated[str, Field(description="The part of its id before the first slash.")]
TruncateBefore = Annotated[
    int | None, Field(description="The version before which its events are hidden, if any.")
]
DeletedAt = Annotated[Time | None, Field(description="When it was deleted, if it was.")]


class StreamEvent(TypedDict):
    """An event in its stream.

    Attributes:
        event: The event, as in a list of events.
    """

    version: Version
    event: EventSummary


class StreamSummary(TypedDict):
    """An event stream in a list.

    Attributes:
        source: The service that publishes the stream.
        stream_id: The stream.
    """

    source: str
    stream_id: str
    category: Category
    first_at: Annotated[
        Time | None,
        Field(description="When its first event was stored; null if that is not known."),
    ]
    truncate_before: TruncateBefore
    deleted_at: DeletedAt


class StreamList(Page):
    """A page of event streams."""

    items: list[StreamSummary]


class StreamHead(TypedDict):
    """An event stream as a whole.

    Attributes:
        source: The service that publishes the stream.
        stream_id: The stream.
    """

    source: str
    stream_id: str
    category: Category
    version: Annotated[int, Field(ge=1, description="The version of its last event.")]
    first_at: Annotated[Time, Field(description="When its first event was stored.")]
    last_at: Annotated[Time, Field(description="When its last event was stored.")]
    truncate_before: TruncateBefore
    deleted_at: DeletedAt


class StreamPage(Page):
    """A page of an event stream."""

    items: list[StreamEvent]


class StateReducer(TypedDict):
    """The reducer that made a state.

    Attributes:
        type: How the reducer computes a state.
    """

    type: ReducerType
    version: Annotated[
        int, Field(ge=0, description="Its version; 0 if the category has no registered reducer.")
    ]


class StreamState(TypedDict):
    """The state of an event stream.

    Attributes:
        source: The service that publishes the stream.
        stream_id: The stream.
        reducer: The reducer that computed the state.
    """

    source: str
    stream_id: str
    version: Annotated[
        int,
        Field(
            ge=0,
            description="The last version that was folded or is missing; 0 in an empty stream. For "
            "readers other than the publisher and admins, the version of the last event that their "
            "key may see, or 0.",
        ),
    ]
    events: Annotated[Count, Field(description="How many events were folded.")]
    complete: Annotated[
        bool,
        Field(
            description="Whether every event up to `version` was folded. Events are missing after "
            "their retention has ended or a truncation, and where the key may not see them."
        ),
    ]
    reducer: StateReducer
    snapshot_version: Annotated[
        int | None,
        Field(
            description="The version of the snapshot that the fold began with; null if it began "
            "with the first event."
        ),
    ]
    state: Annotated[Object, Field(description="The state.")]


def head_document(head: stream_finder.StreamHead) -> StreamHead:
    """Returns an event stream as a whole."""
    return {
        "source": head.name.source,
        "stream_id": head.name.stream_id,
        "category": head.name.category,
        "version": head.last.version,
        "first_at": head.first.created_at,
        "last_at": head.last.created_at,
        "truncate_before": head.marks.truncate_before or None,
        "deleted_at": head.marks.deleted_at,
    }


def summary_document(summary: stream_finder.StreamSummary) -> StreamSummary:
    """Returns an event stream in a list."""
    name, first = summary.listed.name, summary.listed.first
    return {
        "source": name.source,
        "stream_id": name.stream_id,
        "category": name.category,
        "first_at": first.created_at if first.version == 1 else None,
        "truncate_before": summary.marks.truncate_before or None,
        "deleted_at": summary.marks.deleted_at,
    }


def stream_event(version: int, found: FoundEvent) -> StreamEvent:
    """Returns an event in its stream, as lists show it."""
    return {"version": version, "event": event_summary(found)}


def state_document(found: state_reader.StreamState) -> StreamState:
    """Returns a state."""
    return {
        "source": found.stream.source,
        "stream_id": found.stream.stream_id,
        "version": found.version,
        "events": found.events,
        "complete": found.events == found.version,
        "reducer": {"type": found.reducer.effective.type, "version": found.reducer.number},
        "snapshot_version": found.snapshot_version,
        "state": found.state,
    }
