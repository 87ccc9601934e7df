"""What consumers of an inbox send."""

from typing import Annotated

from pydantic import Field

from event_bus.model.validation import Request


class Acknowledgement(Request):
    """What says that a consumer is done with what it has taken."""

    lease: Annotated[str, Field(min_length=1, max_length=128)]
    cursor: Annotated[str, Field(pattern=r"^[0-9]{1,15}$")]
