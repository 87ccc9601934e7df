"""Answers to publishers."""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypeAliasType, TypedDict

from event_bus.api.documents.members import Count, IdentifiedEvent, Time
from event_bus.api.documents.problems import BatchProblem, Fault


class StreamPlace(TypedDict):
    """The stream of an event, and its version there.

    Attributes:
        id: The stream.
        version: The number of the event in the stream.
    """

    id: str
    version: Annotated[int, Field(ge=1)]


class AcceptedEvent(IdentifiedEvent):
    """An event that is stored.

    Attributes:
        created_at: When the bus stored it.
    """

    created_at: Time
    stream: NotRequired[
        Annotated[
            StreamPlace,
            Field(description="Its stream and its version there, if it is in a stream."),
        ]
    ]
    deduplicated: NotRequired[
        Annotated[
            Literal[True],
            Field(description="The event is an earlier one with the same deduplication key."),
        ]
    ]
    warnings: NotRequired[
        Annotated[
            list[Fault],
            Field(description="Violations of the type's schema, if its validation only warns."),
        ]
    ]


class Appended(TypedDict):
    """Events that were appended to an event stream.

    Attributes:
        source: The service that publishes the stream.
        stream_id: The stream.
        events: The events, in the order of their versions.
    """

    source: str
    stream_id: str
    version: Annotated[int, Field(ge=1, description="The version of the last of the events.")]
    events: list[AcceptedEvent]


class AcceptedInBatch(AcceptedEvent):
    """An event of a batch that is stored: 202, or 200 if it was stored before.

    Attributes:
        status: 202, or 200 if an earlier request has stored the event.
    """

    status: Literal[200, 202]


class RefusedInBatch(TypedDict):
    """An event of a batch that was refused.

    Attributes:
        status: The status that the event would have been answered with alone.
        error: Why it was refused.
    """

    status: int
    error: BatchProblem


BatchOutcome = TypeAliasType("BatchOutcome", AcceptedInBatch | RefusedInBatch)


class BatchResult(TypedDict):
    """The results of a batch.

    Attributes:
        accepted: How many events are stored.
        refused: How many events were refused.
    """

    accepted: Count
    refused: Count
    results: Annotated[
        list[BatchOutcome], Field(description="One result for each event, in their order.")
    ]


Accepted = TypeAliasType("Accepted", AcceptedEvent | BatchResult)
