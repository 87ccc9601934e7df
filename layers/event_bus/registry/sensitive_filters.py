"""Refusing filters on sensitive fields, which the router cannot read."""

from collections.abc import Iterable

from event_bus.errors import InvalidRequest, pointer
from event_bus.matching.errors import steps_of
from event_bus.matching.event_types import intersection
from event_bus.matching.filters import FILTERS, SubscriptionFilter
from event_bus.model.publisher import Publisher

_BESIDE_THE_PAYLOAD = frozenset({"source", "metadata"})


def refuse_sensitive_filters(asked: SubscriptionFilter, publishers: Iterable[Publisher]) -> None:
    """Refuses filters on fields that a publisher has declared sensitive.

    Args:
        asked: The filters.
        publishers: All publishers.

    Raises:
        InvalidRequest: There is such a filter; it is named by its JSON pointer.
    """
    sensitive = [
        (pattern, _without_places(steps_of(each)))
        for publisher in publishers
        for pattern, pointers in publisher.sensitive.items()
        for each in pointers
    ]
    for key, event_pattern in asked.filters:
        hidden = [field for pattern, field in sensitive if intersection(pattern, key)]
        for leaf in event_pattern.leaves:
            path = leaf.path[1:] if leaf.path[0] == "payload" else leaf.path
            if leaf.path[0] in _BESIDE_THE_PAYLOAD:
                continue
            field = _without_places(path)
            if any(field[: len(each)] == each for each in hidden):
                raise InvalidRequest.at(
                    FILTERS + pointer([key]) + leaf.pointer,
                    "is sensitive in events of such types: filters do not see it",
                )


def _without_places(steps: Iterable[str]) -> list[str]:
    # Filters do not count the elements of arrays.
    return [step for step in steps if not step.isdigit()]
