"""Events, as they are read back and as subscribers receive them."""

from typing import Annotated, Any, NotRequired, cast

from pydantic import Field, TypeAdapter, WithJsonSchema
from typing_extensions import TypeAliasType, TypedDict

from event_bus.api.documents.deliveries import Delivery, delivery_document
from event_bus.api.documents.members import Count, IdentifiedEvent, Object, Page, Time
from event_bus.model import event as model
from event_bus.paging import answered_bytes, first_that_fit
from event_bus.querying.event_finder import FoundEvent

Payload = TypeAliasType(
    "Payload", Annotated[Object, Field(description="The payload of the publisher.")]
)

ContentType = Annotated[
    str, Field(description="The media type of a payload that is not JSON; absent for JSON.")
]
PayloadBase64 = Annotated[
    str,
    Field(
        description="The bytes of a payload that is not JSON, in base64 (RFC 4648), in place of "
        "`payload`.",
        json_schema_extra={"contentEncoding": "base64"},
    ),
]


class _Metadata(TypedDict, total=False):
    correlation_id: Annotated[str, Field(description="Links events of one business process.")]
    trace_id: Annotated[str, Field(description="The trace that the event belongs to.")]
    version: Annotated[str, Field(description="The version of the schema of its type.")]
    retry_count: Annotated[Count, Field(description="A number of the publisher's own.")]
    reply_to: Annotated[str, Field(description="The type of the reply that it asks for.")]
    causation_id: Annotated[str, Field(description="The event that caused this one.")]
    hop_count: Annotated[
        int, Field(ge=0, description="The number of events in the chain of causes before this one.")
    ]
    stream_id: Annotated[str, Field(description="The stream of its source that it belongs to.")]
    stream_version: Annotated[
        int, Field(ge=1, description="Its number in its stream; the bus sets it.")
    ]
    deduplication_key: Annotated[
        str,
        Field(
            description="In a window of time, the bus stores only the first of its publisher's "
            "events with this key."
        ),
    ]
    deduplication_window: Annotated[int, Field(description="The length of the window, in minutes.")]
    traceparent: Annotated[str, Field(description="W3C Trace Context.")]
    tracestate: Annotated[str, Field(description="W3C Trace Context.")]
    deadline: Annotated[
        str, Field(description="The time, RFC 3339, after which a command is not delivered.")
    ]
    replay_id: Annotated[str, Field(description="The replay by which it is delivered.")]
    expect_replies: Annotated[int, Field(description="How many replies a request expects.")]
    reply_for: Annotated[str, Field(description="The one service that a reply is for.")]
    reply_status: Annotated[str, Field(description="What a reply reports.")]
    audience: Annotated[
        str, Field(description="The service that an event of the bus itself is for.")
    ]
    about: Annotated[
        str, Field(description="The subscription that an event of the bus itself is about.")
    ]


EventMetadata = TypeAliasType(
    "EventMetadata",
    Annotated[
        Object,
        Field(description="The metadata of the publisher, and what the bus adds."),
        WithJsonSchema(
            {
                **TypeAdapter(_Metadata).json_schema(),
                "title": "EventMetadata",
                "description": "The metadata of the publisher, and what the bus adds. Further "
                "members are strings.",
                "additionalProperties": {"type": "string"},
            }
        ),
    ],
)

MatchingLimited = Annotated[
    bool,
    Field(
        description="Whether matching reached a limit, so that it left out parts of the event, or "
        "filters."
    ),
]


class Envelope(IdentifiedEvent):
    """An event with its metadata, as everyone sees it."""

    payload: NotRequired[Payload]
    content_type: NotRequired[ContentType]
    payload_base64: NotRequired[PayloadBase64]
    metadata: EventMetadata


class DeliveredEvent(Envelope):
    """An event, as its subscriber receives it."""

    enrichment: NotRequired[
        Annotated[
            dict[str, Any],
            Field(description="What the subscription's enrichment has added, by its parts' names."),
        ]
    ]


class SchemaCheck(TypedDict):
    """The version of its type's schema against which an event was checked.

    Attributes:
        version: The number of the version.
    """

    version: int
    valid: Annotated[bool | None, Field(description="Null if validation was off.")]


class EventSummary(IdentifiedEvent):
    """An event in a list.

    Attributes:
        created_at: When the bus stored it.
    """

    payload: NotRequired[
        Annotated[Object | None, Field(description="In lists null if it is over 16 KiB.")]
    ]
    content_type: NotRequired[ContentType]
    payload_base64: NotRequired[
        Annotated[
            str | None,
            Field(
                description="The bytes of a payload that is not JSON, in base64; in lists null "
                "where it is over 16 KiB."
            ),
        ]
    ]
    payload_bytes: Annotated[
        int,
        Field(ge=0, description="The length of the payload as the bus keeps it, JSON or base64."),
    ]
    metadata: EventMetadata
    schema: Annotated[
        SchemaCheck | None,
        Field(
            description="Null if the type had no schema, or `metadata.version` named none of its "
            "versions."
        ),
    ]
    processed: Annotated[bool, Field(description="Whether the event was routed.")]
    created_at: Time


class Event(EventSummary):
    """An event, with its deliveries.

    Attributes:
        deliveries: Its deliveries that the caller may see.
        updated_at: When the event, its routing or one of its deliveries last changed.
    """

    matching_limited: MatchingLimited
    deliveries: list[Delivery]
    deliveries_complete: Annotated[
        bool,
        Field(
            description="False if the answer has no room for all of them; it then has those of "
            "the first subscriptions by identifier."
        ),
    ]
    updated_at: Time


class EventPage(Page):
    """A page of events."""

    items: list[EventSummary]


def event_summary(found: FoundEvent) -> EventSummary:
    """Returns an event as lists show it; a large payload is null there."""
    return {
        **cast("Envelope", found.event.envelope()),
        "payload_bytes": found.event.payload_bytes,
        "schema": _schema_check(found.event),
        "processed": found.routing is not None,
        "created_at": found.event.created_at,
    }


def _schema_check(event: model.Event) -> SchemaCheck | None:
    if event.schema_version is None:
        return None
    return {"version": event.schema_version, "valid": event.schema_valid}


def event_document(found: FoundEvent) -> Event:
    """Returns an event with its deliveries."""
    summary = event_summary(found)
    deliveries = sorted(
        (delivery_document(each) for each in found.all_deliveries()),
        key=lambda each: (each["subscription_id"], each["replay_id"] or ""),
    )
    shown, _ = first_that_fit(deliveries, answered_bytes(summary))
    changes = [found.event.created_at, *(each.updated_at for each in found.deliveries)]
    if found.routing:
        changes.append(found.routing.routed_at)
    return {
        **summary,
        "matching_limited": found.routing is not None and found.routing.limited,
        "deliveries": shown,
        "deliveries_complete": len(shown) == len(deliveries),
        "updated_at": max(changes),
    }
