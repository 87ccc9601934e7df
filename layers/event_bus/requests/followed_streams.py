"""The event streams that a client wants to follow."""

from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from event_bus.model.followed_streams import FollowedStreams
from event_bus.model.stream_version import MAX_VERSION
from event_bus.requests.validation import Label, RequestModel, ServiceId


class FollowedStreamsRequest(RequestModel):
    """The streams that a client wants to follow: one stream, or all of a category.

    Attributes:
        source: The service that publishes the streams.
        id: The stream, to follow one.
        category: The category, to follow all its streams.
        from_version: The first version to receive, stored events included; with a category, only 1.
            Without it, only new events are received.
    """

    source: ServiceId
    id: Label | None = None
    category: Label | None = None
    from_version: Annotated[int, Field(ge=1, le=MAX_VERSION)] | None = None

    @field_validator("from_version")
    @classmethod
    def _fits(cls, from_version: Any, info: ValidationInfo) -> Any:
        if from_version not in (None, 1) and info.data.get("category") is not None:
            said = "must be 1 or left out with category; filter by metadata.stream_version instead"
            raise PydanticCustomError("version", said)
        return from_version

    @model_validator(mode="after")
    def _one(self) -> "FollowedStreamsRequest":
        if (self.id is None) == (self.category is None):
            raise PydanticCustomError("stream", "must have either an id or a category")
        if self.category is not None and "/" in self.category:
            raise PydanticCustomError("stream", "must have a category without a slash")
        return self

    def followed(self) -> "FollowedStreams":
        """Returns the streams."""
        return FollowedStreams(self.source, self.id, self.category, self.from_version)
