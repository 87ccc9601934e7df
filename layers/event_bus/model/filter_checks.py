"""Checks of the filters of a subscription."""

from collections.abc import Mapping
from typing import Any

from event_bus import json_numbers
from event_bus.errors import InvalidRequest
from event_bus.matching.errors import InvalidEventTypeError, InvalidPatternError, below
from event_bus.matching.event_types import validate_new_type_pattern
from event_bus.matching.filters import SubscriptionFilter
from event_bus.matching.limits import MAX_ALL_COMBINED, MAX_ALL_FIELDS, MAX_ALL_OR_COMBINATIONS
from event_bus.matching.other_forms import refuse_other_forms
from event_bus.matching.pattern import OR
from event_bus.model.filters import Filters

MAX_FILTERS_BYTES = 64 * 1024
"""The largest filters of a subscription, as compact JSON in UTF-8."""


def check_sent_filters(event_types: list[str], filters: Filters) -> SubscriptionFilter:
    """Refuses a client's invalid filters.

    Common mistakes are refused with the correct form.

    Returns:
        The filters, compiled.

    Raises:
        InvalidRequest: They are too large, not event patterns, or cannot match any event type; a
            JSON pointer names the fault.
    """
    if len(json_numbers.dumps(filters)) > MAX_FILTERS_BYTES:
        raise InvalidRequest.at("/filters", f"must have at most {MAX_FILTERS_BYTES} bytes as JSON")
    try:
        refuse_other_forms(event_types, filters)
    except InvalidPatternError as error:
        raise InvalidRequest.at(error.pointer, error.detail) from None
    compiled = check_filters(event_types, filters)
    combinations = [each for _, pattern in compiled.filters for each in pattern.combinations]
    for most, what, count in (
        (MAX_ALL_OR_COMBINATIONS, "combinations of $or", len(combinations)),
        (MAX_ALL_COMBINED, "fields in combinations of $or", sum(map(int.bit_count, combinations))),
        (MAX_ALL_FIELDS, "fields", sum(map(_fields, filters.values()))),
    ):
        if count > most:
            said = f"must have at most {most} {what} in all; these have {count}"
            raise InvalidRequest.at("/filters", said)
    for key in filters:
        try:
            validate_new_type_pattern(key)
        except InvalidEventTypeError as error:
            raise InvalidRequest.at(below("/filters", key), error.detail) from None
    return compiled


def _fields(pattern: Mapping[str, Any]) -> int:
    """Returns how many fields an object of a pattern names, at all levels."""
    fields = 0
    for name, value in pattern.items():
        if name == OR:
            fields += sum(map(_fields, value))
        else:
            fields += 1 + (_fields(value) if isinstance(value, dict) else 0)
    return fields


def check_filters(event_types: list[str], filters: Filters) -> SubscriptionFilter:
    """Refuses filters that are not event patterns or that no event type can match.

    Returns:
        The filters, compiled.

    Raises:
        InvalidRequest: They are refused; a JSON pointer names the fault.
    """
    try:
        return SubscriptionFilter(event_types, filters)
    except InvalidPatternError as error:
        raise InvalidRequest.at(error.pointer, error.detail) from None
