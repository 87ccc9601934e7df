"""Type patterns, as clients send them."""

from typing import Annotated

from pydantic import AfterValidator, Field

from event_bus.matching.event_types import validate_new_type_pattern
from event_bus.matching.limits import MAX_EVENT_TYPES
from event_bus.requests.validation import EACH_ONCE, checked

TypePattern = Annotated[str, AfterValidator(checked(validate_new_type_pattern))]
"""An event type, exact or with `*` for whole segments."""

TypePatterns = Annotated[
    list[TypePattern], Field(min_length=1, max_length=MAX_EVENT_TYPES), EACH_ONCE
]
"""Event types or patterns; each is kept once."""
