"""The names of event streams."""

from dataclasses import dataclass


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

    @property
    def category(self) -> str:
        """The part of the stream id before the first slash, or the whole id if it has no slash."""
        return category_of(self.stream_id)


def category_of(stream_id: str) -> str:
    """Returns the part of a stream's id before the first slash, or the whole id."""
    return stream_id.partition("/")[0]
