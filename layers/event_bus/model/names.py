"""Which names clients may choose."""

import re

from event_bus.errors import InvalidRequest

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def refuse_control_characters(text: str) -> None:
    """Refuses characters that could break a header or log line, or change its direction.

    Raises:
        ValueError: The text holds such a character.
    """
    if _CONTROL.search(text):
        raise ValueError("must not hold control or bidirectional characters")


SERVICE_WORDS = "1 to 64 letters, digits, '_' and '-', beginning with a letter or a digit"
"""The names of services in words."""

SERVICE_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
"""The regular expression of the names of services."""

_SERVICE_ID = re.compile(SERVICE_PATTERN)


def is_service_id(text: str) -> bool:
    """Returns whether a text is a valid name of a service."""
    return _SERVICE_ID.fullmatch(text) is not None


def read_service_id(text: str) -> str:
    """Reads a service's name from a path.

    Raises:
        InvalidRequest: It is not a valid name of a service.
    """
    if not is_service_id(text):
        raise InvalidRequest.at("id", f"must be the name of a service: {SERVICE_WORDS}")
    return text


MAX_LABEL_CHARACTERS = 256
"""The longest identifier that events share, such as a correlation id or a stream id.

In UTF-8, it has up to 1,024 bytes, which is the longest sort key of DynamoDB.
"""
