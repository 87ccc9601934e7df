"""EventBridge's input transformer: variables from JSON paths, and a template that names them.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html. A template
is JSON with variables, or a text. Like EventBridge, it sends JSON without white space between its
parts. It is stricter in two points: a value inside a string is escaped, so that no event can change
the structure of what is sent, and a template that is not JSON with its variables filled in is
refused at registration.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from event_bus import json_numbers, strict_json
from event_bus.errors import MalformedRequest, pointer
from event_bus.transforms.errors import InvalidTransform, TransformFailed
from event_bus.transforms.event_parts import EventParts
from event_bus.transforms.json_paths import MISSING, JsonPath
from event_bus.transforms.limits import (
    MAX_BODY_BYTES,
    MAX_TEMPLATE_CHARACTERS,
    MAX_VARIABLE_CHARACTERS,
    MAX_VARIABLES,
)

RESERVED = frozenset(
    {
        "aws.events.rule-arn",
        "aws.events.rule-name",
        "aws.events.event.ingestion-time",
        "aws.events.event",
        "aws.events.event.json",
    }
)
"""Variables that need no path."""

_VALUES_ONLY = frozenset({"aws.events.event", "aws.events.event.json"})
_VARIABLE = re.compile(r"[A-Za-z0-9_-]+")
_TOKEN = re.compile(r'<(?P<name>[A-Za-z0-9_.-]+)>|(?P<escape>\\.)|(?P<quote>")|(?P<space>\s+)')
_FILLING = "\x1f"


@dataclass(frozen=True, slots=True)
class _Variable:
    name: str
    in_string: bool


class Template:
    """A compiled input transformer.

    Args:
        input_paths_map: The JSON path of each variable.
        input_template: The template.

    Attributes:
        is_json: Whether it makes JSON; otherwise it makes a text.

    Raises:
        InvalidTransform: It cannot be used; the pointer names the member.
    """

    __slots__ = ("_parts", "_paths", "is_json")

    def __init__(self, input_paths_map: Mapping[str, str], input_template: str) -> None:
        self._paths = _paths(input_paths_map)
        if not 1 <= len(input_template) <= MAX_TEMPLATE_CHARACTERS:
            raise InvalidTransform(
                "/input_template", f"must have 1 to {MAX_TEMPLATE_CHARACTERS} characters"
            )
        self.is_json = _makes_json(input_template)
        self._parts = list(_parts(input_template, is_json=self.is_json))
        self._check()

    def render(self, parts: EventParts) -> bytes:
        """Returns the event as the template shapes it.

        Raises:
            TransformFailed: It is too large.
        """
        return self._render(parts.document, parts.reserved)

    def _render(self, document: Any, reserved: Mapping[str, Any]) -> bytes:
        written: list[bytes] = []
        size = 0
        for part in self._parts:
            text = part if isinstance(part, bytes) else self._filled(part, document, reserved)
            # Where a text is sent or shown as a JSON string, a control character takes six bytes.
            size += len(text) if self.is_json else len(json_numbers.dumps(text.decode())) - 2
            if size > MAX_BODY_BYTES:
                raise TransformFailed(f"the template makes more than {MAX_BODY_BYTES} bytes")
            written.append(text)
        return b"".join(written)

    def _filled(self, variable: _Variable, document: Any, reserved: Mapping[str, Any]) -> bytes:
        path = self._paths.get(variable.name)
        value = path.value(document) if path else reserved[variable.name]
        if value is MISSING:
            value = ""
        if self.is_json and not variable.in_string:
            return json_numbers.dumps(value)
        text = value if isinstance(value, str) else json_numbers.dumps(value).decode()
        return json_numbers.dumps(text)[1:-1] if self.is_json else text.encode()

    def _check(self) -> None:
        at = "/input_template"
        for part in self._parts:
            if isinstance(part, bytes):
                continue
            if part.name not in self._paths and part.name not in RESERVED:
                raise InvalidTransform(
                    at, f"names the variable <{part.name}>, which input_paths_map does not define"
                )
            if part.name in _VALUES_ONLY and (part.in_string or not self.is_json):
                raise InvalidTransform(
                    at, f"must use <{part.name}> as a value of JSON, and not inside a string"
                )
        if not self.is_json:
            return
        try:
            filled = strict_json.parse(_with_fillings(self._parts))
        except MalformedRequest as error:
            said = error.detail.removesuffix(".").replace("The body", "it", 1)
            raise InvalidTransform(
                at, f"must be JSON once its variables are filled in, or a text: {said}"
            ) from None
        if any(_FILLING in key for key in _keys(filled)):
            raise InvalidTransform(at, "must not use a variable as the name of a member")


def _paths(given: Mapping[str, str]) -> dict[str, JsonPath]:
    if len(given) > MAX_VARIABLES:
        raise InvalidTransform("/input_paths_map", f"must define at most {MAX_VARIABLES} variables")
    paths = {}
    for name, text in given.items():
        at = pointer(["input_paths_map", name])
        if not _VARIABLE.fullmatch(name) or len(name) > MAX_VARIABLE_CHARACTERS:
            raise InvalidTransform(
                at,
                f"must be named by 1 to {MAX_VARIABLE_CHARACTERS} letters, digits, '_' and '-'",
            )
        try:
            paths[name] = JsonPath(text)
        except ValueError as error:
            raise InvalidTransform(at, str(error)) from None
    return paths


def _makes_json(template: str) -> bool:
    """Returns whether a template is meant to make JSON; otherwise it makes a text."""
    first = template.lstrip()[:1]
    if first == "<":
        # JSON and texts can both begin with a variable.
        return _is_json(list(_parts(template, is_json=True)))
    return first in ('"', "{", "[")


def _parts(template: str, *, is_json: bool) -> Iterator[bytes | _Variable]:
    """Yields the texts and variables of a template, white space between parts of JSON left out."""
    in_string, end = False, 0
    for token in _TOKEN.finditer(template):
        if token.start() > end:
            yield template[end : token.start()].encode()
        end = token.end()
        if token["name"]:
            yield _Variable(token["name"], in_string)
        elif token["space"] and is_json and not in_string:
            pass
        else:
            in_string ^= bool(token["quote"])
            yield token[0].encode()
    yield template[end:].encode()


def _with_fillings(parts: list[bytes | _Variable]) -> bytes:
    quoted = json.dumps(_FILLING).encode()
    return b"".join(
        part if isinstance(part, bytes) else quoted[1:-1] if part.in_string else quoted
        for part in parts
    )


def _is_json(parts: list[bytes | _Variable]) -> bool:
    try:
        strict_json.parse(_with_fillings(parts))
    except MalformedRequest:
        return False
    return True


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        for each in value.values():
            yield from _keys(each)
    elif isinstance(value, list):
        for each in value:
            yield from _keys(each)
