"""JSON as the API reads it: I-JSON (RFC 7493) in UTF-8, of bounded depth.

Python's own reader takes NaN and infinities, keeps the last of two equal names and makes integers
of any length; what would be stored could then differ from what other readers see.
"""

import json
import math
from typing import Any, NoReturn

import orjson

from event_bus.errors import MalformedRequest

MAX_DEPTH = 32
"""How deep arrays and objects may be nested."""

_MAX_DIGITS = 20
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1


def parse(text: bytes | str) -> Any:
    """Reads one JSON document.

    Args:
        text: The document; as a string, one that has been decoded from UTF-8 already.

    Returns:
        Dictionaries, lists, strings, numbers, booleans and None.

    Raises:
        MalformedRequest: It is not JSON in UTF-8, has NaN, an infinity, a number out of range, two
            members of one name, a lone surrogate, or is nested deeper than `MAX_DEPTH`.
    """
    decoded = _decode(text)
    try:
        value = json.loads(
            decoded,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_finite,
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


def _integer(digits: str) -> int:
    if len(digits) <= _MAX_DIGITS:
        value = int(digits)
        if _SMALLEST <= value <= _LARGEST:
            return value
    raise MalformedRequest(
        f"The body holds the integer {digits[:40]}, which is beyond 64 bits; send it as a string."
    )


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise MalformedRequest(
            f"The body holds the number {digits[:40]}, which is beyond a double; "
            "send it as a string."
        )
    return value


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
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        raise MalformedRequest(
            "The body holds half of a surrogate pair, which is no character."
        ) from None
