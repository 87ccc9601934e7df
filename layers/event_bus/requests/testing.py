"""Reads requests that test filters."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from event_bus import json_numbers
from event_bus.model.enrichment import MAX_PART_BYTES, MAX_SOURCES
from event_bus.requests.event import EventSubmission
from event_bus.requests.filters import SentFilters
from event_bus.requests.transform import TransformRequest
from event_bus.requests.type_patterns import TypePatterns
from event_bus.requests.validation import Identifier, RequestModel, checked, one_of_two


def _check_enrichment(enrichment: dict[str, Any]) -> None:
    most = MAX_SOURCES * MAX_PART_BYTES
    if len(json_numbers.dumps(enrichment)) > most:
        raise ValueError(f"must have at most {most} bytes as compact JSON")


class SubscriptionTest(RequestModel):
    """An event to test a subscription with: a stored one, by its id, or one in the request.

    A test asks no source of an enrichment; `enrichment` has the parts that they would add.

    Attributes:
        event_id: A stored event; it excludes `event`.
        event: An event as it would be published; it excludes `event_id`.
        enrichment: The parts that the sources of the enrichment would add.
    """

    event_id: Identifier | None = None
    event: Annotated[EventSubmission | None, Field(validate_default=True)] = None

    @field_validator("event")
    @classmethod
    def _one_event(cls, event: Any, info: ValidationInfo) -> Any:
        return one_of_two(event, info, "event_id")

    enrichment: Annotated[dict[str, Any], AfterValidator(checked(_check_enrichment))] | None = None


class FilterTest(SubscriptionTest):
    """An event, and the types, filters and transform to test it with.

    By default the type pattern is the type of the event.

    Attributes:
        event_types: The types and patterns to test.
        filters: The event pattern for each type or type pattern.
        transform: The transform to test.
    """

    event_types: TypePatterns | None = None
    filters: SentFilters = Field(default_factory=dict)
    transform: TransformRequest | None = None
