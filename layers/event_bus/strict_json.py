"""JSON as the API reads it: I-JSON (RFC 7493) in UTF-8, of bounded depth.

Python's own reader takes NaN and infinities, keeps the last of two equal names and rounds numbers;
what would be stored could then differ from what other readers see.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from event_bus.errors import Fault, MalformedRequest, pointer
from event_bus.json_numbers import MAX_DIGITS, read_decimal, read_integer

MAX_DEPTH = 32
"""How deep arrays and objects may be nested."""

MAX_FLAWS = 1_000
"""How many values that cannot be read are looked for; a body with more is refused as a whole."""


def parse(text: bytes | str) -> Any:
    """Reads one JSON document.

    Args:
        text: The document; as a string, one that has been decoded from UTF-8 already.

    Returns:
        Dictionaries, lists, strings, numbers (see `json_numbers`), booleans and None.

    Raises:
        MalformedRequest: It is not JSON in UTF-8, has NaN, an infinity, a number out of range, two
            members of one name, a lone surrogate, or is nested deeper than `MAX_DEPTH`.
    """
    value, flawed = _read(text)
    if (problem := _problem_in(value, (), flawed=flawed)) is not None:
        raise problem
    return value


def parse_batch(text: bytes | str) -> Any:
    """Reads one JSON document, whose elements are judged one by one if it is an array.

    Args:
        text: The document, as in `parse`.

    Returns:
        What `parse` returns. In an array a `MalformedRequest` stands for each element that cannot
        be read.

    Raises:
        MalformedRequest: It is not JSON in UTF-8, or it is not an array and `parse` refuses it. If
            an array is not JSON, the fault points at the element in which reading stops.
    """
    value, flawed = _read(text)
    if not isinstance(value, list):
        if (problem := _problem_in(value, (), flawed=flawed)) is not None:
            raise problem
        return value
    return [
        each if (problem := _problem_in(each, (place,), flawed=flawed)) is None else problem
        for place, each in enumerate(value)
    ]


class _Flaw:
    """Stands where something cannot be read, until its place is known.

    Attributes:
        detail: What is wrong.
    """

    def __init__(self, detail: str) -> None:
        self.detail = detail


def _read(text: bytes | str) -> tuple[Any, bool]:
    """The document with its flaws, and whether it may have flaws besides its depth."""
    decoded = _decode(text)
    if decoded.startswith("\ufeff"):
        raise MalformedRequest("The body begins with a byte order mark; send JSON without one.")
    flaws: list[_Flaw] = []

    def flaw(detail: str) -> _Flaw:
        if len(flaws) == MAX_FLAWS:
            said = f"More than {MAX_FLAWS} values of the body cannot be read"
            raise MalformedRequest(f"{said}; the first {flaws[0].detail}.")
        flaws.append(_Flaw(detail))
        return flaws[-1]

    def unique(members: list[tuple[str, Any]]) -> Any:
        value = dict(members)
        return value if len(value) == len(members) else flaw(_repeated(members))

    def within(read: Callable[[str], Any]) -> Callable[[str], Any]:
        def reading(digits: str) -> Any:
            try:
                return read(digits)
            except ValueError:
                return flaw(_BEYOND)

        return reading

    try:
        value = json.loads(
            decoded,
            object_pairs_hook=unique,
            parse_constant=lambda name: flaw(f"is {name}, which is not a JSON number"),
            parse_int=within(read_integer),
            parse_float=within(read_decimal),
        )
    except json.JSONDecodeError as error:
        said = f"{error.msg} at line {error.lineno}, column {error.colno}"
        raise _whole(decoded, error.pos, f"The body is not JSON: {said}", said) from None
    except RecursionError:
        # The place is not known. It is in the element in which reading stops.
        raise _whole(decoded, len(decoded), f"The body {_TOO_DEEP}", _TOO_DEEP) from None
    return value, bool(flaws) or "\\u" in decoded


_TOO_DEEP = f"is nested deeper than {MAX_DEPTH} levels"
_BEYOND = f"is beyond a double, or has more than {MAX_DIGITS} digits; send it as a string"
_SURROGATE = re.compile("[\ud800-\udfff]")
_HALF = "holds half of a surrogate pair, which is no character"


def _decode(text: bytes | str) -> str:
    if isinstance(text, bytes):
        try:
            return text.decode("utf-8")
        except UnicodeDecodeError as error:
            before = text[: error.start].decode("utf-8")
            said = f"byte {error.start} cannot be decoded"
            replaced = text.decode("utf-8", "replace")
            raise _whole(
                replaced, len(before), f"The body is not UTF-8: {said}", f"is not UTF-8: {said}"
            ) from None
    if "\ufffd" in text:
        # API Gateway hands text bodies over decoded, with U+FFFD for what was not UTF-8.
        said = "not UTF-8, or holds U+FFFD itself; write that as the escape \\ufffd"
        raise _whole(text, text.index("\ufffd"), f"The body is {said}", f"is {said}")
    return text


def _whole(text: str, position: int, detail: str, said: str) -> MalformedRequest:
    """The refusal of a whole body, which names the element of an array that is at fault."""
    place = _element_at(text, position)
    if place is None:
        return MalformedRequest(f"{detail}.")
    return MalformedRequest(f"{detail}, in the element {place}.", [Fault(f"/{place}", said)])


_SPACE = re.compile(r"[ \t\n\r]*")


def _element_at(text: str, position: int) -> int | None:
    """The place of the element that contains a position, or after which nothing can be read.

    None if the text is not an array, or the position is after it.
    """
    read = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode
    at = _after_space(text, 0)
    if text[at : at + 1] != "[":
        return None
    place = 0
    while True:
        try:
            _, at = read(text, _after_space(text, at + 1))
        except (json.JSONDecodeError, RecursionError):
            return place
        at = _after_space(text, at)
        if at > position or text[at : at + 1] not in (",", "]"):
            return place
        if text[at] == "]":
            return None
        place += 1


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _repeated(members: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for name, _ in members:
        if name in seen:
            break
        seen.add(name)
    return f"has two members {name[:80]!a}"


def _problem_in(value: Any, at: tuple[str | int, ...], *, flawed: bool) -> MalformedRequest | None:
    """Returns the fault of a value in the body."""
    if _deeper_than(value, MAX_DEPTH + (not at and isinstance(value, list))):
        return _refused(at, _TOO_DEEP)
    if not flawed:
        return None
    for path, each in _places(value, at):
        if isinstance(each, _Flaw):
            return _refused(path, each.detail)
        if isinstance(each, str) and _SURROGATE.search(each):
            return _refused(path, _HALF)
        if isinstance(each, dict) and any(_SURROGATE.search(name) for name in each):
            return _refused(path, f"has a member whose name {_HALF}")
    return None


def _refused(path: tuple[str | int, ...], detail: str) -> MalformedRequest:
    at = pointer(path)
    return MalformedRequest(f"{at or 'The body'} {detail}.", [Fault(at, detail)])


def _places(value: Any, at: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Everything in a value with its path; the value is not nested deeper than `MAX_DEPTH`."""
    stack = [(at, value)]
    while stack:
        path, each = stack.pop()
        yield path, each
        if isinstance(each, dict):
            stack += [((*path, name), member) for name, member in reversed(each.items())]
        elif isinstance(each, list):
            stack += [((*path, place), each[place]) for place in reversed(range(len(each)))]


def _deeper_than(value: Any, limit: int) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(limit):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return bool(level)
