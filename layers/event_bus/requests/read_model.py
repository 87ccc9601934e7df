"""The request to keep a read model."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from event_bus.requests.validation import EACH_ONCE, RequestModel, checked

MAX_INDEXES = 2
"""The most indexed members of a read model."""

_MEMBER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_PARAMETERS = frozenset({"source", "limit", "cursor"})


def _check_member(name: str) -> None:
    if not _MEMBER.fullmatch(name):
        raise ValueError(
            "must be the name of a member of states: 1 to 64 letters, digits and '_', beginning "
            "with a letter or '_'"
        )
    if name in _PARAMETERS:
        raise ValueError("must not be the name of a parameter of lists: source, limit or cursor")


class ReadModelRegistration(RequestModel):
    """The read model of a category.

    Attributes:
        indexes: The members of states by which they can be found.
    """

    indexes: Annotated[
        list[Annotated[str, AfterValidator(checked(_check_member))]],
        Field(max_length=MAX_INDEXES),
        EACH_ONCE,
    ] = Field(default_factory=list)
