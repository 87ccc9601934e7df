"""Events, as publishers send them and as the bus stores them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

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
from event_bus.model.command_types import is_command
from event_bus.model.content import Payload
from event_bus.model.expected_version import StreamMember
from event_bus.model.metadata import DEFAULT_WINDOW_MINUTES, REPLY_FOR, Metadata
from event_bus.model.sensitive import WHOLE, SensitiveFields, points_at_something
from event_bus.model.stream_name import StreamName
from event_bus.model.trace_context import TraceContext, read_traceparent
from event_bus.model.validation import (
    ServiceId,
    Time,
    checked,
    invalid,
    spelled,
)
from event_bus.transforms import payloads

MAX_PAYLOAD_BYTES = 1024 * 1024
"""The largest payload, as compact JSON in UTF-8, or in base64 if it is not JSON."""

MAX_METADATA_BYTES = 8 * 1024
"""The largest metadata, as compact JSON in UTF-8."""

INLINE_PAYLOAD_BYTES = 16 * 1024
"""Payloads up to this size are stored with the event; larger ones are in a bucket.

DynamoDB charges a write unit per KB, so above about 8 KB a put to S3 is cheaper. The limit is twice
that, because it saves reads.
"""

MAX_AHEAD_SECONDS = 300
"""How far a timestamp may be ahead of the bus's clock, in seconds.

