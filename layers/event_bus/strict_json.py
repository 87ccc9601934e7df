"""JSON as the API reads it: I-JSON (RFC 7493) in UTF-8, of bounded depth.

Python's own reader takes NaN and infinities, keeps the last of two equal names and rounds numbers;
what would be stored could then differ from what other readers see.
"""

import json
from collections.abc import Callable
from typing import Any, NoReturn

import orjson

from event_bus.errors import Fault, MalformedRequest, pointer
from event_bus.json_numbers import MAX_DIGITS, dumps, read_decimal, read_integer

MAX_DEPTH = 32
"""How deep arrays and objects may be nested."""


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
    decoded = _decode(text)
    beyond: list[_Beyond] = []
    try:
        value = json.loads(
            decoded,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_int=_within(read_integer, beyond),
            parse_float=_within(read_decimal, beyond),
        )
    except json.JSONDecodeError as error:
        raise MalformedRequest(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except RecursionError:
        raise MalformedRequest(_TOO_DEEP) from None
    # A batch may hold events as deep as a single one.
    if _deeper_than(value, MAX_DEPTH + isinstance(value, list)):
        raise MalformedRequest(_TOO_DEEP)
    if beyond:
        at = _pointer_of(value, beyond[0])
        detail = f"is beyond a double, or has more than {MAX_DIGITS} digits; send it as a string"
        raise MalformedRequest(
            f"The number {beyond[0].text[:40]} is out of range.", [Fault(at, detail)]
        )
    if "\\u" in decoded:
        _refuse_lone_surrogates(value)
    return value


_TOO_DEEP = f"The body is nested deeper than {MAX_DEPTH} levels."


def _decode(text: bytes | str) -> str:
    if isinstance(text, bytes):
        try:
            return text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise MalformedRequest(
                f"The body is not UTF-8: byte {error.start} cannot be decoded."
            ) from None
    if "\ufffd" in text:
        # API Gateway hands text bodies over decoded, with U+FFFD for what was not UTF-8.
        raise MalformedRequest(
            "The body is not UTF-8, or holds U+FFFD itself; write that as the escape \\ufffd."
        )
    return text


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(members)
    if len(value) != len(members):
        seen: set[str] = set()
        for name, _ in members:
            if name in seen:
                raise MalformedRequest(f"The body has an object with two members {name[:80]!a}.")
            seen.add(name)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedRequest(f"The body holds {name}, which is not a JSON number.")


class _Beyond:
    """Stands where a number is out of range, until its place is known."""

    def __init__(self, text: str) -> None:
        self.text = text


def _within(read: Callable[[str], Any], beyond: list[_Beyond]) -> Callable[[str], Any]:
    """Reads numbers, and collects those that are out of range."""

    def reading(digits: str) -> Any:
        try:
            return read(digits)
        except ValueError:
            beyond.append(_Beyond(digits))
            return beyond[-1]

    return reading


def _pointer_of(value: Any, wanted: object) -> str:
    """The JSON pointer of what is in a value; it is not nested deeper than `MAX_DEPTH`."""
    stack: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while stack:
        path, each = stack.pop()
        if each is wanted:
            return pointer(path)
        if isinstance(each, dict):
            stack += [((*path, name), member) for name, member in each.items()]
        elif isinstance(each, list):
            stack += [((*path, place), member) for place, member in enumerate(each)]
    return ""


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


def _refuse_lone_surrogates(value: Any) -> None:
    try:
        dumps(value)
    except orjson.JSONEncodeError:
        raise MalformedRequest(
            "The body holds half of a surrogate pair, which is no character."
        ) from None
