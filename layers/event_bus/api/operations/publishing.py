"""Publishing events."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypeAliasType

from event_bus.api.documents.publishing import Accepted, AcceptedEvent, Appended, BatchResult
from event_bus.api.operation import Operation
from event_bus.api.parameters import flag
from event_bus.errors import Conflict
from event_bus.publishing.intake import MAX_BATCH
from event_bus.requests.event import EventSubmission
from event_bus.requests.stream_append import MAX_APPEND, StreamAppend

EventBatch = TypeAliasType(
    "EventBatch", Annotated[list[EventSubmission], Field(min_length=1, max_length=MAX_BATCH)]
)
Publication = TypeAliasType("Publication", EventSubmission | EventBatch)

REQUIRE_HANDLER = flag(
    "require_handler", "Whether to refuse a command (`command.*`) that no subscription handles."
)

PUBLISH = Operation(
    "POST /events",
    name="publishEvents",
    function="publish",
    scope="publish",
    action="event.publish",
    # Accepted events reach the audit log from the table stream.
    audited=False,
    tag="Events",
    summary=f"Publish an event, or up to {MAX_BATCH} in an array; each is stored or refused by "
    f"itself.",
    query=(REQUIRE_HANDLER,),
    body=Publication,
    answers={200: AcceptedEvent, 202: Accepted, 207: BatchResult},
    errors=(Conflict,),
)
APPEND = Operation(
    "POST /streams/events",
    name="appendToEventStream",
    function="publish",
    scope="publish",
    action="event.publish",
    # Accepted events reach the audit log from the table stream.
    audited=False,
    tag="Event streams",
    summary=f"Append 1 to {MAX_APPEND} events to an event stream: all of them or none.",
    body=StreamAppend,
    answers={200: Appended, 202: Appended},
    errors=(Conflict,),
)
