"""Reads what a client sent into a model, and reports each fault precisely."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from event_bus import times
from event_bus.errors import Fault, InvalidRequest, pointer
from event_bus.model.names import (
    MAX_LABEL_CHARACTERS,
    SERVICE_PATTERN,
    SERVICE_WORDS,
    refuse_control_characters,
)


def checked(check: Callable[[Any], object]) -> Callable[[Any], Any]:
    """Makes a field validator of a function that raises ValueError for invalid values.

    Args:
        check: Raises a ValueError, whose text completes the sentence "the member ...", for an
            invalid value.
    """

    def validator(value: Any) -> Any:
        try:
            check(value)
        except ValueError as error:
            raise PydanticCustomError("refused", "{reason}", {"reason": str(error)}) from None
        return value

    return validator


def one_of_two(value: Any, info: ValidationInfo, other: str, required: str = "is required") -> Any:
    """Checks that a request has either this member or another one.

    Args:
        value: The value of the member; None if it is absent.
        info: The members before it.
        other: The name of the other member, one of those before it.
        required: What the error says before the name of the other member if both are absent.
    """
    if value is None and not _has(info, other):
        raise PydanticCustomError(
            "absent", "{said} without {other}", {"said": required, "other": other}
        )
    return not_with(value, info, other)


def not_with(value: Any, info: ValidationInfo, other: str) -> Any:
    """Checks that a member is absent if another one is present.

    Args:
        value: The value of the member; None if it is absent.
        info: The members before it.
        other: The name of the other member, one of those before it.
    """
    if value is not None and _has(info, other):
        raise PydanticCustomError("two", "must be left out with {other}", {"other": other})
    return value


def only_with(value: Any, info: ValidationInfo, other: str) -> Any:
    """Checks that a member is absent if another one is absent.

    Args:
        value: The value of the member; None if it is absent.
        info: The members before it.
        other: The name of the other member, one of those before it.
    """
    if value is not None and not _has(info, other):
        raise PydanticCustomError("alone", "must be left out without {other}", {"other": other})
    return value


def _has(info: ValidationInfo, name: str) -> bool:
    # A member whose value was refused is present, too, but has no value here.
    return info.data.get(name, "refused") is not None


def _utc(text: str) -> str:
    try:
        return times.parse(text)
    except ValueError as error:
        raise PydanticCustomError("time", "{reason}", {"reason": str(error)}) from None


Time = Annotated[str, AfterValidator(_utc)]
"""An RFC 3339 time, converted to UTC with milliseconds."""

EACH_ONCE = AfterValidator(lambda values: list(dict.fromkeys(values)))
"""Keeps the first of equal elements of a list."""

_WORDS: dict[str, str] = {}


def spelled(pattern: str, words: str) -> Any:
    """Returns a string field with a regular expression, and a description of it for error messages.

    Args:
        pattern: The regular expression.
        words: The description after "must be".
    """
    _WORDS[pattern] = words
    return Field(pattern=pattern)


ServiceId = Annotated[str, spelled(SERVICE_PATTERN, SERVICE_WORDS)]
"""The name of a service: 1 to 64 letters, digits, `_` and `-`."""


Name = Annotated[
    str, Field(min_length=1, max_length=128), AfterValidator(checked(refuse_control_characters))
]
"""The name of a publisher or subscription for people."""

Label = Annotated[
    str,
    Field(min_length=1, max_length=MAX_LABEL_CHARACTERS),
    AfterValidator(checked(refuse_control_characters)),
]
"""An identifier that related events share, such as a correlation id."""


Identifier = Annotated[
    str, Field(min_length=1, max_length=128), AfterValidator(checked(refuse_control_characters))
]
"""The identifier of something that may or may not exist."""


class RequestModel(BaseModel):
    """The base of what clients send: types are not coerced, unknown members are refused.

    Attributes:
        fixed: Members that a resource has but a change cannot name, and what to do instead.
        nullable: The members that may be null; None for all whose type permits it.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    fixed: ClassVar[Mapping[str, str]] = {}
    nullable: ClassVar[Collection[str] | None] = None


_Model = TypeVar("_Model", bound=BaseModel)


def read(model: type[_Model], value: Any, at: str = "") -> _Model:
    """Reads a JSON value as a model.

    Args:
        model: What the value must be.
        value: The parsed JSON.
        at: The JSON pointer of the value in the request's body.

    Raises:
        InvalidRequest: The value does not fit; each fault is named by its JSON pointer.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid(
            [
                Fault(at + pointer(_within(value, _place(fault))), _said(fault, model))
                for fault in error.errors(include_url=False)
            ]
        ) from None


def members_of(change: BaseModel, removable: Collection[str] = ()) -> dict[str, Any]:
    """Returns the members that a change names, by their names.

    Args:
        change: The change.
        removable: The members that null removes.

    Raises:
        InvalidRequest: Another member is null.
    """
    members = {name: getattr(change, name) for name in change.model_fields_set}
    nulls = [name for name, value in members.items() if value is None and name not in removable]
    if nulls:
        raise invalid([Fault(f"/{name}", "must not be null") for name in sorted(nulls)])
    return members


def _place(fault: ErrorDetails) -> tuple[str | int, ...]:
    if fault["type"] in ("union_tag_invalid", "union_tag_not_found"):
        # The fault is the member that names the kind, not the object around it.
        return (*fault["loc"], fault["ctx"]["discriminator"].strip("'"))
    return fault["loc"]


def _within(value: Any, path: Sequence[str | int]) -> list[str | int]:
    # Pydantic adds the chosen model of a union to the path, and `[key]` behind a member whose name
    # is refused; the request has no such members.
    found: list[str | int] = []
    part: Any
    for place, part in enumerate(path):
        named = isinstance(value, dict) and part in value
        if named or (isinstance(value, list) and isinstance(part, int)):
            value = value[part]
        elif place + 1 < len(path) or part == "[key]":
            continue
        found.append(part)
    return found


def invalid(faults: Sequence[Fault]) -> InvalidRequest:
    """Returns the error for a request with these faults."""
    first = f"{faults[0].pointer or 'the body'}: {faults[0].detail}"
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return InvalidRequest(first + more, faults)


_SAID = {
    "extra_forbidden": "is not a known member",
    "missing": "is required",
    "union_tag_not_found": "is required",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be an array",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
}


# The pointer names the member, so its class need not be named.
_SUBJECT = re.compile(r"^[A-Z][a-z]+ should")


def _said(fault: ErrorDetails, model: type[BaseModel]) -> str:
    if fault["type"] == "string_pattern_mismatch" and fault["ctx"]["pattern"] in _WORDS:
        return f"must be {_WORDS[fault['ctx']['pattern']]}"
    if fault["type"] == "extra_forbidden" and issubclass(model, RequestModel):
        [*parents, name] = fault["loc"]
        if not parents and name in model.fixed:
            return f"cannot be changed; {model.fixed[str(name)]}"
    if fault["type"] == "union_tag_invalid":
        return f"must be one of {fault['ctx']['expected_tags']}"
    if fault["type"] == "string_pattern_mismatch":
        return f"must match the pattern {fault['ctx']['pattern']}"
    said = _SUBJECT.sub("must", fault["msg"]).replace(" after validation", "")
    return _SAID.get(fault["type"], said.replace("should", "must"))
