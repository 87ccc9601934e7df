"""Contexts and their entries, as clients send them."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from event_bus import json_numbers
from event_bus.model.contexts import MAX_VALUE_BYTES, NAME_PATTERN, NAME_WORDS
from event_bus.requests.validation import RequestModel, checked, spelled

ContextName = Annotated[str, spelled(NAME_PATTERN, NAME_WORDS)]
"""The name of a context."""


def _check_value(value: Any) -> None:
    if len(json_numbers.dumps(value)) > MAX_VALUE_BYTES:
        raise ValueError(f"must have at most {MAX_VALUE_BYTES} bytes as compact JSON")


class ContextEntryRequest(RequestModel):
    """The value of an entry, as a client sends it.

    Attributes:
        value: Any JSON, at most 16 KiB as compact JSON.
        expected_version: The version that the entry must have, 0 for a new one; null for any.
    """

    value: Annotated[Any, AfterValidator(checked(_check_value))]
    expected_version: Annotated[int, Field(ge=0, lt=2**53)] | None = None
