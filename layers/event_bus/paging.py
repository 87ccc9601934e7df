"""Pages of lists: their positions, cursors and sizes."""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson

from event_bus import json_numbers
from event_bus.access.callers import Caller
from event_bus.errors import MalformedRequest

DEFAULT_LIMIT, MAX_LIMIT = 50, 100

MAX_PAGE_BYTES = 5 * 1024 * 1024
"""The most bytes of the items of a page, as Lambda counts them: a function may answer with 6 MB
(https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
"""

_Element = TypeVar("_Element")

_POSITION = re.compile(r"[0-9A-Za-z_:.#-]+", re.ASCII)

_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)

MAX_POSITION = 256
"""The longest position in most lists, in characters."""

MAX_NAME_POSITION = 1_366
"""The longest position behind a name that a client chose: 1,024 bytes in base64."""


@dataclass(frozen=True, slots=True)
class Portion(Generic[_Element]):
    """A part of a list that was read at once.

    Attributes:
        elements: The position of each element, and the element; None if it is left out.
        size: The number of elements, including those left out.
        reached: The position up to which the list was read; None at its end.
    """

    elements: Iterable[tuple[str, _Element | None]]
    size: int
    reached: str | None


def first_page(
    portions: Iterable[Portion[_Element]], limit: int, budget: int
) -> tuple[list[_Element], str | None]:
    """Reads portions of a list until a page is full.

    Args:
        portions: The portions in their order. No more of them are read than needed.
        limit: The largest number of elements in the page.
        budget: The number of elements, those left out included, after which the page ends early.

    Returns:
        The page, and the position after which the next one begins; None at the end of the list.
    """
    page: list[_Element] = []
    read, position = 0, None
    for portion in portions:
        for place, (position, element) in enumerate(portion.elements, 1):
            if element is not None:
                page.append(element)
            if len(page) == limit:
                at_end = portion.reached is None and place == portion.size
                return page, None if at_end else position
        position = portion.reached
        read += portion.size
        if position is None or read >= budget:
            break
    return page, position


def name_position(name: str) -> str:
    """Returns the position behind a name that a client chose, for a list in the order of names."""
    return base64.urlsafe_b64encode(name.encode()).rstrip(b"=").decode()


def name_at(position: str | None) -> str | None:
    """Returns the name at a position, or None for the first page.

    Raises:
        MalformedRequest: The position is not a name.
    """
    if position is None:
        return None
    padded = position + "=" * (-len(position) % 4)
    try:
        # Without validation, characters outside of base64 would be ignored.
        name = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        name = ""
    if not name:
        raise unknown_cursor()
    return name


def unknown_cursor() -> MalformedRequest:
    """Returns the refusal of a cursor that the API did not issue."""
    return MalformedRequest.at("cursor", "is not a cursor of this API")


def number_at(position: str | None) -> int | None:
    """Returns the number at a position of a list of numbers; None for the first page.

    Raises:
        MalformedRequest: The position is not a number.
    """
    if position is None:
        return None
    if not _NUMBER.fullmatch(position):
        raise unknown_cursor()
    return int(position)


def write_cursor(position: str, query: Mapping[str, str], caller: Caller) -> str:
    """Returns the cursor behind a position, valid only for this caller and these filters."""
    content = orjson.dumps([position, _binding(query, caller)])
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def read_cursor(
    query: Mapping[str, str], caller: Caller, longest: int = MAX_POSITION
) -> str | None:
    """Returns the position behind which the page begins, or None for the first page.

    Args:
        query: The parameters.
        caller: Who asks.
        longest: The largest number of characters of a position of the list.

    Raises:
        MalformedRequest: The API did not issue the cursor, or not for this caller and these
            filters.
    """
    cursor = query.get("cursor")
    if cursor is None:
        return None
    try:
        content = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        position, binding = orjson.loads(content)
    except (binascii.Error, ValueError, TypeError):
        raise unknown_cursor() from None
    if not isinstance(position, str) or not _POSITION.fullmatch(position):
        raise unknown_cursor()
    if len(position) > longest:
        raise unknown_cursor()
    if binding != _binding(query, caller):
        raise MalformedRequest.at(
            "cursor", "belongs to a request with other filters or another key"
        )
    return position


def page_document(
    items: Iterable[tuple[str, Any]], rest: str | None, query: Mapping[str, str], caller: Caller
) -> dict[str, Any]:
    """Returns the document of a page: as many items as an answer can hold, and at least one.

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
    written = json_numbers.dumps(document)
    return len(written) + written.count(b'"') + written.count(b"\\")


def _binding(query: Mapping[str, str], caller: Caller) -> str:
    filters = sorted((k, v) for k, v in query.items() if k not in ("cursor", "limit"))
    bound = orjson.dumps([caller.service_id, caller.role, filters])
    return hashlib.sha256(bound).hexdigest()[:16]
