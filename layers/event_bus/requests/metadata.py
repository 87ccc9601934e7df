"""The metadata of an event, as a publisher sends it."""

from collections.abc import Collection
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from event_bus.model.metadata_members import MAX_WINDOW_MINUTES, REPLY_FOR, REPLY_STATUS
from event_bus.model.trace_context import TRACESTATE, read_traceparent
from event_bus.requests.validation import Label, RequestModel, checked, only_with, spelled

MAX_EXPECTED_REPLIES = 50
"""How many replies a request may expect."""

_OWN_METADATA = frozenset({"stream_version", "replay_id", REPLY_FOR, REPLY_STATUS})
"""Metadata that the bus sets; ignored in what publishers send."""


def _check_traceparent(text: str) -> None:
    if read_traceparent(text) is None:
        raise ValueError("must be a traceparent of W3C Trace Context")


class Metadata(RequestModel):
    """The metadata of an event. Other members hold strings.

    `deadline` of a command is the time, RFC 3339, after which it is not delivered any more.

    Attributes:
        correlation_id: A text that events share because they belong together.
        trace_id: The trace that the event belongs to.
        version: The version of the schema of its type.
        retry_count: A number of the publisher's own.
        reply_to: The event type of the replies that the event asks for.
        causation_id: The id of the event that caused this one.
        expect_replies: How many replies the event asks for; 1 for a command.
        hop_count: The number of events in the chain of causes before this one; the bus sets it if
            there is a cause.
        stream_id: The stream of the event, if `stream` does not name it.
        deduplication_key: In a window of time, the bus stores only the first of the publisher's
            events with this key.
        deduplication_window: The length of the window, in minutes; by default 5.
        traceparent: The step of a trace (W3C Trace Context); by default that of the request's
            headers.
        tracestate: The state of that trace (W3C Trace Context).
    """

    model_config = ConfigDict(extra="allow", strict=True)
    nullable: ClassVar[Collection[str]] = ()
    __pydantic_extra__: dict[str, Annotated[str, Field(max_length=1024)]] = Field(init=False)

    correlation_id: Label | None = None
    trace_id: Label | None = None
    version: Label | None = None
    retry_count: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    reply_to: Label | None = None
    causation_id: Label | None = None
    expect_replies: Annotated[int, Field(ge=1, le=MAX_EXPECTED_REPLIES)] | None = None
    hop_count: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    stream_id: Label | None = None
    deduplication_key: Label | None = None
    deduplication_window: Annotated[int, Field(ge=1, le=MAX_WINDOW_MINUTES)] | None = None
    traceparent: Annotated[str, AfterValidator(checked(_check_traceparent))] | None = None
    tracestate: (
        Annotated[
            str,
            spelled(
                TRACESTATE, "a tracestate of W3C Trace Context: 1 to 512 printable ASCII characters"
            ),
        ]
        | None
    ) = None

    @model_validator(mode="before")
    @classmethod
    def _without_the_bus_own(cls, value: Any) -> Any:
        # A consumer may pass on the metadata of an event; these members describe only that event.
        if isinstance(value, dict):
            return {name: each for name, each in value.items() if name not in _OWN_METADATA}
        return value

    @field_validator("deduplication_window")
    @classmethod
    def _has_a_key(cls, window: Any, info: ValidationInfo) -> Any:
        return only_with(window, info, "deduplication_key")

    @field_validator("*", mode="before")
    @classmethod
    def _present(cls, value: Any) -> Any:
        if value is None:
            raise PydanticCustomError("null", "must not be null; leave it out instead")
        return value
