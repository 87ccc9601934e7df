"""Pages of lists: their positions, cursors and sizes."""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import orjson

from event_bus import json_numbers, times
from event_bus.access.callers import Caller
from event_bus.errors import MalformedRequest
from event_bus.settings import settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

DEFAULT_LIMIT, MAX_LIMIT = 50, 100

MAX_PAGE_BYTES = 5 * 1024 * 1024
"""The most bytes of the items of a page, as Lambda counts them: a function may answer with 6 MB
(https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
"""

PAGE_SECONDS = 5.0
"""The time, in seconds, after which no further item of a page is read or made."""

_Element = TypeVar("_Element")

_POSITION = re.compile(r"[0-9A-Za-z_:.#-]+", re.ASCII)

_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)

MAX_POSITION = 256
"""The longest position in most lists, in characters."""

MAX_NAME_POSITION = 1_366
"""The longest position of a name that a client chose, in characters: 1,024 bytes in base64."""


@dataclass(frozen=True, slots=True)
class Portion(Generic[_Element]):
    """A part of a list that one read has returned.

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

    Making an element may take a while, since a payload may have to be read to decide whether it
    belongs to the page. Once the elements have taken `PAGE_SECONDS`, the page ends early.

    Args:
        portions: The portions in their order. No more of them are read than needed.
        limit: The largest number of elements in the page.
        budget: The number of elements, those left out included, after which the page ends early.

    Returns:
        The page, and the position after which the next one begins; None at the end of the list.
    """
    page: list[_Element] = []
    read, position = 0, None
    left = PAGE_SECONDS
    for portion in portions:
        end = times.steady() + left
        for place, (position, element) in enumerate(portion.elements, 1):
            if element is not None:
                page.append(element)
            if len(page) == limit or times.steady() > end:
                at_end = portion.reached is None and place == portion.size
                return page, None if at_end else position
        position = portion.reached
        read += portion.size
        if position is None or read >= budget:
            break
        left = end - times.steady()
    return page, position


def chosen_page(
    read: Callable[[str | None, int], Sequence[_Element]],
    position: Callable[[_Element], str],
    chosen: Callable[[_Element], object],
    after: str | None,
    limit: int,
) -> list[_Element]:
    """Reads a list until it has a full page of chosen elements, or the list ends.

    Args:
        read: Returns the elements after a position, at most as many as its second argument says.
        position: Returns the position of an element.
        chosen: Returns whether an element belongs to the page.
        after: The position after which the page begins; None for the first page.
        limit: The largest number of elements in the page.
    """
    page: list[_Element] = []
    size = limit
    while elements := read(after, size):
        page += filter(chosen, elements)
        if len(page) >= limit:
            break
        after = position(elements[-1])
        # Many that are left out, such as removed ones, are passed over in few requests.
        size = max(limit, MAX_LIMIT)
    return page[:limit]


def name_position(name: str) -> str:
    """Returns the position after a name that a client chose, in a list that is ordered by name."""
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


@dataclass(frozen=True, slots=True)
class AskedList:
    """A list as a caller asks for it. A cursor is valid only for the same list and caller.

    Attributes:
        path: The path of the request.
        query: The parameters of the request, or the filters in its body.
        caller: Who asks.
    """

    path: str
    query: Mapping[str, str]
    caller: Caller

    @property
    def binding(self) -> bytes:
        """What is authenticated with a cursor: everything except the size of the page."""
        filters = sorted((k, v) for k, v in self.query.items() if k not in ("cursor", "limit"))
        return orjson.dumps([self.path, self.caller.service_id, self.caller.role, filters])


def write_cursor(position: str, asked: AskedList) -> str:
    """Returns a cursor for the elements of a list after a position.

    It is encrypted, because a page may end at an element that the caller may not see.
    """
    sealed = _cipher(settings().sealing_key).encrypt(position.encode(), [asked.binding])
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def read_cursor(asked: AskedList, longest: int = MAX_POSITION) -> str | None:
    """Returns the position after which the page begins; None for the first page.

    Args:
        asked: The list.
        longest: The longest position of the list, in characters.

    Raises:
        MalformedRequest: The text is not a cursor of this API, or it was given for another list, to
            another caller or for other filters.
    """
    cursor = asked.query.get("cursor")
    if cursor is None:
        return None
    try:
        sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        position = _cipher(settings().sealing_key).decrypt(sealed, [asked.binding]).decode()
    except (ValueError, _invalid_tag()):
        position = ""
    if not _POSITION.fullmatch(position) or len(position) > longest:
        raise MalformedRequest.at(
            "cursor",
            "was not given by this list to this caller for these filters; start without a cursor",
        )
    return position


@lru_cache(1)
def _cipher(sealing_key: str) -> "AESSIV":
    # Few requests have a cursor, and the import takes long.
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV  # noqa: PLC0415

    # No client knows the ARN of a key, which ends with a random UUID. So the position is hidden
    # from clients, without a call to KMS.
    return AESSIV(hashlib.sha512(f"cursor {sealing_key}".encode()).digest())


def _invalid_tag() -> type[Exception]:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415

    return InvalidTag


def page_document(
    items: Iterable[tuple[str, Any]], rest: str | None, asked: AskedList
) -> dict[str, Any]:
    """Returns the document of a page: as many items as an answer can hold, and at least one.

    Args:
        items: Each document, and the position after it; made one by one if that may take long.
        rest: Where the next page begins if all items fit; None at the end of the list.
        asked: The list.
    """
    shown: list[Any] = []
    size, behind = 0, None
    end = times.steady() + PAGE_SECONDS
    for position, document in items:
        size += answered_bytes(document)
        if shown and (size > MAX_PAGE_BYTES or times.steady() > end):
            rest = behind
            break
        shown.append(document)
        behind = position
    return {"items": shown, "next_cursor": write_cursor(rest, asked) if rest else None}


def first_that_fit(documents: Iterable[_Element], size: int) -> tuple[list[_Element], int]:
    """Returns as many of the first documents as an answer can hold, and its size with them.

    Args:
        documents: The documents.
        size: The size of the answer without them, as `answered_bytes` counts it.
    """
    fitting = []
    for each in documents:
        larger = size + answered_bytes(each)
        if larger > MAX_PAGE_BYTES:
            break
        size = larger
        fitting.append(each)
    return fitting, size


def answered_bytes(document: Any) -> int:
    """Returns the size of a document in an answer, in bytes, as Lambda counts it.

    A function answers with JSON in a string of JSON: quotes and backslashes are escaped again.
    """
    written = json_numbers.dumps(document)
    return len(written) + written.count(b'"') + written.count(b"\\")
