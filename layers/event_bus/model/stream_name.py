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
