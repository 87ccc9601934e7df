"""The names of event streams."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StreamName:
    """What tells a stream from all others.

    Attributes:
        source: The service that publishes its events.
        stream_id: Its id among the streams of that service.
    """

    source: str
    stream_id: str

    @property
    def text(self) -> str:
        """The name as subscribers meet it; a service's name holds no slash."""
        return f"{self.source}/{self.stream_id}"

    @property
    def key(self) -> str:
        """The stream's key in tables: neither part of it holds a line break."""
        return f"{self.source}\n{self.stream_id}"
