"""The interface of sources, and their failures."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from event_bus.model.enrichment import Source
from event_bus.model.subscription import Subscription
from event_bus.transforms.event_parts import EventParts
from event_bus.transforms.json_paths import JsonPath

_Source_contra = TypeVar("_Source_contra", bound=Source, contravariant=True)


class SourceFailed(Exception):
    """A source has no result for an event.

    Attributes:
        detail: The reason, without values of the event or of the source.
        again: Whether another try may succeed.
        retry_after: The wait before the next attempt, in seconds, if the circuit of the source is
            open.
    """

    def __init__(
        self, detail: str, *, again: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.again = again
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Question:
    """A question to a source about an event.

    Attributes:
        ask: Asks once; returns the part as JSON, or raises `SourceFailed`.
        key: Identifies the result in the cache of the source; None if it must not be cached.
        guarded: Whether the source has a circuit breaker.
    """

    ask: Callable[[], bytes]
    key: Hashable | None = None
    guarded: bool = False


class SourceCircuits(Protocol):
    """The circuit breakers of sources."""

    def guarded(self, subscription_id: str, name: str, ask: Callable[[], bytes]) -> bytes:
        """Asks a source, unless its circuit is open, and counts the result for the circuit.

        Args:
            subscription_id: The subscription that the source belongs to.
            name: The name of its part.
            ask: Asks once.

        Raises:
            SourceFailed: The source failed, or its circuit is open.
        """
        ...


class Asker(Protocol[_Source_contra]):
    """Asks sources of one type."""

    def question(
        self, source: _Source_contra, subscription: Subscription, parts: EventParts
    ) -> Question:
        """Makes the question to a source about an event.

        Args:
            source: The source.
            subscription: The subscription that it belongs to.
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
