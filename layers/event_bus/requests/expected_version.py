"""The version that a publisher expects its stream to have."""

from collections.abc import Collection
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from event_bus.model.stream_version import MAX_VERSION
from event_bus.requests.validation import Label, RequestModel


def _said_once(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    fault = PydanticCustomError("version", "must be a whole number from 0, 'none' or 'exists'")
    if value is None:
        raise fault
    try:
        return validate(value)
    except ValidationError:
        # Otherwise each alternative of the union would be reported as a fault.
        raise fault from None


ExpectedVersion = Annotated[
    Annotated[int, Field(ge=0, le=MAX_VERSION)] | Literal["none", "exists"] | None,
    WrapValidator(_said_once),
]
"""The version of the last event; `none` if there must be no event, `exists` if there must be one.

0 means the same as `none`.
"""


class StreamMember(RequestModel):
    """The stream to which an event is appended.

    Attributes:
        id: The stream.
        expected_version: The version that the stream must have: a number, `none` if there must be
            no event, or `exists` if there must be one. Any version will do if it is left out.
    """

    nullable: ClassVar[Collection[str]] = ()

    id: Label
    expected_version: ExpectedVersion = None
