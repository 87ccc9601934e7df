"""What sources have in common: how one is asked, and why it gives nothing."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from event_bus.model.enrichment import Source
from event_bus.transforms.event_parts import EventParts
from event_bus.transforms.json_paths import JsonPath

_Source_contra = TypeVar("_Source_contra", bound=Source, contravariant=True)


class SourceFailed(Exception):
    """A source that gives nothing for an event.

    Attributes:
        detail: Why; nothing in it is from the event or from the source.
        again: Whether another try may succeed.
    """

    def __init__(self, detail: str, *, again: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.again = again


@dataclass(frozen=True, slots=True)
class Question:
    """What a source is asked about an event.

    Attributes:
        ask: Asks once; returns the part as JSON, or raises `SourceFailed`.
        key: What the answer depends on beside the source; None if that is not known.
    """

    ask: Callable[[], bytes]
    key: Hashable | None = None


class Asker(Protocol[_Source_contra]):
    """Asks sources of one type."""

    def question(self, source: _Source_contra, service_id: str, parts: EventParts) -> Question:
        """What the source is asked about an event.

        Args:
            source: The source.
            service_id: The service whose subscription it belongs to.
            parts: The event.

        Raises:
            SourceFailed: The event does not hold what the question needs.
        """
        ...


def text_at(path: str, parts: EventParts) -> str:
    """The text, or the whole number, where a path leads in an event.

    Raises:
        SourceFailed: It leads to nothing, or to something else, such as a sealed value.
    """
    value: Any = JsonPath(path).value(parts.document)
    if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
        return str(value)
    raise SourceFailed(f"{path} leads to no text and no whole number in the event")
