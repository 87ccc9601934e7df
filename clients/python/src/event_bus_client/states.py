"""States of event streams: reducers, which compute them, and read models, which keep them."""

from typing import Any, Literal

from event_bus_client.models import Document
from event_bus_client.times import Time


class Reducer(Document):
    """A version of the reducer of a category.

    Attributes:
        source: The service whose streams it is for.
        category: The category of streams.
        version: Its number, from 1 on.
        type: `merge`, `jsonata` or `lambda`; None if this version removed the reducer.
        expression: The expression of a `jsonata` reducer.
        function: The ARN of the function of a `lambda` reducer.
        role_arn: The role with which the bus calls the function; None for its own.
        external_id: The `sts:ExternalId` that the role's trust policy must require.
        created_by: The service that registered it, or `admin`.
        created_at: When it was registered.
    """

    source: str
    category: str
    version: int
    type: Literal["merge", "jsonata", "lambda"] | None
    expression: str | None = None
    function: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    created_by: str | None = None
    created_at: Time


class StreamState(Document):
    """The state of a stream.

    Attributes:
        source: The service that publishes the stream.
        stream_id: The stream.
        version: The last version that the state includes, even if its event is missing; 0 for an
            empty stream.
        events: The number of events in the state.
        complete: Whether no event up to `version` is missing.
        reducer: The `type` and the `version` of the reducer that computed it; the version is 0 if
            none is registered.
        snapshot_version: The version of the snapshot from which it was computed; None if it was
            computed from the first event.
        state: The state.
    """

    source: str
    stream_id: str
    version: int
    events: int
    complete: bool
    reducer: dict[str, Any] | None = None
    snapshot_version: int | None = None
    state: dict[str, Any]


class Generation(Document):
    """One build of a read model.

    Attributes:
        number: Its number, from 1 on.
        reducer_version: The version of the reducer; 0 for the default, which merges payloads.
        indexes: The members of the states to find them by.
        started_at: When the build began.
        built_at: When it was complete; None until then.
    """

    number: int
    reducer_version: int
    indexes: list[str]
    started_at: Time
    built_at: Time | None = None


class ReadModel(Document):
    """A table of the states of a category.

    Attributes:
        source: The service whose streams it is for.
        category: The category of streams.
        serving: What requests read; None while the first build runs.
        building: The build that will replace it; None if none runs.
        lag_seconds: How long the oldest event that is not yet in the states has waited; None while
            nothing is served, and in lists.
        created_at: When it was registered.
        updated_at: When it was changed.
    """

    source: str
    category: str
    serving: Generation | None = None
    building: Generation | None = None
    lag_seconds: float | None = None
    created_at: Time
    updated_at: Time


class ModelState(Document):
    """The state of a stream in a read model.

    Attributes:
        stream_id: The stream.
        version: The last version that the state includes, even if its event is missing.
        events: The number of events in the state.
        complete: Whether no event up to `version` is missing.
        updated_at: When it was changed.
        failed: Why the reducer failed for the next event; None if it did not.
        retry_at: When the reducer is applied again for that event; None for no retry.
        state: The state.
    """

    stream_id: str
    version: int
    events: int
    complete: bool
    updated_at: Time
    failed: str | None = None
    retry_at: Time | None = None
    state: dict[str, Any]


def registration(
    expression: str | None, function: str | None, role_arn: str | None
) -> dict[str, Any]:
    """Returns the request for a reducer, which without an expression and a function merges.

    Raises:
        ValueError: It has an expression and a function, or a role without a function.
    """
    if expression is not None and function is not None:
        raise ValueError("A reducer has an expression or a function, not both.")
    if role_arn is not None and function is None:
        raise ValueError("role_arn names the role that calls a function: give function, too.")
    if expression is not None:
        return {"type": "jsonata", "expression": expression}
    if function is not None:
        named = {"role_arn": role_arn} if role_arn is not None else {}
        return {"type": "lambda", "function": function, **named}
    return {"type": "merge"}
