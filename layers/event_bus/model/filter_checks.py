"""Checks of the filters of a subscription."""

from event_bus import json_numbers
from event_bus.errors import InvalidRequest
from event_bus.matching.errors import InvalidEventTypeError, InvalidPatternError, below
from event_bus.matching.event_types import validate_new_type_pattern
from event_bus.matching.filters import SubscriptionFilter
from event_bus.matching.limits import MAX_ALL_OR_COMBINATIONS
from event_bus.matching.other_forms import refuse_other_forms
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
    combinations = sum(len(pattern.combinations) for _, pattern in compiled.filters)
    if combinations > MAX_ALL_OR_COMBINATIONS:
        said = f"must have at most {MAX_ALL_OR_COMBINATIONS} combinations of $or in all"
        raise InvalidRequest.at("/filters", f"{said}; these have {combinations}")
    for key in filters:
        try:
            validate_new_type_pattern(key)
        except InvalidEventTypeError as error:
            raise InvalidRequest.at(below("/filters", key), error.detail) from None
    return compiled


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
