"""The event streams that a subscription follows."""

from dataclasses import dataclass
from typing import Any

from event_bus.errors import InvalidRequest
from event_bus.model.filters import Filters
from event_bus.model.stream_name import StreamName, stream_id_pattern

_EVERY_TYPE = "*"


@dataclass(frozen=True, slots=True)
class FollowedStreams:
    """The streams that a subscription follows.

    Attributes:
        source: The service that publishes them.
        stream_id: The id of a single stream; None for a category.
        category: The category; None for a single stream.
        from_version: The first version to receive; None for events since the registration.
    """

    source: str
    stream_id: str | None
    category: str | None
    from_version: int | None = None

    @property
    def single(self) -> StreamName | None:
        """The single stream, unless there is a category."""
        return StreamName(self.source, self.stream_id) if self.stream_id is not None else None

    def narrowed(self, filters: Filters) -> Filters:
        """Returns filters that select the events of these streams only.

        Args:
            filters: The filters of the subscription.

        Raises:
            InvalidRequest: They select other streams.
        """
        pattern = {**filters.get(_EVERY_TYPE, {})}
        metadata = {**_object(pattern.get("metadata"))}
        _add(pattern, "source", [self.source], "/filters/*/source")
        ids = stream_id_pattern(self.stream_id, self.category)
        _add(metadata, "stream_id", ids, "/filters/*/metadata/stream_id")
        return {**filters, _EVERY_TYPE: {**pattern, "metadata": metadata}}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _add(pattern: dict[str, Any], name: str, wanted: list[Any], pointer: str) -> None:
    if pattern.setdefault(name, wanted) != wanted:
        raise InvalidRequest.at(pointer, "must be left out: `stream` determines it")
