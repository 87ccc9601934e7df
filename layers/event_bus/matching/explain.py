"""Why an event does not match a subscription, field by field.

The matcher answers yes or no, as fast as it can. This module matches one field at a time, and says
which value a field has and which value the filter demands. Both use the same patterns, so they
agree.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from event_bus import json_numbers
from event_bus.matching.errors import below, steps_of
from event_bus.matching.event_types import matches_type
from event_bus.matching.event_view import EventView, event_view
from event_bus.matching.filters import FILTERS, SubscriptionFilter
from event_bus.matching.limits import EVENT_WORK
from event_bus.matching.marker import marker
from event_bus.matching.pattern import EventPattern, Leaf
from event_bus.matching.work import OutOfWork, Work

_MAX_REASONS = 20
_MAX_CANDIDATES = 1_000
_SHOWN_VALUES = 5
_SHOWN_CHARACTERS = 80
_PHRASES = {
    "anything-but": "anything but",
    "cidr": "an address in",
    "prefix": "a string that begins with",
    "suffix": "a string that ends with",
    "wildcard": "a string like",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason why an event does not match.

    Attributes:
        code: `type`; `field`; `array` if no single element satisfies all fields; or `limited` if
            the filter needs more work than an event may cost.
        pointer: The JSON pointer of the unmet condition in the subscription.
        detail: The reason in a sentence.
        suggestion: What was probably meant, if there is a likely guess.
    """

    code: str
    pointer: str
    detail: str
    suggestion: str | None = None


def explain(
    asked: SubscriptionFilter,
    filters: Mapping[str, Any],
    event_type: str,
    source: str,
    payload: Mapping[str, Any],
    metadata: Mapping[str, Any],
) -> list[Reason]:
    """Returns the reasons why an event does not match a subscription; none if it matches.

    Args:
        asked: The subscription's types and filters, compiled.
        filters: The filters, parsed from JSON.
        event_type: The event's type.
        source: The service that published it.
        payload: Its payload, parsed from JSON.
        metadata: Its metadata.
    """
    if not asked.selects(event_type):
        return [_type_reason(asked.event_types, event_type)]
    event = event_view(source, payload, metadata)
    reasons: list[Reason] = []
    for key, pattern in asked.filters:
        if matches_type(key, event_type):
            at = FILTERS + below("", key)
            reasons += _pattern_reasons(pattern, filters[key], at, event)
    return reasons[:_MAX_REASONS]


def nearest(text: str, known: Sequence[str]) -> str | None:
    """Returns the known text that is most similar to a text, or None if none is similar."""
    # A comparison costs the product of the lengths, so long lists are skipped.
    found = get_close_matches(text, known[:_MAX_CANDIDATES], n=1, cutoff=0.75)
    return found[0] if found and found[0] != text else None


def _type_reason(event_types: Sequence[str], event_type: str) -> Reason:
    listed = ", ".join(event_types[:_SHOWN_VALUES]) + (
        ", …" if len(event_types) > _SHOWN_VALUES else ""
    )
    near = nearest(event_type, [each for each in event_types if "*" not in each])
    return Reason(
        "type",
        "/event_types",
        f"the event has the type {event_type}, and the subscription asks for {listed}",
        f"did you mean {near}?" if near else None,
    )


def _pattern_reasons(
    pattern: EventPattern, given: Mapping[str, Any], at: str, event: EventView
) -> Iterator[Reason]:
    try:
        if pattern.satisfied_by(event, Work(EVENT_WORK)):
            return
        work = Work(EVENT_WORK)
        unmet = {
            place: leaf
            for place, leaf in enumerate(pattern.leaves)
            if not _met(leaf, given, event, work)
        }
    except OutOfWork:
        yield Reason("limited", at, "the filter takes more work than one event is allowed")
        return
    missed = sum(1 << place for place in unmet)
    # Of the alternatives of $or, the one with the fewest unmet fields was probably meant.
    nearest_combination = min(
        pattern.combinations, key=lambda each: (each & missed).bit_count(), default=0
    )
    lacking = [leaf for place, leaf in unmet.items() if nearest_combination >> place & 1]
    for leaf in lacking:
        yield _field_reason(leaf, _asked(given, leaf.pointer), at, event.document)
    if not lacking:
        fields = [
            ".".join(leaf.path)
            for place, leaf in enumerate(pattern.leaves)
            if nearest_combination >> place & 1
        ]
        yield Reason(
            "array",
            at,
            "each of these fields matches, but no single element of the array matches all of them: "
            + ", ".join(fields[:_SHOWN_VALUES]),
        )


