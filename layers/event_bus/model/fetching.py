"""What consumers of an inbox send."""

from typing import Annotated

from pydantic import Field

from event_bus.model.validation import Identifier, Request

MAX_WAIT_SECONDS = 20
"""The longest wait of a pull, in seconds."""

LEASE_SECONDS, MAX_LEASE_SECONDS = 30, 900
"""The default and the longest duration of a lease, in seconds."""

TURN_SECONDS = 25
"""The longest wait of an SSE request, in seconds: API Gateway gives up after 30."""

Place = Annotated[str, Field(pattern=r"^[0-9]{1,15}$")]
"""A place in an inbox."""


class Acknowledgement(Request):
    """The acknowledgement of events that a consumer has taken."""

    lease: Identifier
    cursor: Place
