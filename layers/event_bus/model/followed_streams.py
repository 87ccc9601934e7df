"""The event streams that a subscription follows."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from event_bus.errors import InvalidRequest
from event_bus.model.expected_version import MAX_VERSION
from event_bus.model.filters import Filters
from event_bus.model.stream_name import StreamName, stream_id_pattern
from event_bus.model.validation import Label, Request, ServiceId

_EVERY_TYPE = "*"


class FollowedStreamsRequest(Request):
    """The streams that a client wants to follow: one stream, or all of a category."""

    source: ServiceId
    id: Label | None = None
    category: Label | None = None
    from_version: Annotated[int, Field(ge=1, le=MAX_VERSION)] | None = None

    @field_validator("from_version")
    @classmethod
    def _fits(cls, from_version: Any, info: ValidationInfo) -> Any:
        if from_version not in (None, 1) and info.data.get("category") is not None:
            raise PydanticCustomError("version", "must be 1 or left out with category")
        return from_version

    @model_validator(mode="after")
    def _one(self) -> "FollowedStreamsRequest":
        if (self.id is None) == (self.category is None):
            raise PydanticCustomError("stream", "must have either an id or a category")
        if self.category is not None and "/" in self.category:
            raise PydanticCustomError("stream", "must have a category without a slash")
        return self

    def followed(self) -> "FollowedStreams":
        """The streams."""
        return FollowedStreams(self.source, self.id, self.category, self.from_version)


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
        raise InvalidRequest.at(pointer, "must be left out: `stream` says it")
