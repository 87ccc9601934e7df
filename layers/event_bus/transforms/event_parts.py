"""An event on its way to one subscription, as transforms see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from event_bus import json_numbers
from event_bus.transforms import payloads


@dataclass(slots=True)
class EventParts:
    """An event on its way to one subscription.

    Attributes:
        envelope: The event as its subscriber sees it, without its payload.
        payload: The payload as JSON, opened or with its markers; a string in base64 if it has a
            `content_type`.
        stored_at: When the bus stored it, RFC 3339.
        subscription_id: The subscription.
        subscription_name: Its name.
        content_type: The media type of a payload that is not JSON; None for JSON.
        enrichment: What was added to the event, as a JSON object; None for nothing.
    """

    envelope: Mapping[str, Any]
    payload: bytes
    stored_at: str
    subscription_id: str
    subscription_name: str
    content_type: str | None = None
    enrichment: bytes | None = None
    _document: dict[str, Any] | None = None

    @property
    def delivery(self) -> str:
        """Identifies the delivery; the same at each attempt."""
        replay_id = self.envelope["metadata"].get("replay_id", "")
        return f"{self.envelope['id']} {self.subscription_id} {replay_id}"

    @property
    def document(self) -> dict[str, Any]:
        """The event as JSON paths see it, under the names of EventBridge as well.

        If the payload is not JSON, there is no `detail`.
        """
        if self._document is None:
            payload = json_numbers.loads(self.payload)
            members = payloads.members_of(self.payload, self.content_type)
            if "payload" in members:
                members["payload"] = members["detail"] = payload
            else:
                members["payload_base64"] = payload
            if self.enrichment is not None:
                members["enrichment"] = json_numbers.loads(self.enrichment)
            self._document = {
                **self.envelope,
                **members,
                "detail-type": self.envelope["type"],
                "time": self.envelope["timestamp"],
            }
        return self._document

    @property
    def reserved(self) -> dict[str, Any]:
        """The variables of templates that need no path, by their names in EventBridge."""
        event = dict(self.envelope)
        return {
            "aws.events.rule-arn": self.subscription_id,
            "aws.events.rule-name": self.subscription_name,
            "aws.events.event.ingestion-time": self.stored_at,
            "aws.events.event": event,
            "aws.events.event.json": self.whole(),
        }

    def whole(self, payload: bytes | None = None) -> dict[str, Any]:
        """Returns the envelope with a payload, by default the event's own.

        Args:
            payload: JSON that replaces the payload.
        """
        members = (
            payloads.members_of(self.payload, self.content_type)
            if payload is None
            else payloads.members_of(payload, None)
        )
        if self.enrichment is not None:
            members["enrichment"] = orjson.Fragment(self.enrichment)
        return {**self.envelope, **members}

    @property
    def content(self) -> bytes | None:
        """The bytes of a payload that is not JSON; None if it is JSON, or sealed."""
        return payloads.content_of(self.payload, self.content_type)
