"""The filter of one subscription: the event types it receives, and an event pattern for some."""

from collections.abc import Mapping, Set
from typing import Any

from event_bus.matching.errors import InvalidEventTypeError, InvalidPatternError, below
from event_bus.matching.event_types import (
    intersection,
    matches_any,
    matches_type,
    validate_type_pattern,
)
from event_bus.matching.event_view import EventView, event_view
from event_bus.matching.limits import EVENT_WORK, MAX_EVENT_TYPES, MAX_FILTERS, START_WORK
from event_bus.matching.pattern import EventPattern
from event_bus.matching.work import OutOfWork, Work

EVENT_TYPES = "/event_types"
FILTERS = "/filters"


class SubscriptionFilter:
    """Decides which events a subscription matches. Immutable.

    An event matches if one of the type patterns selects its type, and it satisfies every filter
    whose key selects its type.

    Args:
        event_types: The subscription's `event_types`, parsed from JSON.
        filters: The subscription's `filters`, parsed from JSON: event patterns by type pattern.

    Attributes:
        event_types: The type patterns.
        filters: The type pattern and the event pattern of each filter.
        cost: The steps of checking the most expensive filter, if values are short and no array is
            large.

    Raises:
        InvalidPatternError: They are invalid; the pointer begins with `/event_types` or `/filters`.
    """

    __slots__ = ("cost", "event_types", "filters")

    def __init__(self, event_types: object, filters: object) -> None:
        self.event_types = _event_types(event_types)
        self.filters = _filters(filters, self.event_types)
        self.cost = START_WORK + max((pattern.cost for _, pattern in self.filters), default=0)

    def matches(
        self,
        event_type: str,
        source: str,
        payload: Mapping[str, Any],
        metadata: Mapping[str, Any],
    ) -> bool:
        """Returns whether an event matches the subscription.

        Args:
            event_type: The event's type.
            source: The service that published it.
            payload: Its payload, parsed from JSON.
            metadata: Its metadata.
        """
        return self.selects(event_type) and self.accepts(
            event_type, event_view(source, payload, metadata), Work(EVENT_WORK)
        )

    def selects(self, event_type: str) -> bool:
        """Returns whether one of the type patterns selects an event type.

        Args:
            event_type: The type.
        """
        return matches_any(self.event_types, event_type)

    def accepts(self, event_type: str, event: EventView, work: Work) -> bool:
        """Returns whether the filters accept an event whose type the subscription receives.

        A check that needs more work than is allowed counts as not accepted, and marks the event as
        matched in part.

        Args:
            event_type: The event's type.
            event: The event.
            work: The work that is allowed.
        """
        selected = {key for key, _ in self.filters if matches_type(key, event_type)}
        try:
            return self.decides(selected, event, work)
        except OutOfWork:
            event.limited = True
            return False

    def decides(self, selected: Set[str], event: EventView, work: Work) -> bool:
        """Returns whether the filters with some keys accept an event.

        Args:
            selected: The keys that select the event's type. Others than those of this subscription
                may be among them.
            event: The event.
            work: The work that is allowed.

        Raises:
            OutOfWork: The check needs more work than is allowed.
        """
        work.take(START_WORK)
        for key, pattern in self.filters:
            if key in selected and not pattern.satisfied_by(event, work):
                return False
        return True


def _event_types(given: object) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or not given:
        raise InvalidPatternError(EVENT_TYPES, "a subscription lists at least one type pattern")
    if len(given) > MAX_EVENT_TYPES:
        raise InvalidPatternError(
            EVENT_TYPES, f"a subscription has at most {MAX_EVENT_TYPES} type patterns"
        )
    for position, pattern in enumerate(given):
        _check_type_pattern(pattern, below(EVENT_TYPES, position))
    return tuple(given)


def _filters(given: object, event_types: tuple[str, ...]) -> tuple[tuple[str, EventPattern], ...]:
    if not isinstance(given, Mapping):
        raise InvalidPatternError(FILTERS, "filters are an object: event patterns by type pattern")
    if len(given) > MAX_FILTERS:
        raise InvalidPatternError(FILTERS, f"a subscription has at most {MAX_FILTERS} filters")
    filters = []
    for key, pattern in given.items():
        pointer = below(FILTERS, key) if isinstance(key, str) else FILTERS
        _check_type_pattern(key, pointer)
        if not any(intersection(key, event_type) for event_type in event_types):
            raise InvalidPatternError(
                pointer, "no event type of the subscription can ever meet this filter"
            )
        filters.append((key, _event_pattern(pattern, pointer)))
    return tuple(filters)


def _check_type_pattern(pattern: object, pointer: str) -> None:
    try:
        validate_type_pattern(pattern)
    except InvalidEventTypeError as error:
        raise InvalidPatternError(pointer, error.detail) from None


def _event_pattern(pattern: object, pointer: str) -> EventPattern:
    try:
        return EventPattern(pattern)
    except InvalidPatternError as error:
        raise InvalidPatternError(pointer + error.pointer, error.detail) from None
