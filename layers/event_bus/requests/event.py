"""Events as publishers send them."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, ClassVar

import orjson
from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from event_bus import json_numbers, times
from event_bus.errors import Fault, TooLarge
from event_bus.ids import new_id
from event_bus.matching.event_types import validate_event_type
from event_bus.model.event import MAX_AHEAD_SECONDS, Event, digest_of
from event_bus.model.sensitive import WHOLE, points_at_something
from event_bus.model.trace_context import read_traceparent
from event_bus.requests.content import Payload
from event_bus.requests.expected_version import StreamMember
from event_bus.requests.metadata import Metadata
from event_bus.requests.sensitive import SensitiveFields
from event_bus.requests.validation import ServiceId, Time, checked, invalid, spelled

MAX_PAYLOAD_BYTES = 1024 * 1024
"""The largest payload, as compact JSON in UTF-8, or in base64 if it is not JSON."""

MAX_METADATA_BYTES = 8 * 1024
"""The largest metadata, as compact JSON in UTF-8."""


class EventSubmission(Payload):
    """An event as a publisher sends it.

    Attributes:
        id: The id of the event; by default the bus makes one.
        type: The event type.
        source: The service that publishes; only an admin may name another one than its own.
        timestamp: When it happened, RFC 3339; by default now.
        metadata: What describes the event beside its payload.
        sensitive: The parts of the payload to seal, as JSON pointers; true for all of it.
        stream: The stream to which the event is appended.
    """

    nullable: ClassVar[Collection[str]] = (
        "id",
        "source",
        "timestamp",
        "payload",
        "payload_base64",
        "content_type",
    )

    id: (
        Annotated[
            str,
            spelled(
                r"^[A-Za-z0-9][A-Za-z0-9_:-]{0,127}$",
                "1 to 128 letters, digits, '_', ':' and '-', beginning with a letter or a digit",
            ),
        ]
        | None
    ) = None
    type: Annotated[str, AfterValidator(checked(validate_event_type))]
    source: ServiceId | None = None
    timestamp: Time | None = None
    metadata: Metadata = Field(default_factory=Metadata)
    sensitive: SensitiveFields = Field(default_factory=list)
    stream: StreamMember | None = None

    @field_validator("stream")
    @classmethod
    def _one_stream(cls, stream: Any, info: ValidationInfo) -> Any:
        if stream is None:
            raise PydanticCustomError("null", "must not be null; leave it out instead")
        metadata = info.data.get("metadata")
        if metadata is None:
            return stream
        if metadata.stream_id not in (None, stream.id):
            said = "must be the same as metadata.stream_id, or metadata.stream_id must be left out"
            raise PydanticCustomError("stream", said)
        metadata.stream_id = stream.id
        return stream

    @property
    def expected_version(self) -> int | str | None:
        """The version that its stream must have; None if any will do."""
        return self.stream.expected_version if self.stream else None


def accept(
    submission: EventSubmission,
    source: str,
    at: str = "",
    request_trace: Mapping[str, str] | None = None,
) -> Event:
    """Makes an event from what its publisher sent.

    Args:
        submission: The event as its publisher sent it.
        source: The service in whose name it is published.
        at: The JSON pointer of the submission in the request's body.
        request_trace: The step of a trace in which the request was made, as metadata; used if the
            event names none.

    Raises:
        TooLarge: The payload is over `MAX_PAYLOAD_BYTES`.
        InvalidRequest: The metadata is over `MAX_METADATA_BYTES`, the timestamp is more than
            `MAX_AHEAD_SECONDS` in the future, or the payload lacks a sensitive part.
    """
    payload = json_numbers.dumps(submission.kept_payload)
    _check_size(submission, payload, at)
    metadata = submission.metadata.model_dump(exclude_unset=True)
    if len(orjson.dumps(metadata)) > MAX_METADATA_BYTES:
        raise invalid(
            [Fault(f"{at}/metadata", f"must have at most {MAX_METADATA_BYTES} bytes as JSON")]
        )
    # Otherwise a misspelt name would expose what it was meant to protect.
    missing = [
        Fault(f"{at}/sensitive/{place}", f"leads to nothing in the payload: {each}")
        for place, each in enumerate(submission.sensitive)
        if each != WHOLE and not points_at_something(submission.payload or {}, each)
    ]
    if missing:
        raise invalid(missing)
    now = times.now()
    if submission.timestamp and submission.timestamp > times.after(MAX_AHEAD_SECONDS):
        said = f"must be at most {MAX_AHEAD_SECONDS} s ahead of the bus's clock, which says {now}"
        raise invalid([Fault(f"{at}/timestamp", said)])
    return Event(
        id=submission.id or new_id("evt"),
        type=submission.type,
        source=source,
        timestamp=submission.timestamp or now,
        payload=payload,
        payload_bytes=len(payload),
        metadata=_traced(metadata, request_trace or {}),
        created_at=now,
        digest=_digest(submission, source, metadata),
        content_type=submission.kept_content_type,
    )


def _check_size(submission: EventSubmission, payload: bytes, at: str) -> None:
    name, form = "payload", "as JSON"
    size = len(payload)
    if submission.payload_base64 is not None:
        # Without the quotes of the JSON string.
        name, form, size = "payload_base64", "in base64", size - 2
    if size > MAX_PAYLOAD_BYTES:
        raise TooLarge(
            f"The payload has {size} bytes {form}; the limit is {MAX_PAYLOAD_BYTES}.",
            [Fault(f"{at}/{name}", f"must have at most {MAX_PAYLOAD_BYTES} bytes {form}")],
        )


def untimed_digest(submission: EventSubmission, source: str) -> str:
    """Returns the digest that a submission would have without its timestamp.

    Args:
        submission: The event as its publisher sent it.
        source: The service in whose name it is published.
    """
    metadata = submission.metadata.model_dump(exclude_unset=True)
    return _digest(submission.model_copy(update={"timestamp": None}), source, metadata)


def _traced(metadata: dict[str, Any], request_trace: Mapping[str, str]) -> dict[str, Any]:
    if "traceparent" not in metadata:
        metadata = {**metadata, **request_trace}
    context = read_traceparent(metadata.get("traceparent", ""))
    return {"trace_id": context.trace_id, **metadata} if context else metadata


def _digest(submission: EventSubmission, source: str, metadata: dict[str, Any]) -> str:
    # The digest covers only what was sent. A repeated request without a timestamp gets another
    # time, and a client that traces its requests makes each a new step.
    sent = {
        "type": submission.type,
        "source": source,
        "timestamp": submission.timestamp,
        "payload": submission.kept_payload,
        "metadata": metadata,
    }
    if submission.kept_content_type:
        sent["content_type"] = submission.kept_content_type
    return digest_of(sent)
