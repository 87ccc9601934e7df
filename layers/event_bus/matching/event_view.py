"""An event, in the form that patterns are matched against.

Most events have few array elements, and each pattern walks them directly. An event with many is
surveyed once; so is one with more than `ALWAYS_WALKED`, if many patterns are matched against it.
The survey numbers the objects in its arrays, so that a set of objects is one integer (see
`object_sets`), and leaves out elements beyond `MAX_ELEMENTS`. What it leaves out depends on the
event alone, so every pattern sees the same part of the event.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from event_bus.matching.limits import (
    ALWAYS_WALKED,
    MANY_RULES,
    MAX_ELEMENTS,
    MAX_NESTING,
    MAX_WALKED,
    UNSEEN_PER_STEP,
)
from event_bus.matching.object_sets import ObjectSet
from event_bus.matching.survey import Survey
from event_bus.matching.work import SharedWork


class EventView:
    """One event, in the form that all patterns are matched against.

    Args:
        document: What patterns are matched against.
        parts: The objects that hold all arrays of the document; the document itself by default.

    Attributes:
        document: What patterns are matched against.
        limited: Whether something was left out: elements beyond `MAX_ELEMENTS`, or filters whose
            check needed more work than an event may cost.
        crowded: Whether so many patterns are matched against its elements that sets take less
            work than walks, also if there are few elements.
        shared: The steps that serve all filters: for reading elements beyond `MAX_ELEMENTS`, for
            collecting the values of fields, and for sorting them.
    """

    def __init__(
        self, document: Mapping[str, object], parts: tuple[Mapping[str, object], ...] = ()
    ) -> None:
        self.document = document
        self.limited = False
        self.crowded = False
        self.shared = SharedWork()
        self._parts = parts or (document,)

    @cached_property
    def walked(self) -> bool:
        """Whether the event has so few elements that patterns walk it directly."""
        return self._room >= 0

    @cached_property
    def _room(self) -> int:
        """How many more elements a walked event might have; negative if it has too many."""
        # The first part is the payload; metadata has no arrays.
        return _count(self._parts[0], MAX_WALKED)

    def expect_patterns(self, patterns: int) -> None:
        """Takes note of how many patterns will be matched against the event."""
        self.crowded = patterns >= MANY_RULES and self._room < MAX_WALKED - ALWAYS_WALKED

    @cached_property
    def root(self) -> ObjectSet:
        """The document as a set of one object, for an event that is not walked directly."""
        survey = Survey(MAX_ELEMENTS, MAX_NESTING, self.shared)
        for part in self._parts:
            survey.read(part)
        self.limited |= survey.limited
        self.shared.steps += survey.unseen // UNSEEN_PER_STEP
        return ObjectSet(survey, [(survey.end(), self.document)], [])


def event_view(source: str, payload: Mapping[str, Any], metadata: Mapping[str, Any]) -> EventView:
    """Returns the view of an event.

    The fields of the payload are at the top of the document. The names `payload`, `source` and
    `metadata` are there too, and take precedence over fields of the same name.

    Args:
        source: The service that published the event.
        payload: The event's payload, parsed from JSON.
        metadata: The event's metadata.
    """
    document = {**payload, "payload": payload, "source": source, "metadata": metadata}
    return EventView(document, (payload, metadata))


def _count(value: Any, left: int) -> int:
    """Returns `left` minus the arrays, elements and objects in a value; -1 if that is negative."""
    for each in value.values() if value.__class__ is dict else value:
        kind = each.__class__
        if kind is dict or kind is list:
            left -= 1 if kind is dict else 1 + len(each)
            if left >= 0:
                left = _count(each, left)
            if left < 0:
                return -1
    return left
