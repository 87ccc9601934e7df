"""Reads the requests of consumers of an inbox."""

from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from event_bus.requests.validation import Identifier, RequestModel

MAX_WAIT_SECONDS = 20
"""The longest wait of a pull, in seconds."""

LEASE_SECONDS, MAX_LEASE_SECONDS = 30, 900
"""The default and the longest duration of a lease, in seconds."""

SSE_WAIT_SECONDS = 25
"""The longest wait of an SSE request, in seconds: API Gateway gives up after 30."""

Place = Annotated[str, Field(pattern=r"^[0-9]{1,15}$")]
"""A place in an inbox."""


class Acknowledgement(RequestModel):
    """The acknowledgement of leased events, the extension of their lease, or both.

    Attributes:
        lease: The lease of the events.
        cursor: The place up to which events are acknowledged.
    """

    lease: Identifier
    extend: Annotated[
        int | None,
        Field(
            ge=1,
            le=MAX_LEASE_SECONDS,
            description="How long the lease lasts from now on, in seconds.",
        ),
    ] = None
    cursor: Annotated[Place | None, Field(validate_default=True)] = None

    @field_validator("cursor", mode="before")
    @classmethod
    def _asks_for_something(cls, cursor: Any, info: ValidationInfo) -> Any:
        # An invalid `extend` has a fault of its own, and is missing here.
        if cursor is None and info.data.get("extend", "refused") is None:
            raise PydanticCustomError("cursor", "is required if extend is left out")
        return cursor
