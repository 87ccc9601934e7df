"""Contexts: reference data of services, which enrichments look up."""

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from event_bus import json_numbers
from event_bus.model.validation import Request, checked, refuse_control_characters, spelled

MAX_ENTRIES = 10_000
"""Entries of all contexts of a service."""

MAX_KEY_CHARACTERS = 128
"""The longest key of an entry."""

MAX_VALUE_BYTES = 16 * 1024
"""The largest value of an entry, as compact JSON in UTF-8."""

_NAME_WORDS = "1 to 64 letters, digits, '_' and '-', of which the first is a letter or a digit"

ContextName = Annotated[str, spelled(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", _NAME_WORDS)]
"""The name of a context."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def check_context_name(name: str) -> None:
    """Refuses an invalid name of a context.

    Raises:
        ValueError: It is not one.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"must be {_NAME_WORDS}")


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


def _check_value(value: Any) -> None:
    if len(json_numbers.dumps(value)) > MAX_VALUE_BYTES:
        raise ValueError(f"must have at most {MAX_VALUE_BYTES} bytes as compact JSON")


class ContextEntryRequest(Request):
    """The value of an entry, as a client sends it."""

    value: Annotated[Any, AfterValidator(checked(_check_value))]
    expected_version: Annotated[int, Field(ge=0, lt=2**53)] | None = None


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
