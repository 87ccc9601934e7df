"""Streams on mocked AWS, and what folds them."""

from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

from event_bus.access.callers import Caller
from event_bus.encryption.state_seal import StateSeal
from event_bus.model.event import Event
from event_bus.model.reducer import Reducer, ReducerVersion
from event_bus.model.stream_name import StreamName
from event_bus.states.folding import Snapshots
from event_bus.states.state_reader import StateReader, StreamState

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import NOON, event, service

STREAM = StreamName("planner", "task/1")
PLANNER = service("planner")
END = 10**15

SUM = Reducer(
    "jsonata",
    """$merge([state, {
        "total": (state.total ? state.total : 0)
            + ($type(event.payload.n) = "number" ? event.payload.n : 0),
        "last": event.version
    }])""",
)
"""A reducer that depends on the order and on what came before."""


def reader(aws: Aws, executor: Executor, **members: Any) -> StateReader:
    return StateReader(
        aws.streams,
        aws.event_finder(executor),
        aws.reducers,
        Snapshots(aws.snapshots, StateSeal(aws.seal.keys), RETENTION_DAYS),
        **members,
    )


def append(
    aws: Aws,
    payloads: Iterable[dict[str, Any]],
    stream: StreamName = STREAM,
    sensitive: Iterable[str] = (),
    **members: Any,
) -> list[Event]:
    """Appends an event for each payload."""
    stored = []
    for payload in payloads:
        version = aws.streams.last_version(stream) + 1
        made = event(
            f"{stream.source}-{stream.stream_id.replace('/', '-')}-{version}",
            source=stream.source,
            payload=payload,
            metadata={"stream_id": stream.stream_id},
        )
        closed = aws.seal.close(made, list(sensitive)) if sensitive else made
        _, found = aws.events.put(replace(closed, **members), RETENTION_DAYS)
        stored.append(found)
    return stored


def remove(aws: Aws, *events: Event) -> None:
    """Removes events, as DynamoDB does when they have expired."""
    for each in events:
        aws.dynamodb.delete_item(TableName=aws.tables["events"], Key={"id": {"S": each.id}})


def register(aws: Aws, reducer: Reducer | None, category: str = "task") -> ReducerVersion:
    """Registers the next version of a reducer."""
    latest = aws.reducers.latest("planner", category)
    number = latest.number + 1 if latest else 1
    version = ReducerVersion("planner", category, number, reducer, NOON, "planner")
    aws.reducers.add(version)
    return version


def state(
    aws: Aws,
    read: StateReader,
    at: int = END,
    caller: Caller = PLANNER,
    stream: StreamName = STREAM,
) -> StreamState:
    return read.read(stream, at, caller, lambda each: aws.readers.shown(each, caller))