def _met(leaf: Leaf, given: Mapping[str, Any], event: EventView, work: Work) -> bool:
    """Returns whether one field, looked at alone, is satisfied."""
    alone: Any = _asked(given, leaf.pointer)
    for name in reversed(leaf.path):
        alone = {name: alone}
    return EventPattern(alone).satisfied_by(event, work)


def _asked(given: Any, pointer: str) -> Any:
    """Returns the value at a pointer in a pattern."""
    for name in steps_of(pointer):
        given = given[int(name)] if isinstance(given, list) else given[name]
    return given


def _field_reason(leaf: Leaf, asked: list[Any], at: str, document: Mapping[str, Any]) -> Reason:
    values = list(_values(document, leaf.path))
    field = ".".join(leaf.path)
    must = " or ".join(_words(each) for each in asked[:_SHOWN_VALUES])
    must += " or …" if len(asked) > _SHOWN_VALUES else ""
    return Reason(
        "field",
        at + leaf.pointer,
        f"{field} {_found(values)}, and must be {must}",
        _suggestion(leaf, asked, values, document),
    )


def _values(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """Returns the values of a field, including those in elements of arrays."""
    if isinstance(value, list):
        for each in value:
            yield from _values(each, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _values(value[path[0]], path[1:])


def _found(values: list[Any]) -> str:
    if not values:
        return "has no value"
    if any(each == marker() for each in values):
        return "is sealed as sensitive, so filters do not see it"
    if all(isinstance(each, dict) for each in values):
        return "is an object of fields"
    shown = ", ".join(_shown(each) for each in values[:_SHOWN_VALUES])
    more = ", …" if len(values) > _SHOWN_VALUES else ""
    return f"is {shown}{more}"


def _shown(value: Any) -> str:
    text = json_numbers.dumps(value).decode()
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def _words(asked: Any) -> str:
    """Describes what a value or a comparison of a pattern demands."""
    if not isinstance(asked, dict):
        return _shown(asked)
    [(name, operand)] = asked.items()
    if name == "numeric":
        bounds = zip(operand[::2], operand[1::2], strict=True)
        return "a number " + " and ".join(f"{sign} {_shown(bound)}" for sign, bound in bounds)
    if name in ("prefix", "suffix") and isinstance(operand, dict):
        return f"{_PHRASES[name]} {_words(operand)}"
    if name == "exists":
        return "there" if operand else "missing"
    if name == "equals-ignore-case":
        return f"{_shown(operand)} in either case"
    return f"{_PHRASES[name]} {_shown(operand)}"


def _suggestion(
    leaf: Leaf, asked: list[Any], values: list[Any], document: Mapping[str, Any]
) -> str | None:
    if not values:
        return _other_name(leaf.path, document)
    # The most common mistake with values: a number in place of a string, or a string for a number.
    for each in asked:
        numeric = isinstance(each, dict) and "numeric" in each
        for value in values:
            if isinstance(value, str) and numeric:
                return f"the event holds the string {_shown(value)}, not a number"
            if isinstance(each, dict) or isinstance(value, dict) or value is None or each is None:
                continue
            if isinstance(value, str) != isinstance(each, str) and _shown(value).strip(
                '"'
            ) == _shown(each).strip('"'):
                return f"the event holds {_shown(value)}: write {_shown(value)}"
            if isinstance(value, str) and isinstance(each, str) and value.lower() == each.lower():
                return f'the case differs: write {{"equals-ignore-case": {_shown(each)}}}'
    return None


def _other_name(path: Sequence[str], document: Mapping[str, Any]) -> str | None:
    """Returns the field name that was probably meant, for one that the event does not have."""
    if path[0] == "detail" and len(path) > 1 and any(True for _ in _values(document, path[1:])):
        return "fields of the payload are at the top level: leave out detail"
    for length in range(len(path)):
        parents = [each for each in _values(document, path[:length]) if isinstance(each, Mapping)]
        names = sorted({name for each in parents for name in each})
        if parents and path[length] not in names:
            near = nearest(path[length], names)
            return f"did you mean {'.'.join([*path[:length], near])}?" if near else None
    return None
