"""The events that subscribers fetch from their inboxes."""

from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from event_bus.api.documents.events import DeliveredEvent
from event_bus.api.documents.members import Time


class FetchError(TypedDict):
    """The reason why an event is missing: its transform failed, or it cannot be read.

    Attributes:
        code: The error code.
        detail: The error in a sentence.
    """

    code: str
    detail: str


class FetchedEvent(TypedDict):
    """An event, with its place in the inbox.

    Attributes:
        cursor: The place of the event in the inbox.
        error: Why there is no event.
    """

    cursor: str
    delivery_id: Annotated[str, Field(description="The same if a delivery is repeated.")]
    event: Annotated[
        DeliveredEvent | Any,
        Field(
            description="The event, or what the transform of the subscription makes of it; null "
            "where that failed."
        ),
    ]
    error: NotRequired[FetchError]


class FetchedEvents(TypedDict):
    """Events from an inbox, in order.

    Attributes:
        items: The events, in the order of the inbox.
        lease_expires_at: When the lease ends.
    """

    items: list[FetchedEvent]
    cursor: Annotated[str, Field(description="The last place that was read.")]
    lease: Annotated[
        str | None, Field(description="The lease by which to acknowledge the places of `items`.")
    ]
    lease_expires_at: Time | None


class StreamToken(TypedDict):
    """A token for listening from a browser.

    Attributes:
        token: The token.
        expires_at: When it ends.
    """

    token: str
    expires_at: Time
