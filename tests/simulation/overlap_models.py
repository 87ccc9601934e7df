"""Overlapping operations of read models, reducers, appends and states; and what must hold after."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from tests.simulation.clients import ADMIN
from tests.simulation.known import DELETED, Violation
from tests.simulation.overlapping_world import OverlappingWorld
from tests.simulation.stories.story import event
from tests.simulation.streaming import events_of

MODEL_KINDS = (
    *("put_model", "rebuild_model", "remove_model", "put_reducer", "remove_reducer"),
    *("append", "append", "read_state"),
)
"""The kinds of operations of read models."""

MODEL_CONTESTS = (
    ("put_model", "publish", "work"),
    ("put_model", "remove_model", "work"),
    ("remove_model", "work", "work"),
    ("rebuild_model", "publish", "work"),
    ("rebuild_model", "rebuild_model", "work"),
    ("put_reducer", "rebuild_model", "append"),
    ("put_reducer", "remove_reducer", "put_model"),
    ("append", "append", "append"),
    ("append", "read_state", "put_reducer"),
)
"""Operations that compete for the same read model, reducer or stream."""

_COUNTS = '{"count": (state.count ? state.count : 0) + 1, "last": event.id}'
_FAILS = f'$contains(event.id, "3") ? $error("three") : {_COUNTS}'
_REDUCERS: tuple[dict[str, Any], ...] = (
    {"type": "merge"},
    {"type": "jsonata", "expression": _COUNTS},
    {"type": "jsonata", "expression": _FAILS},
)
_INDEXES: tuple[list[str], ...] = ([], ["n"], ["count", "last"])
_EXPECTED = (None, "exists", 0, 2)
_OF_TASKS = {"category": "task"}
_BY_ADMIN = {"source": "admin"}


class ModelOperations:
    """Operations of clients with the states of the category `task`."""

    world: OverlappingWorld
    _appended: int = 0

    def _put_model(self, choice: int) -> Callable[[], object]:
        body = {"indexes": _INDEXES[choice % len(_INDEXES)]}
        return lambda: self._of_tasks("registry", "PUT /read-models/{category}", body)

    def _rebuild_model(self, _choice: int) -> Callable[[], object]:
        return lambda: self._of_tasks("registry", "POST /read-models/{category}/rebuild")

    def _remove_model(self, _choice: int) -> Callable[[], object]:
        return lambda: self._of_tasks("registry", "DELETE /read-models/{category}")

    def _put_reducer(self, choice: int) -> Callable[[], object]:
        body = _REDUCERS[choice % len(_REDUCERS)]
        return lambda: self._of_tasks("registry", "PUT /reducers/{category}", body)

    def _remove_reducer(self, _choice: int) -> Callable[[], object]:
        return lambda: self._of_tasks("registry", "DELETE /reducers/{category}")

    def _append(self, choice: int) -> Callable[[], object]:
        stream, expected = self._stream(choice), _EXPECTED[choice]
        self._appended += 1
        events = [event(f"a{self._appended}-{each}") for each in range(1 + choice % 3)]

        def append() -> None:
            was_deleted = self.world.hidden.get(stream) == DELETED
            status, answer = self.world.append(stream, *events, expected=expected)
            if status == 409 and answer.get("actual_version", "deleted") == expected:
                raise Violation(f"an append to {stream} expected {expected}, and was refused")
            if status == 409 and "actual_version" not in answer:
                if DELETED not in self.world.hiding.get(stream, ()):
                    raise Violation(f"an append to {stream} was refused: {answer}")
            elif status != 409 and was_deleted:
                raise Violation(f"an append to the deleted {stream} was answered {status}")

        return append

    def _read_state(self, choice: int) -> Callable[[], object]:
        stream = self._stream(choice)
        query = {**_BY_ADMIN, "stream_id": stream}

        def read() -> None:
            hidden = self.world.hidden.get(stream, 0)
            status, answer = self.world.insist("events", "GET /streams/state", ADMIN, query=query)
            if status == 200:
                self._check_read(stream, answer, hidden)
            elif status != 409:
                raise Violation(f"the state of {stream} was answered {status}")

        return read

    def _stream(self, choice: int) -> str:
        raise NotImplementedError

    def _of_tasks(self, function: str, route: str, body: Any = None) -> None:
        status, _ = self.world.insist(
            function, route, ADMIN, body, parameters=_OF_TASKS, query=_BY_ADMIN
        )
        if status not in (200, 201, 202, 204, 404, 409):
            raise Violation(f"{route} was answered {status}")

    def _check_read(self, stream: str, answer: dict[str, Any], hidden: int) -> None:
        reducer = _reducer(self.world, answer["reducer"]["version"])
        begun = self.world.hiding.get(stream, set()) | {1}
        expected: list[tuple[int, Any]] = [(0, {})] if DELETED in begun else []
        for first in begun - {DELETED}:
            if first >= hidden:
                expected += _folds(self.world, stream, reducer, first, answer["version"])
        if (answer["version"], answer["state"]) not in expected:
            raise Violation(f"the state of {stream} is {answer}, and its folds are {expected}")


def check_models(world: OverlappingWorld) -> None:
    """Checks that a read model holds the state of each stream, and that no others remain."""
    found = world.tables.items["states"]
    registered = found.get(("models", "admin#task"))
    model = orjson.loads(registered["document"]["S"]) if registered else None
    serving = model["serving"] if model else None
    if model and model["building"]:
        raise Violation(f"a read model is never built: {model}")
    kept = f"state#admin#task#{serving['number']}" if serving else ""
    states: dict[str, tuple[int, Any]] = {}
    for (partition, stream), item in found.items():
        if partition.startswith("state#"):
            if partition != kept:
                raise Violation(f"{partition} still has a state, of {stream}")
            document = orjson.loads(item["document"]["S"])
            states[stream] = document["version"], document["state"]
    if serving:
        reducer = _reducer(world, serving["reducer"])
        for stream in _streams(world):
            _check_state(world, stream, reducer, states.pop(stream, None))
    if states:
        raise Violation(f"a read model holds the states {states} of no streams")


def _check_state(
    world: OverlappingWorld, stream: str, reducer: dict[str, Any], state: tuple[int, Any] | None
) -> None:
    events, hiding = events_of(world, stream), world.hiding.get(stream, set())
    last = max(events)
    # A state begins with the events that are visible, and keeps those that are hidden later.
    firsts = {1, *(each for each in hiding if each <= last + 1)}
    firsts |= {version + 1 for version, item in events.items() if world.has_expired(item)}
    if state is None:
        if not (DELETED in hiding or last + 1 in firsts):
            raise Violation(f"a read model has no state of {stream}")
        return
    folds = [each for first in firsts for each in _folds(world, stream, reducer, first, last)]
    if state not in folds:
        raise Violation(f"a read model holds {state} of {stream}, and its folds are {folds}")


def _streams(world: OverlappingWorld) -> set[str]:
    """Returns the streams of the category that have events."""
    names = {
        orjson.loads(item["metadata"]["S"]).get("stream_id", "")
        for item in world.tables.items["events"].values()
        if item["source"]["S"] == "admin"
    }
    return {name for name in names if name.startswith("task/")}


def _reducer(world: OverlappingWorld, number: int) -> dict[str, Any]:
    if number == 0:
        return _REDUCERS[0]
    item = world.tables.items["states"]["reducer#admin#task", f"{number:09}"]
    reducer: dict[str, Any] | None = orjson.loads(item["document"]["S"])["reducer"]
    return reducer or _REDUCERS[0]


def _folds(
    world: OverlappingWorld, stream: str, reducer: dict[str, Any], first: int, last: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields the possible folds of a stream: the last version, and the state there.

    Expired events may be folded, if that was done in time, or left out. A reducer that fails for
    an event stops there until the event has expired.

    Args:
        world: The world.
        stream: The stream.
        reducer: The reducer.
        first: The first version.
        last: The last version.
    """
    events = events_of(world, stream)
    versions = [each for each in sorted(events) if first <= each <= last]
    expired = {each for each in versions if world.has_expired(events[each])}
    for left_out in (set(), expired):
        state: dict[str, Any] = {}
        count, reached = 0, first - 1
        for version in versions:
            event_id = events[version]["id"]["S"]
            if version in left_out:
                continue
            if reducer["type"] == "merge":
                state = state | orjson.loads(events[version]["payload"]["S"])
            elif reducer["expression"] == _FAILS and "3" in event_id:
                yield from ((each, state) for each in (reached, version - 1))
                if version in expired:
                    continue
                break
            else:
                count += 1
                state = {"count": count, "last": event_id}
            reached = version
        else:
            yield max(versions, default=first - 1), state
