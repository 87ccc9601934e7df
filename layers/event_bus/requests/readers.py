"""The services that a publisher names as readers, and the types that it names them for."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from event_bus.errors import InvalidRequest, pointer
from event_bus.matching.event_types import intersection, validate_type_pattern
from event_bus.matching.limits import MAX_EVENT_TYPES
from event_bus.requests.validation import EACH_ONCE, ServiceId

MAX_READERS = 100
"""The largest number of services in one list of readers."""

MAX_RESTRICTED_NAMES = 200
"""The largest number of names in all lists of a publisher's restricted types together."""

Readers = Annotated[list[ServiceId], Field(max_length=MAX_READERS), EACH_ONCE]
"""A list of services; each is kept once."""


def _check_names(restricted: dict[str, list[str]]) -> dict[str, list[str]]:
    if sum(map(len, restricted.values())) > MAX_RESTRICTED_NAMES:
        said = f"must hold at most {MAX_RESTRICTED_NAMES} names in all its lists"
        raise PydanticCustomError("restricted", "{said}", {"said": said})
    return restricted


RestrictedTypes = Annotated[
    dict[str, Readers],
    Field(
        max_length=MAX_EVENT_TYPES,
        description="The only services that may receive a type, by type pattern; "
        f"at most {MAX_RESTRICTED_NAMES} names in all.",
    ),
    AfterValidator(_check_names),
]
"""The only services that may receive a type, by type pattern."""


def check_own_types(event_types: list[str], member: str, patterns: Iterable[str]) -> None:
    """Refuses patterns that are not valid, or that match no type of the publisher.

    Args:
        event_types: The type patterns that the publisher may publish.
        member: The member of the publisher whose keys are the patterns.
        patterns: The patterns.

    Raises:
        InvalidRequest: A pattern is refused; its JSON pointer names it.
    """
    for pattern in patterns:
        at = pointer([member, pattern])
        try:
            validate_type_pattern(pattern)
        except ValueError as error:
            raise InvalidRequest.at(at, str(error)) from None
        if not any(intersection(pattern, each) for each in event_types):
            raise InvalidRequest.at(at, "matches none of the publisher's event types")
