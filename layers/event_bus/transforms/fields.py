"""Headers of HTTP requests and message attributes of SQS and SNS that a subscription sets."""

import re
from collections.abc import Mapping
from typing import Any

from event_bus import json_numbers
from event_bus.errors import pointer
from event_bus.transforms.errors import InvalidTransform, TransformFailed
from event_bus.transforms.event_parts import EventParts
from event_bus.transforms.json_paths import MISSING, JsonPath
from event_bus.transforms.limits import (
    MAX_HEADERS,
    MAX_SENT_CHARACTERS,
    MAX_VALUE_CHARACTERS,
)

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_RESERVED_PREFIXES = ("webhook-", "ce-", "event-bus-", "proxy-", "sec-", "x-forwarded-")
_RESERVED = frozenset(
    {"host", "content-length", "content-type", "content-encoding", "transfer-encoding"}
    | {"connection", "keep-alive", "te", "trailer", "upgrade", "expect", "date", "via", "forwarded"}
    | {"user-agent", "traceparent", "tracestate", "accept-encoding"}
)
_SECRET = frozenset({"authorization", "cookie"})

_ATTRIBUTE = re.compile(r"[A-Za-z0-9_.-]{1,256}")
_NOT_VISIBLE = re.compile(r"[^\x20-\x7e]")


class Fields:
    """Named values, each static or from the event. A value that begins with `$.` is a JSON path.

    Args:
        given: The values by their names.
        at: The JSON pointer of the whole.

    Raises:
        InvalidTransform: A path cannot be read.
    """

    __slots__ = ("_values",)

    def __init__(self, given: Mapping[str, str], at: str) -> None:
        self._values: dict[str, str | JsonPath] = {}
        for name, value in given.items():
            try:
                self._values[name] = JsonPath(value) if value.startswith("$.") else value
            except ValueError as error:
                raise InvalidTransform(_below(at, name), str(error)) from None

    def of(self, parts: EventParts) -> dict[str, Any]:
        """Returns the values for an event; one without a value at its path is left out.

        Raises:
            TransformFailed: A value is too long.
        """
        found: dict[str, Any] = {}
        for name, value in self._values.items():
            sent = value.value(parts.document) if isinstance(value, JsonPath) else value
            if sent is MISSING or sent is None or sent == "":
                continue
            if not isinstance(sent, str | int | float) or isinstance(sent, bool):
                sent = json_numbers.dumps(sent).decode()
            if isinstance(sent, str) and len(sent) > MAX_SENT_CHARACTERS:
                raise TransformFailed(
                    f"the value of {name} has more than {MAX_SENT_CHARACTERS} characters"
                )
            found[name] = sent
        return found


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuses headers that a subscription may not set.

    Raises:
        InvalidTransform: There is such a header.
    """
    at = "/headers"
    if len(headers) > MAX_HEADERS:
        raise InvalidTransform(at, f"must name at most {MAX_HEADERS} headers")
    seen: set[str] = set()
    for name, value in headers.items():
        lower = name.lower()
        if not _TOKEN.fullmatch(name):
            raise InvalidTransform(
                _below(at, name), "must be named by 1 to 64 letters, digits and !#$%&'*+-.^_`|~"
            )
        if lower in seen:
            raise InvalidTransform(_below(at, name), "is named twice, in another spelling")
        seen.add(lower)
        if lower in _RESERVED or lower.startswith(_RESERVED_PREFIXES):
            raise InvalidTransform(_below(at, name), "is set by the bus")
        if lower in _SECRET:
            raise InvalidTransform(
                _below(at, name),
                "must not be set: everybody who reads the subscription would read the secret; the "
                "signature says who sends",
            )
        _check_value(value, _below(at, name))


def check_attributes(attributes: Mapping[str, str], most: int) -> None:
    """Refuses message attributes that SQS and SNS would refuse.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html

    Args:
        attributes: The attributes.
        most: How many there may be.

    Raises:
        InvalidTransform: There is such an attribute.
    """
    at = "/attributes"
    if len(attributes) > most:
        raise InvalidTransform(at, f"must name at most {most} attributes")
    for name, value in attributes.items():
        if not _ATTRIBUTE.fullmatch(name) or ".." in name or name[0] == "." or name[-1] == ".":
            raise InvalidTransform(
                _below(at, name),
                "must be named by 1 to 256 letters, digits, '_', '-' and single periods inside",
            )
        if name.lower().startswith(("aws.", "amazon.")):
            raise InvalidTransform(_below(at, name), "must not begin with AWS. or Amazon.")
        _check_value(value, _below(at, name))


def header_text(value: Any) -> str:
    """Returns a value as the text of a header; all except printable ASCII is percent-encoded.

    No event can end the header and begin another one.
    """
    return "".join(
        each
        if " " <= each <= "~" and each != "%"
        else "".join(f"%{byte:02X}" for byte in each.encode("utf-8", "replace"))
        for each in str(value).strip(" ")
    )


def _check_value(value: str, at: str) -> None:
    if not value or len(value) > MAX_VALUE_CHARACTERS or _NOT_VISIBLE.search(value):
        raise InvalidTransform(
            at, f"must have 1 to {MAX_VALUE_CHARACTERS} printable ASCII characters"
        )


def _below(at: str, name: str) -> str:
    return at + pointer([name])
