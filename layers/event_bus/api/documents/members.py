"""Types that members of several documents have."""

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema
from typing_extensions import TypedDict

Time = Annotated[
    str,
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "description": "RFC 3339, UTC, with milliseconds.",
        }
    ),
]
Count = Annotated[int, Field(ge=0)]
Number = Annotated[float, Field(ge=0)]
Object = dict[str, Any]

NextCursor = Annotated[
    str | None,
    Field(
        description="Send it to get the next page; null at the end. A page before the end may be "
        "short, or even empty."
    ),
]


class Page(TypedDict):
    """A page of a list; each list adds its `items`."""

    next_cursor: NextCursor


Period = TypedDict("Period", {"from": Time, "to": Time})
"""A period: the first time, included, and the last one, excluded."""
