"""The models that read the bodies of requests."""

from event_bus.api.operations.publishing import Publication
from event_bus.api.operations.registry import OPERATIONS
from event_bus.requests.event import EventSubmission
from pydantic import BaseModel

_BODIES = dict.fromkeys(each.body for each in OPERATIONS if each.body is not None)

REQUESTS: tuple[type[BaseModel], ...] = tuple(
    EventSubmission if body is Publication else body for body in _BODIES
)
