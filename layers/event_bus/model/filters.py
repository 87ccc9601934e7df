"""The filters of a subscription: how clients send them, and what is refused."""

from typing import Annotated, Any

from pydantic import WithJsonSchema

from event_bus import json_numbers
from event_bus.errors import InvalidRequest
from event_bus.matching.errors import InvalidPatternError
from event_bus.matching.filters import SubscriptionFilter
from event_bus.matching.other_forms import refuse_other_forms

MAX_FILTERS_BYTES = 64 * 1024
"""The largest filters of a subscription, as compact JSON in UTF-8."""

Filters = dict[str, dict[str, Any]]
"""An event pattern for each type pattern that it narrows."""

SentFilters = Annotated[
    dict[str, Any],
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "object"}}),
]
"""Filters as a client sends them; `check_sent_filters` refuses what are none."""


def check_sent_filters(event_types: list[str], filters: Filters) -> SubscriptionFilter:
    """Refuses filters of a client that cannot be used.

    Filters in a form that is common elsewhere are refused with the form that is meant.

    Returns:
        The filters, compiled.

    Raises:
        InvalidRequest: They are too large, no event patterns, or filters that no event type can
            meet; the fault is named by its JSON pointer.
    """
    if len(json_numbers.dumps(filters)) > MAX_FILTERS_BYTES:
        raise InvalidRequest.at("/filters", f"must have at most {MAX_FILTERS_BYTES} bytes as JSON")
    try:
        refuse_other_forms(event_types, filters)
    except InvalidPatternError as error:
        raise InvalidRequest.at(error.pointer, error.detail) from None
    return check_filters(event_types, filters)


def check_filters(event_types: list[str], filters: Filters) -> SubscriptionFilter:
    """Refuses filters that are no event patterns, or that no event type can meet.

    Returns:
        The filters, compiled.

    Raises:
        InvalidRequest: They are refused; the fault is named by its JSON pointer.
    """
    try:
        return SubscriptionFilter(event_types, filters)
    except InvalidPatternError as error:
        raise InvalidRequest.at(error.pointer, error.detail) from None
