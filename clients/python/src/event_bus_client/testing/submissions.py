"""Reads events that are sent to the bus in memory."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from event_bus_client._bus.matching.errors import InvalidEventTypeError
from event_bus_client._bus.matching.event_types import validate_event_type
from event_bus_client._bus.model.command_types import is_command
from event_bus_client.models import NewEvent
from event_bus_client.publishing import new_id
from event_bus_client.testing.problems import refused
from event_bus_client.times import now

Document = dict[str, Any]

PAYLOAD = ("payload", "payload_base64", "content_type")
_MEMBERS = NewEvent.model_fields.keys() | {"payload_base64"}
_MOST_REPLIES = 50
_TIME: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


@dataclass(frozen=True)
class Submission:
    """An event that is not stored yet.

    Attributes:
        event: The event as the API shows it, without its version.
        content: The content by which a repeated request is recognised.
        expected_version: The version that its stream must have; None if any will do.
    """

    event: Document
    content: Document
    expected_version: int | str | None

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.event["id"])


def submission(body: Any, source: str, at: str = "") -> Submission:
    """Reads an event.

    Args:
        body: What was sent.
        source: The service that publishes it, unless it names one.
        at: The JSON pointer of the event in the request.

    Raises:
        InvalidRequest: It is not valid.
    """
    if not isinstance(body, dict):
        raise refused((at, "must be an object"))
    try:
        validate_event_type(body.get("type"))
    except InvalidEventTypeError as error:
        raise refused((f"{at}/type", error.detail)) from None
    if "payload_base64" not in body and not isinstance(body.get("payload"), dict):
        raise refused((f"{at}/payload", "must be an object"))
    if unknown := body.keys() - _MEMBERS:
        raise refused((f"{at}/{min(unknown)}", "is unknown"))
    # What is sent passes through JSON, as on its way to a bus.
    sent: Document = json.loads(json.dumps(body))
    stream = sent.get("stream") or {}
    metadata: Document = dict(sent.get("metadata") or {})
    if "id" in stream:
        metadata["stream_id"] = stream["id"]
    _check_command(str(sent["type"]), metadata, at)
    named: Document = {
        name: sent[name] for name in ("type", "timestamp", "sensitive") if name in sent
    }
    content: Document = {**named, "source": sent.get("source") or source, "metadata": metadata}
    content |= {name: sent[name] for name in PAYLOAD if name in sent}
    at_once = now()
    event = {
        "id": sent.get("id") or new_id(),
        "type": sent["type"],
        "source": content["source"],
        "timestamp": sent.get("timestamp") or at_once,
        **{name: sent[name] for name in PAYLOAD if name in sent},
        "metadata": metadata,
        "created_at": at_once,
    }
    return Submission(event, content, stream.get("expected_version"))


def envelope(event: Mapping[str, Any]) -> Document:
    """Returns an event as its subscribers see it."""
    return {name: value for name, value in event.items() if name != "created_at"}


def expected_replies(event: Mapping[str, Any]) -> int | None:
    """Returns how many replies end a command or a request; None for other events."""
    if is_command(event["type"]):
        return 1
    expected = event["metadata"].get("expect_replies")
    return expected if isinstance(expected, int) else None


def deadline(event: Mapping[str, Any]) -> datetime | None:
    """Returns when a command or a request expires; None for never."""
    text = event["metadata"].get("deadline")
    return None if text is None or expected_replies(event) is None else _TIME.validate_python(text)


def _check_command(event_type: str, metadata: Document, at: str) -> None:
    expected, ends = metadata.get("expect_replies"), metadata.get("deadline")
    if expected is not None and not (isinstance(expected, int) and 0 < expected <= _MOST_REPLIES):
        detail = f"must be a whole number from 1 to {_MOST_REPLIES}"
        raise refused((f"{at}/metadata/expect_replies", detail))
    if is_command(event_type) and expected not in (None, 1):
        detail = "must be 1 or left out: a command has one handler, which replies once"
        raise refused((f"{at}/metadata/expect_replies", detail))
    if ends is None:
        if (expected or 1) > 1:
            detail = "is required where several replies are expected: they are collected until then"
            raise refused((f"{at}/metadata/deadline", detail))
        return
    try:
        _TIME.validate_python(ends)
    except ValidationError:
        detail = "must be an RFC 3339 time with an offset, such as 2026-05-01T12:00:00.000Z"
        raise refused((f"{at}/metadata/deadline", detail)) from None
