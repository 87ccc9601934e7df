"""The interface of sources, and their failures."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from event_bus.model.enrichment import Source
from event_bus.transforms.event_parts import EventParts
from event_bus.transforms.json_paths import JsonPath

_Source_contra = TypeVar("_Source_contra", bound=Source, contravariant=True)


class SourceFailed(Exception):
    """A source has no result for an event.

    Attributes:
        detail: The reason, without values of the event or of the source.
        again: Whether another try may succeed.
    """

    def __init__(self, detail: str, *, again: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.again = again


@dataclass(frozen=True, slots=True)
class Question:
    """A question to a source about an event.

    Attributes:
        ask: Asks once; returns the part as JSON, or raises `SourceFailed`.
        key: Identifies the result in the cache of the source; None if it must not be cached.
    """

    ask: Callable[[], bytes]
    key: Hashable | None = None


class Asker(Protocol[_Source_contra]):
    """Asks sources of one type."""

    def question(self, source: _Source_contra, service_id: str, parts: EventParts) -> Question:
        """Makes the question to a source about an event.

        Args:
            source: The source.
            service_id: The service whose subscription it belongs to.
            parts: The event.

        Raises:
            SourceFailed: The event lacks a value that the question needs.
        """
        ...


def text_at(path: str, parts: EventParts) -> str:
    """Returns the string or integer at a path of an event, as text.

    Raises:
        SourceFailed: There is no value, or one of another kind, such as a sealed value.
    """
    value: Any = JsonPath(path).value(parts.document)
    if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
        return str(value)
    raise SourceFailed(f"{path} is not a text or a whole number of the event")
