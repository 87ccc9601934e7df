"""Reading event streams.

The id of a stream is a query parameter, since it may hold slashes: API Gateway decodes paths, so a
`%2F` in one would be a slash of the path.
"""

from event_bus.api.documents.event_streams import StreamPage, StreamState
from event_bus.api.operation import Operation
from event_bus.api.parameters import PAGING, choice, required_text, text, time, whole
from event_bus.errors import Conflict

LAST_VERSION = 10**15
"""Higher than the version of any event."""

STREAM_ID = required_text("stream_id", "The `stream_id` of the events.")
SOURCE = text(
    "source", "The service that publishes the stream: by default the key's own. Admins name it."
)
FROM_VERSION = whole(
    "from_version",
    "The lowest version to return.",
    default=1,
    minimum=1,
    maximum=LAST_VERSION,
)
TO_VERSION = whole(
    "to_version",
    "The highest version to return.",
    default=LAST_VERSION,
    minimum=1,
    maximum=LAST_VERSION,
)
AT_VERSION = whole(
    "at_version",
    "The last version that the state includes.",
    default=LAST_VERSION,
    minimum=1,
    maximum=LAST_VERSION,
)
AT_TIME = time(
    "at_time", "Leaves out every event from the first one on that was stored after this time."
)
DIRECTION = choice(
    "direction",
    "Whether the lowest or the highest versions come first.",
    ("forward", "backward"),
    default="forward",
)

READ = Operation(
    "GET /streams/events",
    name="readEventStream",
    function="events",
    scope="read",
    action="stream.read",
    tag="Event streams",
    summary="The events of an event stream in the order of their versions.",
    query=(STREAM_ID, SOURCE, FROM_VERSION, TO_VERSION, DIRECTION, *PAGING),
    answers={200: StreamPage},
)
STATE = Operation(
    "GET /streams/state",
    name="foldEventStream",
    function="events",
    scope="read",
    action="stream.read",
    tag="Event streams",
    summary="The state that the events of an event stream add up to, by the reducer.",
    query=(STREAM_ID, SOURCE, AT_VERSION, AT_TIME),
    answers={200: StreamState},
    errors=(Conflict,),
)
