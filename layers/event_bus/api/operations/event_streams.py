"""Event streams: reading, truncating and deleting.

The id of a stream is a query parameter, since it may hold slashes: API Gateway decodes paths, so a
`%2F` in one would be a slash of the path.
"""

from event_bus.api.documents.event_streams import StreamHead, StreamList, StreamPage, StreamState
from event_bus.api.operation import Operation
from event_bus.api.parameters import (
    PAGING,
    PAGING_BY_NAME,
    choice,
    required_text,
    service,
    text,
    time,
    whole,
)
from event_bus.errors import Conflict, InvalidRequest, NotFound
from event_bus.model.names import MAX_LABEL_CHARACTERS
from event_bus.model.stream_version import MAX_VERSION
from event_bus.requests.stream_append import StreamChange

STREAM_ID = required_text("stream_id", "The `stream_id` of the events.", MAX_LABEL_CHARACTERS)
SOURCE = service(
    "source", "The service that publishes the stream: by default the key's own. Admins name it."
)
FROM_VERSION = whole(
    "from_version",
    "The lowest version to return.",
    default=1,
    minimum=1,
    maximum=MAX_VERSION,
)
TO_VERSION = whole(
    "to_version",
    "The highest version to return.",
    default=MAX_VERSION,
    minimum=1,
    maximum=MAX_VERSION,
)
AT_VERSION = whole(
    "at_version",
    "The last version that the state includes.",
    default=MAX_VERSION,
    minimum=1,
    maximum=MAX_VERSION,
)
AT_TIME = time("at_time", "The time of the state: it includes no event that was stored later.")
REMOVED = choice(
    "removed",
    "Whether to include events that a truncation or deletion hides (admin).",
    ("hidden", "shown"),
    default="hidden",
)
CATEGORY = text("category", "The part of their ids before the first slash.", MAX_LABEL_CHARACTERS)
PREFIX = text("prefix", "The prefix of their ids.", MAX_LABEL_CHARACTERS)
DIRECTION = choice(
    "direction",
    "Whether the lowest or the highest versions come first.",
    ("forward", "backward"),
    default="forward",
)

LIST = Operation(
    "GET /streams",
    name="listEventStreams",
    function="events",
    scope="read",
    action="stream.list",
    tag="Event streams",
    summary="The event streams of a source in the order of their ids.",
    query=(SOURCE, CATEGORY, PREFIX, *PAGING_BY_NAME),
    answers={200: StreamList},
)
HEAD = Operation(
    "GET /streams/head",
    name="getEventStream",
    function="events",
    scope="read",
    action="stream.read",
    tag="Event streams",
    summary="An event stream as a whole: its version, its first and its last event.",
    query=(STREAM_ID, SOURCE),
    answers={200: StreamHead},
    errors=(NotFound,),
)
CHANGE = Operation(
    "PATCH /streams",
    name="truncateEventStream",
    function="events",
    scope="manage",
    action="stream.change",
    tag="Event streams",
    summary="Hide the events of an event stream before a version.",
    query=(STREAM_ID, SOURCE),
    body=StreamChange,
    answers={200: StreamHead},
    errors=(NotFound, Conflict, InvalidRequest),
)
DELETE = Operation(
    "DELETE /streams",
    name="deleteEventStream",
    function="events",
    scope="manage",
    action="stream.delete",
    tag="Event streams",
    summary="End an event stream: it accepts no more events, and its events are hidden.",
    query=(STREAM_ID, SOURCE),
    answers={204: None},
    errors=(NotFound, Conflict),
)
READ = Operation(
    "GET /streams/events",
    name="readEventStream",
    function="events",
    scope="read",
    action="stream.read",
    tag="Event streams",
    summary="The events of an event stream in the order of their versions.",
    query=(STREAM_ID, SOURCE, FROM_VERSION, TO_VERSION, DIRECTION, REMOVED, *PAGING),
    answers={200: StreamPage},
)
STATE = Operation(
    "GET /streams/state",
    name="foldEventStream",
    function="events",
    scope="read",
    action="stream.read",
    tag="Event streams",
    summary="The state of an event stream, computed by its reducer.",
    query=(STREAM_ID, SOURCE, AT_VERSION, AT_TIME),
    answers={200: StreamState},
    errors=(Conflict, InvalidRequest),
)
