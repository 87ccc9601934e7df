"""Parameters of requests: how each is read, and how the OpenAPI document describes it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from event_bus import times
from event_bus.matching.event_types import validate_type_pattern
from event_bus.matching.limits import MAX_EVENT_TYPES
from event_bus.model.names import SERVICE_PATTERN, SERVICE_WORDS, is_service_id
from event_bus.paging import DEFAULT_LIMIT, MAX_LIMIT

MAX_PARAMETER_CHARACTERS = 500
"""The longest query parameter; a key of DynamoDB has at most 2,048 bytes."""

Value = TypeVar("Value")
Choice = TypeVar("Choice", bound=str)


@dataclass(frozen=True, slots=True, eq=False)
class Parameter(Generic[Value]):
    """A query parameter.

    Attributes:
        name: Its name.
        description: What it selects or sets.
        read: Reads the text that was sent; raises ValueError with what it must be.
        schema: The JSON schema of that text.
        default: The value of a request that does not send it.
        required: Whether a request must send it.
        longest: How many characters its text may have.
        repeatable: Whether it may be sent several times. API Gateway joins the texts by commas.
    """

    name: str
    description: str
    read: Callable[[str], Value]
    schema: dict[str, Any] = field(default_factory=dict)
    default: Value | None = None
    required: bool = False
    longest: int = MAX_PARAMETER_CHARACTERS
    repeatable: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """A header of a request, for the OpenAPI document.

    Attributes:
        name: Its name.
        description: What it says.
        schema: The JSON schema of its text.
    """

    name: str
    description: str
    schema: dict[str, Any]


def text(name: str, description: str, longest: int = MAX_PARAMETER_CHARACTERS) -> Parameter[str]:
    """Returns a parameter whose text is used unchanged."""
    schema = {"type": "string", "minLength": 1, **_bound(longest)}
    return Parameter(name, description, str, schema, longest=longest)


def required_text(name: str, description: str, longest: int) -> Parameter[str]:
    """Returns a required parameter whose text is used unchanged."""
    return replace(text(name, description, longest), required=True)


def service(name: str, description: str) -> Parameter[str]:
    """Returns a parameter that names a service."""

    def read(sent: str) -> str:
        if not is_service_id(sent):
            raise ValueError(f"must be the name of a service: {SERVICE_WORDS}")
        return sent

    return Parameter(name, description, read, {"type": "string", "pattern": SERVICE_PATTERN})


def _bound(longest: int) -> dict[str, int]:
    """Returns the schema of a bound on a text's length; the usual bound is not stated."""
    return {} if longest == MAX_PARAMETER_CHARACTERS else {"maxLength": longest}


def whole(
    name: str, description: str, *, default: int | None, minimum: int, maximum: int
) -> Parameter[int]:
    """Returns a parameter that is a whole number; both bounds are included."""

    def read(sent: str) -> int:
        # Longer numbers would take time to convert.
        if sent.isascii() and sent.isdigit() and len(sent) < 17:
            number = int(sent)
            if minimum <= number <= maximum:
                return number
        raise ValueError(f"must be a whole number from {minimum} to {maximum}")

    schema = {"type": "integer", "minimum": minimum, "maximum": maximum}
    if default is not None:
        schema["default"] = default
    return Parameter(name, description, read, schema, default)


def choice(
    name: str, description: str, choices: Sequence[Choice], default: Choice | None = None
) -> Parameter[Choice]:
    """Returns a parameter that is one of several words."""
    *most, last = choices

    def read(sent: str) -> Choice:
        for each in choices:
            if sent == each:
                return each
        raise ValueError(f"must be {', '.join(most)} or {last}")

    schema: dict[str, Any] = {"type": "string", "enum": list(choices)}
    if default:
        schema["default"] = default
    return Parameter(name, description, read, schema, default)


def flag(name: str, description: str) -> Parameter[bool]:
    """Returns a parameter that is `true` or `false`."""
    word = choice(name, description, ("true", "false"))
    return Parameter(name, description, lambda sent: word.read(sent) == "true", word.schema)


def time(name: str, description: str) -> Parameter[str]:
    """Returns a parameter that is a time, RFC 3339, and is converted to UTC."""

    def read(sent: str) -> str:
        # A plus sign that was not percent-encoded arrives as a space.
        return times.parse(sent.replace(" ", "+"))

    return Parameter(name, description, read, {"type": "string", "format": "date-time"})


def type_pattern(name: str, description: str) -> Parameter[str]:
    """Returns a parameter that is an event type or a type pattern."""

    def read(sent: str) -> str:
        validate_type_pattern(sent)
        return sent

    return Parameter(name, description, read, {"type": "string", "minLength": 1})


def type_patterns(name: str, description: str) -> Parameter[list[str]]:
    """Returns a required parameter that lists event types or type patterns, separated by commas.

    A repeated one is kept once.
    """

    def read(sent: str) -> list[str]:
        patterns = list(dict.fromkeys(sent.split(",")))
        if len(patterns) > MAX_EVENT_TYPES:
            raise ValueError(f"must have at most {MAX_EVENT_TYPES} patterns")
        for pattern in patterns:
            validate_type_pattern(pattern)
        return patterns

    schema = {"type": "string", "minLength": 1}
    return Parameter(name, description, read, schema, required=True, repeatable=True)


LIMIT = whole(
    "limit",
    "The most results in an answer.",
    default=DEFAULT_LIMIT,
    minimum=1,
    maximum=MAX_LIMIT,
)
CURSOR = text(
    "cursor", "`next_cursor` of the page before, to the same caller with the same filters."
)
PAGING = (LIMIT, CURSOR)
"""The parameters of every list."""

PAGING_BY_NAME = (LIMIT, replace(CURSOR, longest=2_000))
"""The parameters of a list in the order of names that clients chose, which may be long."""
