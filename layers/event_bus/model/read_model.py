"""Read models: the states of a category's streams, kept up to date in a table."""

from dataclasses import dataclass, field
from typing import Any

from event_bus.model.stream_name import StreamName

MAX_READ_MODELS = 20
"""The most read models of a service."""

MAX_INDEXED_BYTES = 256
"""The longest value by which a state can be found, as JSON in UTF-8."""


def model_name(stream: StreamName) -> str:
    """Returns the name of the read model of a stream's category among all read models."""
    return f"{stream.source}#{stream.category}"


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation of a read model, with one version of the reducer and one set of indexes.

    Attributes:
        number: Its number; no number is used again.
        reducer: The version of the category's reducer; 0 for the default.
        indexes: The members by which its states can be found.
        started_at: When its building began, RFC 3339.
        built_at: When it was complete, RFC 3339; None until then.
        position: The position in the list of events up to which it is built.
    """

    number: int
    reducer: int
    indexes: list[str]
    started_at: str
    built_at: str | None = None
    position: str | None = None


@dataclass(frozen=True, slots=True)
class ReadModel:
    """The read model of a category.

    Attributes:
        source: The service that publishes the streams.
        category: The category of the streams.
        created_at: When it was registered, RFC 3339.
        updated_at: When it last changed, RFC 3339.
        generations: The number of generations so far.
        serving: The generation that requests read; None before the first is built and after the
            removal.
        building: The generation that replaces it when it is complete.
    """

    source: str
    category: str
    created_at: str
    updated_at: str
    generations: int = 0
    serving: Generation | None = None
    building: Generation | None = None

    @property
    def name(self) -> str:
        """Its name among all read models."""
        return model_name(StreamName(self.source, self.category))

    @property
    def live(self) -> list[Generation]:
        """The generations that are kept up to date; none if it was removed."""
        return [each for each in (self.serving, self.building) if each]


@dataclass(frozen=True, slots=True)
class ModelState:
    """The state of a stream in a read model.

    Attributes:
        stream_id: The stream.
        version: The last version that was folded or is missing.
        events: How many events were folded.
        state: The state.
        types: The types of these events; a service sees the state if it may receive all of them.
        updated_at: When it last changed, RFC 3339.
        failed: Why the reducer failed for the event after `version`, if it did.
        failures: How often a function failed in a row for that event.
        retry_at: When the function is called again, RFC 3339; None for no retry.
    """

    stream_id: str
    version: int = 0
    events: int = 0
    state: dict[str, Any] = field(default_factory=dict)
    types: list[str] = field(default_factory=list)
    updated_at: str = ""
    failed: str | None = None
    failures: int = 0
    retry_at: str | None = None
