"""The messages of clients over a WebSocket."""

from typing import Annotated, Any, Literal

from pydantic import Field, RootModel, ValidationInfo, field_validator

from event_bus.requests.fetching import Place
from event_bus.requests.filters import SentFilters
from event_bus.requests.type_patterns import TypePatterns
from event_bus.requests.validation import Identifier, RequestModel, not_with, one_of_two, only_with

_Reference = Annotated[str, Field(max_length=128)]


class _ClientMessage(RequestModel):
    ref: _Reference | None = None


class Subscribe(_ClientMessage):
    """Asks for events: of some types, or of a subscription that outlasts the connection."""

    action: Literal["subscribe"]
    subscription_id: Identifier | None = None
    event_types: Annotated[TypePatterns | None, Field(validate_default=True)] = None
    filters: SentFilters | None = None
    cursor: Place | None = None

    @field_validator("event_types")
    @classmethod
    def _types_or_subscription(cls, types: Any, info: ValidationInfo) -> Any:
        return one_of_two(types, info, "subscription_id")

    @field_validator("filters")
    @classmethod
    def _filters_of_types(cls, filters: Any, info: ValidationInfo) -> Any:
        return not_with(filters, info, "subscription_id")

    @field_validator("cursor")
    @classmethod
    def _cursor_of_inbox(cls, cursor: Any, info: ValidationInfo) -> Any:
        return only_with(cursor, info, "subscription_id")


class Acknowledge(_ClientMessage):
    """Acknowledges all events up to a place."""

    action: Literal["ack"]
    subscription_id: Identifier
    cursor: Place


class Unsubscribe(_ClientMessage):
    """Stops the events of a subscription."""

    action: Literal["unsubscribe"]
    subscription_id: Identifier


class Ping(_ClientMessage):
    """Checks that the bus answers, and keeps the connection open."""

    action: Literal["ping"]


class ClientMessage(
    RootModel[
        Annotated[
            Subscribe | Acknowledge | Unsubscribe | Ping,
            Field(discriminator="action"),
        ]
    ]
):
    """A message of any kind."""
