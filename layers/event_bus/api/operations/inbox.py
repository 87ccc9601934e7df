"""Fetching events from inboxes: by pulling, and as Server-Sent Events."""

from event_bus.api.documents.inbox import FetchedEvents, StreamToken
from event_bus.api.operation import Operation
from event_bus.api.parameters import LIMIT, Header, Parameter, text, type_patterns, whole
from event_bus.errors import Conflict, NotFound
from event_bus.inbox.sse_format import MEDIA_TYPE
from event_bus.requests.fetching import (
    LEASE_SECONDS,
    MAX_LEASE_SECONDS,
    MAX_WAIT_SECONDS,
    SSE_WAIT_SECONDS,
    Acknowledgement,
)

_MAX_PLACE = 10**15 - 1


def _place(description: str) -> Parameter[int]:
    number = whole("cursor", description, default=0, minimum=0, maximum=_MAX_PLACE)
    return Parameter(
        number.name, description, number.read, {"type": "string", "pattern": "^[0-9]{1,15}$"}
    )


PLACE = _place(
    "Read after this place, without a lease; it must not be beyond the end of the inbox."
)
WAIT = whole(
    "wait",
    "The longest wait for the first event, in seconds.",
    default=0,
    minimum=0,
    maximum=MAX_WAIT_SECONDS,
)
LEASE = whole(
    "lease",
    "The duration of the lease, in seconds from the answer on.",
    default=LEASE_SECONDS,
    minimum=1,
    maximum=MAX_LEASE_SECONDS,
)
TOKEN = text("token", "A token, for a browser that cannot send a key.")
SSE_WAIT = whole(
    "wait",
    "The longest wait for the first event, in seconds.",
    default=SSE_WAIT_SECONDS,
    minimum=0,
    maximum=SSE_WAIT_SECONDS,
)
STREAM_PLACE = _place(
    "Where to begin without Last-Event-ID. If the place is beyond the end of the inbox, the answer "
    "begins with `eventbus.stream.reset`, and new events follow."
)
TYPES = type_patterns("types", "Event types or patterns, with commas between.")
LISTENER_CURSOR = text("cursor", "The last id, if Last-Event-ID is not sent.")
LAST_EVENT_ID = Header(
    "Last-Event-ID",
    "The id of the last event received; the answer continues after it.",
    {"type": "string"},
)

FETCH = Operation(
    "GET /subscriptions/{id}/events",
    name="fetchEvents",
    function="inbox",
    scope="receive",
    action="inbox.read",
    tag="Receiving",
    summary="Take the next events of an inbox under a lease, or read the events after a cursor.",
    query=(PLACE, LIMIT, WAIT, LEASE),
    head=False,
    answers={200: FetchedEvents},
    errors=(NotFound, Conflict),
)
ACKNOWLEDGE = Operation(
    "POST /subscriptions/{id}/ack",
    name="acknowledgeEvents",
    function="inbox",
    scope="receive",
    action="inbox.acknowledge",
    # It is part of receiving.
    audited=False,
    tag="Receiving",
    summary="Acknowledge what a lease covers, up to a place; extend the lease for the rest.",
    body=Acknowledgement,
    answers={204: None},
    errors=(NotFound, Conflict),
)
STREAM = Operation(
    "GET /subscriptions/{id}/stream",
    name="streamEvents",
    function="inbox",
    scope="receive",
    tokens=True,
    action="inbox.read",
    tag="Receiving",
    summary="Follow an inbox as Server-Sent Events, in answers that each wait for up to "
    f"{SSE_WAIT_SECONDS} seconds.",
    query=(TOKEN, SSE_WAIT, STREAM_PLACE),
    headers=(LAST_EVENT_ID,),
    head=False,
    answers={200: {MEDIA_TYPE: str}},
    errors=(NotFound, Conflict),
)
CREATE_TOKEN = Operation(
    "POST /subscriptions/{id}/stream-tokens",
    name="createStreamToken",
    function="inbox",
    scope="receive",
    action="stream_token.create",
    tag="Receiving",
    summary="Make a token by which a browser follows the inbox for an hour.",
    answers={201: StreamToken},
    errors=(NotFound, Conflict),
)
LISTEN = Operation(
    "GET /stream",
    name="listen",
    function="inbox",
    scope="receive",
    tokens=True,
    action="inbox.read",
    tag="Receiving",
    summary="Listen to event types as Server-Sent Events, without a subscription of one's own.",
    query=(TYPES, TOKEN, SSE_WAIT, LISTENER_CURSOR),
    headers=(LAST_EVENT_ID,),
    head=False,
    answers={200: {MEDIA_TYPE: str}},
    errors=(Conflict,),
)
CREATE_LISTENER_TOKEN = Operation(
    "POST /stream-tokens",
    name="createListenerToken",
    function="inbox",
    scope="receive",
    action="stream_token.create",
    tag="Receiving",
    summary="Make a token by which a browser listens in the service's name for an hour.",
    answers={201: StreamToken},
)
