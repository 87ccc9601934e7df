"""What subscribers fetch from their inboxes."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from event_bus.api.documents.events import DeliveredEvent
from event_bus.api.documents.members import Time


class FetchedEvent(TypedDict):
    """An event, with its place in the inbox."""

    cursor: str
    delivery_id: Annotated[str, Field(description="The same where a delivery is repeated.")]
    event: DeliveredEvent


class FetchedEvents(TypedDict):
    """Events from an inbox, in order."""

    items: list[FetchedEvent]
    cursor: Annotated[str, Field(description="The place up to which was read.")]
    lease: Annotated[str | None, Field(description="Acknowledge by it the places of `items`.")]
    lease_expires_at: Time | None


class StreamToken(TypedDict):
    """A token for listening from a browser."""

    token: str
    expires_at: Time
