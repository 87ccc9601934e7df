"""Contexts: reference data of services, which enrichments look up."""

import re
from dataclasses import dataclass

from event_bus.model.names import refuse_control_characters

MAX_ENTRIES = 10_000
"""Entries of all contexts of a service."""

MAX_KEY_CHARACTERS = 128
"""The longest key of an entry."""

MAX_VALUE_BYTES = 16 * 1024
"""The largest value of an entry, as compact JSON in UTF-8."""

NAME_WORDS = "1 to 64 letters, digits, '_' and '-', beginning with a letter or a digit"
"""The names of contexts in words."""

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
"""The regular expression of the names of contexts."""

_NAME = re.compile(NAME_PATTERN)


def check_context_name(name: str) -> None:
    """Refuses an invalid name of a context.

    Raises:
        ValueError: It is not one.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"must be {NAME_WORDS}")


def check_context_key(key: str) -> None:
    """Refuses an invalid key of an entry. Keys are parts of URL paths.

    Raises:
        ValueError: It cannot be one.
    """
    if not 1 <= len(key) <= MAX_KEY_CHARACTERS:
        raise ValueError(f"must have 1 to {MAX_KEY_CHARACTERS} characters")
    if "/" in key or key in (".", ".."):
        raise ValueError("must hold no slash, and must not be . or ..")
    refuse_control_characters(key)


@dataclass(frozen=True, slots=True)
class ContextEntry:
    """An entry of a context.

    Attributes:
        service_id: The service that keeps it.
        context: The name of the context.
        key: Its key.
        value: Its value, as compact JSON.
        version: The number of writes, from 1 on. It begins at 1 again after a removal.
        updated_at: When it was last written, RFC 3339.
    """

    service_id: str
    context: str
    key: str
    value: bytes
    version: int
    updated_at: str
