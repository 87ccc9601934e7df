"""Types that members of several documents have."""

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema
from typing_extensions import TypedDict

Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""RFC 3339, in UTC, with milliseconds."""
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


class IdentifiedEvent(TypedDict):
    """The members that identify an event.

    Attributes:
        id: The id of the event.
        type: The type of the event.
        source: The service that published it.
        timestamp: When it happened, as the publisher says.
    """

    id: str
    type: str
    source: str
    timestamp: Time


class Page(TypedDict):
    """A page of a list; each list adds its `items`.

    Attributes:
        items: The items of the page, in the order of the list.
    """

    next_cursor: NextCursor


Period = TypedDict(
    "Period",
    {
        "from": Annotated[Time, Field(description="The beginning of the period, included.")],
        "to": Annotated[Time, Field(description="The end of the period, excluded.")],
    },
)
"""A period: the first time, included, and the last one, excluded."""
