"""Read models, and the states in them."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from event_bus.api.documents.members import Count, Object, Page, Time
from event_bus.model import read_model


class Generation(TypedDict):
    """A generation of a read model.

    Attributes:
        number: The number of the generation; no number is used twice.
        indexes: The members of states by which they can be found.
        started_at: When its building began.
    """

    number: Annotated[int, Field(ge=1)]
    reducer_version: Annotated[
        int, Field(ge=0, description="The version of the reducer; 0 if none is registered.")
    ]
    indexes: list[str]
    started_at: Time
    built_at: Annotated[Time | None, Field(description="Null while it is built.")]


class ReadModel(TypedDict):
    """A read model.

    Attributes:
        source: The service that publishes the streams.
        category: The category of the streams.
        created_at: When the read model was registered.
        updated_at: When the read model last changed.
    """

    source: str
    category: str
    serving: Annotated[
        Generation | None,
        Field(description="The generation that requests read; null while the first one is built."),
    ]
    building: Annotated[
        Generation | None,
        Field(description="The next generation, which serves once it is complete; else null."),
    ]
    lag_seconds: Annotated[
        float | None,
        Field(
            ge=0,
            description="The age of the oldest event that is not folded yet, among the latest "
            "events; 0 if all are folded. Null while the first generation is built, and in lists.",
        ),
    ]
    created_at: Time
    updated_at: Time


class ReadModelPage(Page):
    """A page of read models."""

    items: list[ReadModel]


class ModelState(TypedDict):
    """The state of a stream in a read model.

    Attributes:
        stream_id: The stream.
        updated_at: When the state last changed.
    """

    stream_id: str
    version: Annotated[
        int, Field(ge=0, description="The last version that was folded or is missing.")
    ]
    events: Annotated[Count, Field(description="How many events were folded.")]
    complete: Annotated[bool, Field(description="Whether every event up to `version` was folded.")]
    updated_at: Time
    failed: Annotated[
        str | None,
        Field(
            description="Why the reducer could not fold the next event; null if it did not fail."
        ),
    ]
    retry_at: Annotated[
        Time | None,
        Field(description="When the reducer is applied again for that event; null for no retry."),
    ]
    state: Annotated[Object, Field(description="The state; sealed values are markers.")]


class ModelStatePage(Page):
    """A page of states."""

    items: list[ModelState]


def read_model_document(model: read_model.ReadModel, lag: float | None = None) -> ReadModel:
    """Returns a read model."""
    return {
        "source": model.source,
        "category": model.category,
        "serving": _generation(model.serving) if model.serving else None,
        "building": _generation(model.building) if model.building else None,
        "lag_seconds": None if lag is None else round(lag, 3),
        "created_at": model.created_at,
        "updated_at": model.updated_at,
    }


def model_state_document(state: read_model.ModelState) -> ModelState:
    """Returns a state of a read model."""
    return {
        "stream_id": state.stream_id,
        "version": state.version,
        "events": state.events,
        "complete": state.events == state.version,
        "updated_at": state.updated_at,
        "failed": state.failed,
        "retry_at": state.retry_at,
        "state": state.state,
    }


def _generation(generation: read_model.Generation) -> Generation:
    return {
        "number": generation.number,
        "reducer_version": generation.reducer,
        "indexes": generation.indexes,
        "started_at": generation.started_at,
        "built_at": generation.built_at,
    }