A timestamp of the far future would lead every list, and no replay up to now would reach it.
"""

AUDIENCE = "audience"
"""The member of the metadata that names the service which an event of the bus is for."""

ABOUT = "about"
"""The member of the metadata that names the subscription which an event of the bus is about."""

BUS_DOMAIN = "eventbus"
"""The first segment of the types that the bus itself publishes."""

MAX_HOPS = 16
"""The longest chain of events that cause each other; later ones are not delivered."""


class EventSubmission(Payload):
    """An event as a publisher sends it."""

    id: (
        Annotated[
            str,
            spelled(
                r"^[A-Za-z0-9][A-Za-z0-9_:-]{0,127}$",
                "1 to 128 letters, digits, '_', ':' and '-', of which the first is a letter or a "
                "digit",
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
            said = "must have the id that metadata.stream_id has, or leave that one out"
            raise PydanticCustomError("stream", said)
        metadata.stream_id = stream.id
        return stream

    @property
    def expected_version(self) -> int | str | None:
        """The version that its stream must have; None if any will do."""
        return self.stream.expected_version if self.stream else None


@dataclass(frozen=True, slots=True)
class Origin:
    """The request that stored an event, for the audit log.

    Attributes:
        actor: The owner of the key: a service or `admin`.
        key_id: The key; None for the first admin key, and if the bus itself publishes.
        ip_address: The address of the request; None if there was none.
    """

    actor: str
    key_id: str | None = None
    ip_address: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A stored event.

    Attributes:
        id: Its identifier; one id is one event.
        type: Its dotted type.
        source: The service that published it.
        timestamp: When it happened, RFC 3339.
        payload: The payload as compact JSON, a string in base64 if it has a `content_type`; None
            if it is in the bucket and was not read.
        payload_bytes: The length of that JSON and the sealed parts.
        metadata: Its metadata.
        created_at: When the bus stored it, RFC 3339.
        digest: A hash of what the publisher sent, to recognise repeated requests.
        sealed_key: The sealed data key of the sealed parts, in base64; None if there are none.
        sealed: The sealed parts, in base64; stored with the payload.
        hidden_hops: The hop count if the publisher must not know it, because it may not see the
            cause. It ends loops, and is shown to nobody.
        origin: The request that stored it; None for the bus's own events and those of older
            versions.
        schema_version: The version of its type's schema that it is of, if the type has one.
        schema_valid: Whether the payload is valid by that schema; None if it was not checked.
        content_type: The media type of a payload that is not JSON; None for JSON.
        kept: Whether it never expires, because it belongs to a stream that is kept.
        expires_at: When it expires, in Unix seconds; None if it is kept, or was not read from the
            store.
    """

    id: str
    type: str
    source: str
    timestamp: str
    payload: bytes | None
    payload_bytes: int
    metadata: dict[str, Any]
    created_at: str
    digest: str
    sealed_key: str | None = None
    sealed: str | None = None
    hidden_hops: int = 0
    origin: Origin | None = None
    schema_version: int | None = None
    schema_valid: bool | None = None
    content_type: str | None = None
    kept: bool = False
    expires_at: int | None = field(default=None, compare=False)

    @property
    def position(self) -> str:
        """Its position in lists by time."""
        return f"{self.timestamp}#{self.id}"

    @property
    def stream(self) -> StreamName | None:
        """Its event stream, if it belongs to one."""
        stream_id = self.metadata.get("stream_id")
        return StreamName(self.source, stream_id) if stream_id else None

    @property
    def stream_version(self) -> int | None:
        """Its version in its stream; None before it is stored, and if it is in no stream."""
        return self.metadata.get("stream_version")

    @property
    def reply_for(self) -> str | None:
        """The one service that it is a reply for; None for no reply, or one for several."""
        return None if self.source == BUS_DOMAIN else self.metadata.get(REPLY_FOR)

    @property
    def audience(self) -> str | None:
        """The one service that may receive it, beside admins; None if rights alone decide."""
        if self.source == BUS_DOMAIN:
            return self.metadata.get(AUDIENCE)
        return self.reply_for

    @property
    def is_command(self) -> bool:
        """Whether it is a command, which one service handles."""
        return is_command(self.type)

    @property
    def expected_replies(self) -> int | None:
        """How many replies end it; None if it asks for none."""
        if self.is_command:
            return 1
        expected = self.metadata.get("expect_replies")
        return expected if isinstance(expected, int) else None

    @property
    def deadline(self) -> str | None:
        """The time after which the command is no longer delivered, RFC 3339."""
        if self.expected_replies is None or "deadline" not in self.metadata:
            return None
        try:
            return times.parse(self.metadata["deadline"])
        except (TypeError, ValueError):
            # It was stored before the bus read deadlines.
            return None

    @property
    def deduplication_key(self) -> str | None:
        """The deduplication key that its publisher chose."""
        return self.metadata.get("deduplication_key")

    @property
    def deduplication_window(self) -> int:
        """How many minutes the key is valid."""
        return int(self.metadata.get("deduplication_window", DEFAULT_WINDOW_MINUTES))

    @property
    def about(self) -> str | None:
        """The subscription that it is about, if it is an event of the bus about one."""
        return self.metadata.get(ABOUT) if self.source == BUS_DOMAIN else None

    @property
    def trace(self) -> TraceContext | None:
        """The step of a trace in which it was published, if known."""
        return read_traceparent(self.metadata.get("traceparent", ""))

    @property
    def shown_hops(self) -> int:
        """The hop count that everybody may see."""
        return int(self.metadata.get("hop_count", 0))

    @property
    def hop_count(self) -> int:
        """The hop count."""
        return max(self.shown_hops, self.hidden_hops)

    @property
    def inline(self) -> bool:
        """Whether the payload is stored with the event."""
        return self.payload_bytes <= INLINE_PAYLOAD_BYTES

    @property
    def json_payload(self) -> bytes | None:
        """The payload as filters and folds see it: one that is not JSON has no members."""
        return self.payload if self.content_type is None else b"{}"

    def envelope(self) -> dict[str, Any]:
        """The event as subscribers and readers see it; the payload is JSON text."""
        return {
            "id": self.id,
            "type": self.type,
            "source": self.source,
            "timestamp": self.timestamp,
            **payloads.members_of(self.payload, self.content_type),
            "metadata": self.metadata,
        }


def accept(
    submission: EventSubmission,
    source: str,
    at: str = "",
    request_trace: Mapping[str, str] | None = None,
) -> Event:
    """Creates the event of a submission.

    Args:
        submission: The payload of the publisher.
        source: The service it is published as.
        at: The JSON pointer of the submission in the request's body.
        request_trace: The step of a trace in which the request was made, as metadata; used if the
            event names none.

    Raises:
        TooLarge: The payload is over `MAX_PAYLOAD_BYTES`.
        InvalidRequest: The metadata is over `MAX_METADATA_BYTES`, the timestamp is more than
            `MAX_AHEAD_SECONDS` ahead, or a sensitive part does not exist.
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
    """The digest that a submission would have without its timestamp.

    Args:
        submission: The payload of the publisher.
        source: The service it is published as.
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
    return hashlib.sha256(json_numbers.dumps(sent, orjson.OPT_SORT_KEYS)).hexdigest()
