"""The requests to replay events."""

from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from event_bus.model.replay import DEFAULT_RATE, MAX_RATE
from event_bus.requests.type_patterns import TypePatterns
from event_bus.requests.validation import Identifier, RequestModel, ServiceId, Time


class EventReplayRequest(RequestModel):
    """The request to replay one event.

    Attributes:
        subscription_id: The subscription to deliver to; by default all that match and that the key
            may replay to.
    """

    subscription_id: Identifier | None = None


class ReplayRequest(RequestModel):
    """The request to replay a period.

    Attributes:
        since: The beginning of the period, included; not in the future.
        until: The end of the period, excluded; by default now.
        subscription_id: The subscription to deliver to; by default all that match and that the key
            may replay to.
        event_types: The types and patterns of the events; null for all.
        source: The publisher of the events; null for all.
        rate: Deliveries a second, on average.
    """

    since: Annotated[Time, Field(alias="from")]
    until: Annotated[Time | None, Field(alias="to")] = None
    subscription_id: Identifier | None = None
    event_types: TypePatterns | None = None
    source: ServiceId | None = None
    rate: Annotated[int, Field(ge=1, le=MAX_RATE)] = DEFAULT_RATE

    @model_validator(mode="after")
    def _forwards(self) -> "ReplayRequest":
        if self.until is not None and self.until <= self.since:
            raise PydanticCustomError("period", "must have a `to` that is later than `from`")
        return self
