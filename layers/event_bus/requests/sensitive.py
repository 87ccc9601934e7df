"""The sensitive parts of payloads, as publishers name them."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from event_bus.model.names import refuse_control_characters
from event_bus.model.sensitive import WHOLE
from event_bus.requests.validation import checked

MAX_SENSITIVE_FIELDS = 32
"""The most sensitive parts of one type or one event."""


def _check_pointer(text: str) -> None:
    refuse_control_characters(text)
    if text and not text.startswith("/"):
        raise ValueError("must be a JSON pointer, which begins with /")
    if any(each[:1] not in ("0", "1") for each in text.split("~")[1:]):
        raise ValueError("must be a JSON pointer, in which ~ is written ~0, and / in a name ~1")


def _pointers(value: Any) -> Any:
    if value is True:
        return [WHOLE]
    if not isinstance(value, list):
        raise PydanticCustomError("sensitive", "must be true, or an array of JSON pointers")
    return value


SensitiveFields = Annotated[
    list[Annotated[str, Field(max_length=256), AfterValidator(checked(_check_pointer))]],
    Field(min_length=1, max_length=MAX_SENSITIVE_FIELDS),
    BeforeValidator(_pointers, json_schema_input_type=Literal[True] | list[str]),
]
"""The sensitive parts of a payload, as JSON pointers; `true` for all of it."""
