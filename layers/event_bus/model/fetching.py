"""What consumers of an inbox send."""

from typing import Annotated

from pydantic import Field

from event_bus.model.validation import Identifier, Request

MAX_WAIT_SECONDS = 20
"""How long a pull waits for what comes."""

LEASE_SECONDS, MAX_LEASE_SECONDS = 30, 900
"""How long what was taken is a consumer's own, by default and at most."""

TURN_SECONDS = 25
"""How long a turn of a stream waits for what comes: API Gateway gives up after 30."""

Place = Annotated[str, Field(pattern=r"^[0-9]{1,15}$")]
"""A place in an inbox."""


class Acknowledgement(Request):
    """What says that a consumer is done with what it has taken."""

    lease: Identifier
    cursor: Place
