"""Events, as the bus stores them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from event_bus import json_numbers, times
from event_bus.model.command_types import is_command
from event_bus.model.metadata_members import DEFAULT_WINDOW_MINUTES, REPLY_FOR
from event_bus.model.stream_name import StreamName
from event_bus.model.trace_context import TraceContext, read_traceparent
from event_bus.transforms import payloads

INLINE_PAYLOAD_BYTES = 16 * 1024
"""Payloads up to this size are stored with the event; larger ones are in a bucket.

DynamoDB charges a write unit per KB, so above about 8 KB a put to S3 is cheaper. The limit is twice
that, because it saves reads.
"""

MAX_AHEAD_SECONDS = 300
"""How far a timestamp may be ahead of the bus's clock, in seconds.

A timestamp of the far future would lead every list, and no replay up to now would reach it.
"""

_CLOCKS_DIFFER_SECONDS = 60
"""A record belongs to a former event if its time is so much earlier than that at which the present
event was stored, in seconds. The clocks of functions differ by less.
"""

AUDIENCE = "audience"
"""The member of the metadata that names the service which an event of the bus is for."""

ABOUT = "about"
"""The member of the metadata that names the subscription which an event of the bus is about."""

BUS_DOMAIN = "eventbus"
"""The first segment of the types that the bus itself publishes."""

UNREADABLE = "event_unreadable"
"""The error code of an event that is stored, but cannot be read."""

UNREADABLE_DETAIL = "the event is stored, but cannot be read"
"""The error in a sentence."""

MAX_HOPS = 16
"""The longest chain of events that cause each other; later ones are not delivered."""


@dataclass(frozen=True, slots=True)
class EventOrigin:
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
        payload_bytes: The length of that JSON and the sealed parts, in bytes.
        metadata: Its metadata.
        created_at: When the bus stored it, RFC 3339.
        digest: A hash of what the publisher sent, to recognise repeated requests.
        sealed_key: The sealed data key of the sealed parts, in base64; None if there are none.
        sealed: The sealed parts, in base64; stored with the payload.
        hidden_hops: The hop count if the publisher must not know it, because it may not see the
            cause. The router uses it to end loops, and nobody sees it.
        origin: The request that stored it; None for the bus's own events and those of older
            versions.
        schema_version: The schema version that its payload follows, if its type has a schema.
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
    origin: EventOrigin | None = None
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
        """The one service that this reply is for; None if it is no reply or for several."""
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
        """Returns the event as subscribers and readers see it; the payload is JSON text."""
        return {
            "id": self.id,
            "type": self.type,
            "source": self.source,
            "timestamp": self.timestamp,
            **payloads.members_of(self.payload, self.content_type),
            "metadata": self.metadata,
        }


def digest_of(sent: Mapping[str, Any]) -> str:
    """Returns the hash of what a publisher sent.

    Args:
        sent: The members that it sent.
    """
    return hashlib.sha256(json_numbers.dumps(sent, orjson.OPT_SORT_KEYS)).hexdigest()


def is_former(stored_at: str, event_stored_at: str) -> bool:
    """Returns whether a record belongs to a former event with the id of its event.

    An id may be used again when its event has expired. A delivery expires later than its event.

    Args:
        stored_at: When the event of the record was stored, or a later time from the record, such
            as that of its routing, RFC 3339; empty if it is not known.
        event_stored_at: When the present event was stored, RFC 3339; empty if that is not known.
    """
    return bool(stored_at and event_stored_at) and stored_at < former_until(event_stored_at)


def former_until(stored_at: str) -> str:
    """Returns the time before which a record must date to belong to a former event.

    Args:
        stored_at: When the event was stored, RFC 3339.
    """
    return times.at(times.seconds(stored_at) - _CLOCKS_DIFFER_SECONDS)
