"""The names of event streams.

The fake bus of the Python client has a copy of this module in its wheel.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class StreamName:
    """The name of an event stream.

    Attributes:
        source: The service that publishes its events.
        stream_id: Its id, unique among the streams of that service.
    """

    source: str
    stream_id: str

    @property
    def text(self) -> str:
        """The name that subscribers see; a service's name contains no slash."""
        return f"{self.source}/{self.stream_id}"

    @property
    def key(self) -> str:
        """The stream's key in tables; neither part contains a line break."""
        return f"{self.source}\n{self.stream_id}"

    @classmethod
    def of_key(cls, key: str) -> "StreamName":
        """Returns the name that has a key."""
        source, _, stream_id = key.partition("\n")
        return cls(source, stream_id)

    @property
    def category(self) -> str:
        """The part of the stream id before the first slash, or the whole id if it has no slash."""
        return category_of(self.stream_id)


def category_of(stream_id: str) -> str:
    """Returns the part of a stream's id before the first slash, or the whole id."""
    return stream_id.partition("/")[0]


def stream_id_pattern(stream_id: str | None, category: str | None) -> list[Any]:
    """Returns the event pattern of stream ids: of one stream, or of all streams of a category."""
    return [stream_id] if category is None else [category, {"prefix": f"{category}/"}]
