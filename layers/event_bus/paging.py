"""Pages: how many, and from where on."""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import orjson

from event_bus import times
from event_bus.access.callers import Caller
from event_bus.errors import Fault, MalformedRequest
from event_bus.matching.event_types import validate_type_pattern
from event_bus.matching.limits import MAX_EVENT_TYPES

DEFAULT_LIMIT, MAX_LIMIT = 50, 100

MAX_PAGE_BYTES = 5 * 1024 * 1024
"""How much the items of a page hold, as Lambda counts it: a function may answer with 6 MB
(https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
"""

Choice = TypeVar("Choice", bound=str)

_POSITION = re.compile(r"[0-9A-Za-z_:.#-]{1,256}", re.ASCII)


def limit_in(query: Mapping[str, str]) -> int:
    """How many results are asked for.

    Raises:
        MalformedRequest: It is not a number from 1 to `MAX_LIMIT`.
    """
    return whole_in(query, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT)


def whole_in(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """A whole number among the parameters.

    Args:
        query: The parameters.
        name: Which of them.
        default: What it is where it was not given.
        least: The least that it may be.
        most: The most that it may be.

    Raises:
        MalformedRequest: It is none, or beyond its bounds.
    """
    given = query.get(name, str(default))
    if given.isascii() and given.isdigit() and len(given) < 17 and least <= int(given) <= most:
        return int(given)
    raise bad_parameter(name, f"must be a whole number from {least} to {most}")


def choice_in(query: Mapping[str, str], name: str, choices: Sequence[Choice]) -> Choice | None:
    """A word among the parameters, if it was given.

    Args:
        query: The parameters.
        name: Which of them.
        choices: The words that it may be, two or more.

    Raises:
        MalformedRequest: It is none of them.
    """
    given = query.get(name)
    for choice in choices:
        if given == choice:
            return choice
    if given is None:
        return None
    *most, last = choices
    raise bad_parameter(name, f"must be {', '.join(most)} or {last}")


def bad_parameter(name: str, detail: str) -> MalformedRequest:
    """The refusal of a parameter of the query."""
    return MalformedRequest(f"{name}: {detail}.", [Fault(name, detail)])


def patterns_in(query: Mapping[str, str], name: str) -> list[str]:
    """The type patterns among the parameters, with commas between; each is kept once.

    Raises:
        MalformedRequest: There is none, there are too many, or one of them is none.
    """
    patterns = list(dict.fromkeys(query.get(name, "").split(",")))
    if len(patterns) > MAX_EVENT_TYPES:
        raise bad_parameter(name, f"must have at most {MAX_EVENT_TYPES} patterns")
    for pattern in patterns:
        try:
            validate_type_pattern(pattern)
        except ValueError as error:
            raise bad_parameter(name, str(error)) from None
    return patterns


def time_in(query: Mapping[str, str], name: str) -> str | None:
    """A time among the parameters, in UTC, if it was given.

    Raises:
        MalformedRequest: It is not an RFC 3339 time.
    """
    if name not in query:
        return None
    try:
        # A plus sign that was not percent-encoded arrives as a space.
        return times.parse(query[name].replace(" ", "+"))
    except ValueError as error:
        raise bad_parameter(name, str(error)) from None


def write_cursor(position: str, query: Mapping[str, str], caller: Caller) -> str:
    """A cursor that stands behind a position, for this caller and these filters alone."""
    content = orjson.dumps([position, _binding(query, caller)])
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def read_cursor(query: Mapping[str, str], caller: Caller) -> str | None:
    """The position behind which the page begins, or None for the first.

    Raises:
        MalformedRequest: The cursor is none, or was given to another caller or other filters.
    """
    cursor = query.get("cursor")
    if cursor is None:
        return None
    try:
        content = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        position, binding = orjson.loads(content)
    except (binascii.Error, ValueError, TypeError):
        raise bad_parameter("cursor", "is not one that this API gave") from None
    if not isinstance(position, str) or not _POSITION.fullmatch(position):
        raise bad_parameter("cursor", "is not one that this API gave")
    if binding != _binding(query, caller):
        raise bad_parameter("cursor", "belongs to a request with other filters or another key")
    return position


def page_document(
    items: Iterable[tuple[str, Any]], rest: str | None, query: Mapping[str, str], caller: Caller
) -> dict[str, Any]:
    """A page of a list as it is answered: as many items as the answer can hold, one at least.

    Args:
        items: Each document, and the position behind it.
        rest: Where the next page begins if all items fit; None at the end of the list.
        query: The parameters.
        caller: Who asks.
    """
    shown: list[Any] = []
    size, behind = 0, None
    for position, document in items:
        size += _answered_bytes(document)
        if shown and size > MAX_PAGE_BYTES:
            rest = behind
            break
        shown.append(document)
        behind = position
    return {"items": shown, "next_cursor": write_cursor(rest, query, caller) if rest else None}


def _answered_bytes(document: Any) -> int:
    # A function answers with JSON in a string of JSON: quotes and backslashes are escaped again.
    written = orjson.dumps(document)
    return len(written) + written.count(b'"') + written.count(b"\\")


def _binding(query: Mapping[str, str], caller: Caller) -> str:
    filters = sorted((k, v) for k, v in query.items() if k not in ("cursor", "limit"))
    bound = orjson.dumps([caller.service_id, caller.role, filters])
    return hashlib.sha256(bound).hexdigest()[:16]
