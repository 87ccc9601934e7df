"""What travels on a lane: an event for one subscription."""

from dataclasses import dataclass
from typing import Any

import orjson

from event_bus.model.event import Event


@dataclass(frozen=True, slots=True)
class Message:
    """An event on its way to a subscription.

    Attributes:
        event_id: The event.
        subscription_id: The subscription.
        service_id: The service that the subscription belongs to.
        subscription_version: The version of the subscription that the event matched.
        event: The event itself; None where its payload is large, and it is read at delivery.
    """

    event_id: str
    subscription_id: str
    service_id: str
    subscription_version: int
    event: Event | None

    def to_json(self) -> str:
        """The message as a lane carries it."""
        event = self.event
        inline = event is not None and event.inline
        return orjson.dumps(
            {
                "event_id": self.event_id,
                "subscription_id": self.subscription_id,
                "service_id": self.service_id,
                "subscription_version": self.subscription_version,
                "event": {
                    **event.envelope(),
                    "payload_bytes": event.payload_bytes,
                    "created_at": event.created_at,
                    "digest": event.digest,
                }
                if event is not None and inline
                else None,
            }
        ).decode()


def from_json(text: str) -> Message:
    """Reads a message as a lane carries it."""
    members: dict[str, Any] = orjson.loads(text)
    if members["event"] is not None:
        payload = orjson.dumps(members["event"]["payload"])
        members["event"] = Event(**{**members["event"], "payload": payload})
    return Message(**members)
