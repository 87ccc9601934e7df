"""JSON as the API reads it: I-JSON (RFC 7493) in UTF-8, of bounded depth.

Python's own reader accepts NaN and infinities, keeps the last of two members with one name, and
rounds numbers. So the bus could store another document than other readers see.
"""

import json
import re
from typing import Any

from event_bus.errors import Fault, MalformedRequest, pointer
from event_bus.json_numbers import MAX_DIGITS, may_be_inexact, read_decimal, read_integer

MAX_DEPTH = 32
"""How deep arrays and objects may be nested."""

MAX_FLAWS = 1_000
"""The most unreadable values that are reported; a body with more is refused as a whole."""


def parse(text: bytes | str) -> Any:
    """Reads one JSON document.

    Args:
        text: The document, as bytes in UTF-8 or as a string that was decoded from UTF-8.

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
    if not flawed and not deeper_than(value, MAX_DEPTH + 1):
        return value
    return [
        each
        if type(each) in _SOUND or (problem := _problem_in(each, (place,), flawed=flawed)) is None
        else problem
        for place, each in enumerate(value)
    ]


class _Flaw:
    """A placeholder for a value that cannot be read, until its place in the document is known.

    Attributes:
        detail: What is wrong.
    """

    def __init__(self, detail: str) -> None:
        self.detail = detail


class _ReaderHooks:
    """The hooks of the standard library's reader. A value that they refuse becomes a `_Flaw`.

    Attributes:
        flaws: The flaws found so far.
    """

    def __init__(self) -> None:
        self.flaws: list[_Flaw] = []

    def _flaw(self, detail: str) -> _Flaw:
        if len(self.flaws) == MAX_FLAWS:
            said = f"More than {MAX_FLAWS} values of the body cannot be read"
            raise MalformedRequest(f"{said}; the first {self.flaws[0].detail}.")
        self.flaws.append(_Flaw(detail))
        return self.flaws[-1]

    def members(self, members: list[tuple[str, Any]]) -> Any:
        value = dict(members)
        return value if len(value) == len(members) else self._flaw(_repeated(members))

    def constant(self, name: str) -> _Flaw:
        return self._flaw(f"is {name}, which is not a JSON number")

    def integer(self, digits: str) -> Any:
        try:
            return int(digits) if len(digits) < _FEW_DIGITS else read_integer(digits)
        except ValueError:
            return self._flaw(_BEYOND)

    def decimal(self, digits: str) -> Any:
        try:
            return read_decimal(digits)
        except ValueError:
            return self._flaw(_BEYOND)


def _read(text: bytes | str) -> tuple[Any, bool]:
    """Returns the document with its flaws, and whether it may have flaws besides its depth."""
    decoded = _decode(text)
    if decoded.startswith("\ufeff"):
        raise MalformedRequest("The body begins with a byte order mark; send JSON without one.")
    reading = _ReaderHooks()
    # Numbers are read several times as fast without hooks.
    inexact = may_be_inexact(decoded.encode("utf-8", "surrogatepass"))
    try:
        value = json.loads(
            decoded,
            object_pairs_hook=reading.members,
            parse_constant=reading.constant,
            parse_int=reading.integer if inexact else None,
            parse_float=reading.decimal if inexact else None,
        )
    except json.JSONDecodeError as error:
        # Some of the texts end in "at".
        what = error.msg.removesuffix(" at")
        said = f"{what} at line {error.lineno}, column {error.colno}"
        raise _whole(decoded, error.pos, f"The body is not JSON: {said}", said) from None
    except RecursionError:
        # The reader does not say which value is too deep. It is in the element where reading stops.
        raise _whole(decoded, len(decoded), f"The body {_TOO_DEEP}", _TOO_DEEP) from None
    return value, bool(reading.flaws) or _may_have_halves(decoded)


_TOO_DEEP = f"is nested deeper than {MAX_DEPTH} levels"
_FEW_DIGITS = len(str(2**63 - 1))
_BEYOND = f"is beyond a double, or has more than {MAX_DIGITS} digits; send it as a string"
_ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")
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
    """Returns the refusal of a whole body, which names the element of an array that is at fault."""
    place = _element_at(text, position)
    if place is None:
        return MalformedRequest(f"{detail}.")
    return MalformedRequest(f"{detail}, in the element {place}.", [Fault(f"/{place}", said)])


_SPACE = re.compile(r"[ \t\n\r]+")


def _element_at(text: str, position: int) -> int | None:
    """Returns the index of the array's element at a position of the text.

    If an element cannot be read, it is the index of that one.

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
        if (following := text[at : at + 1]) != ",":
            at = _after_space(text, at)
            following = text[at : at + 1]
        if at > position or following not in (",", "]"):
            return place
        if following == "]":
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
    if deeper_than(value, MAX_DEPTH + (not at and isinstance(value, list))):
        return _refused(at, _TOO_DEEP)
    if flawed and (found := _first_flaw(value)):
        path, detail = found
        return _refused((*at, *reversed(path)), detail)
    return None


def _refused(path: tuple[str | int, ...], detail: str) -> MalformedRequest:
    at = pointer(path)
    return MalformedRequest(f"{at or 'The body'} {detail}.", [Fault(at, detail)])


def _first_flaw(value: Any) -> tuple[list[str | int], str] | None:
    """Returns the path, innermost part first, and the detail of the first flaw, if any.

    The value must be at most `MAX_DEPTH` levels deep.
    """
    if isinstance(value, _Flaw):
        return [], value.detail
    if isinstance(value, str):
        return ([], _HALF) if _has_half(value) else None
    if isinstance(value, dict):
        if any(map(_has_half, value)):
            return [], f"has a member whose name {_HALF}"
        children: Any = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    else:
        return None
    for place, child in children:
        if type(child) in _SOUND:
            continue
        if found := _first_flaw(child):
            found[0].append(place)
            return found
    return None


_SOUND = frozenset((int, float, bool, type(None)))
_CONTAINERS = frozenset((dict, list))


def _may_have_halves(document: str) -> bool:
    if _has_half(document):
        return True
    return "\\u" in document and _ESCAPED_HALF.search(document) is not None


def _has_half(text: str) -> bool:
    return not text.isascii() and _SURROGATE.search(text) is not None


def deeper_than(value: Any, limit: int) -> bool:
    """Returns whether arrays and objects are nested in more levels than a limit."""
    level = [value] if type(value) in _CONTAINERS else []
    for _ in range(limit):
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)
            if type(child) in _CONTAINERS
        ]
        if not level:
            return False
    return bool(level)
