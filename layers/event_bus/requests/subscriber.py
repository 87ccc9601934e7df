"""The request that says which event types a service may receive."""

from typing import Annotated

from pydantic import Field

from event_bus.matching.limits import MAX_EVENT_TYPES
from event_bus.requests.type_patterns import TypePattern
from event_bus.requests.validation import EACH_ONCE, RequestModel


class SubscriberRequest(RequestModel):
    """The types that a service may receive; an empty list permits none.

    Attributes:
        event_types: The types and patterns that the service may receive, beside its own events.
    """

    event_types: Annotated[list[TypePattern], Field(max_length=MAX_EVENT_TYPES), EACH_ONCE]
