"""Overlapping operations of read models, reducers, appends and states; and what must hold after."""

from collections.abc import Callable
from typing import Any

import orjson

from tests.simulation.clients import ADMIN
from tests.simulation.known import Violation
from tests.simulation.overlapping_world import OverlappingWorld
from tests.simulation.stories.story import event

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
        stream, expected = f"task/{choice % 2}", _EXPECTED[choice]
        self._appended += 1
        events = [event(f"a{self._appended}-{each}") for each in range(1 + choice % 3)]

        def append() -> None:
            status, answer = self.world.append(stream, *events, expected=expected)
            if status == 409 and answer.get("actual_version") == expected:
                raise Violation(f"an append to {stream} expected {expected}, and was refused")

        return append

    def _read_state(self, choice: int) -> Callable[[], object]:
        stream = f"task/{choice % 2}"
        query = {**_BY_ADMIN, "stream_id": stream}

        def read() -> None:
            status, answer = self.world.insist("events", "GET /streams/state", ADMIN, query=query)
            if status == 200:
                self._check_read(stream, answer)
            elif status != 409:
                raise Violation(f"the state of {stream} was answered {status}")

        return read

    def _of_tasks(self, function: str, route: str, body: Any = None) -> None:
        status, _ = self.world.insist(
            function, route, ADMIN, body, parameters=_OF_TASKS, query=_BY_ADMIN
        )
        if status not in (200, 201, 202, 204, 404, 409):
            raise Violation(f"{route} was answered {status}")

    def _check_read(self, stream: str, answer: dict[str, Any]) -> None:
        events = _streams(self.world).get(stream, [])[: answer["version"]]
        reducer = answer["reducer"]
        expected = _folded(_reducer(self.world, reducer["version"]), events)
        if expected != (answer["version"], answer["state"]):
            raise Violation(f"the state of {stream} is {answer}, and its fold is {expected}")


def check_models(world: OverlappingWorld) -> None:
    """Checks that a read model holds the state of each stream, and that no others remain."""
    found = world.tables.items["states"]
    models = [item for key, item in found.items() if key[0] == "models"]
    model = orjson.loads(models[0]["document"]["S"]) if models else None
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
        expected = {name: _folded(reducer, events) for name, events in _streams(world).items()}
        if states != expected:
            raise Violation(f"a read model holds {states}, and the folds are {expected}")


def _streams(world: OverlappingWorld) -> dict[str, list[dict[str, Any]]]:
    """Returns the events of each stream of the category, in order."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for item in world.tables.items["events"].values():
        metadata = orjson.loads(item["metadata"]["S"])
        name = metadata.get("stream_id", "")
        if item["source"]["S"] == "admin" and name.startswith("task/"):
            payload = orjson.loads(item["payload"]["S"])
            shown = {"id": item["id"]["S"], "payload": payload}
            found.setdefault(name, {})[metadata["stream_version"]] = shown
    return {name: [events[each] for each in sorted(events)] for name, events in found.items()}


def _reducer(world: OverlappingWorld, number: int) -> dict[str, Any]:
    if number == 0:
        return _REDUCERS[0]
    item = world.tables.items["states"]["reducer#admin#task", f"{number:09}"]
    reducer: dict[str, Any] | None = orjson.loads(item["document"]["S"])["reducer"]
    return reducer or _REDUCERS[0]


def _folded(reducer: dict[str, Any], events: list[dict[str, Any]]) -> tuple[int, dict[str, Any]]:
    """Returns the version up to which events are folded, and the state there."""
    state: dict[str, Any] = {}
    for version, each in enumerate(events, 1):
        if reducer["type"] == "merge":
            state |= each["payload"]
        elif reducer["expression"] == _FAILS and "3" in each["id"]:
            return version - 1, state
        else:
            state = {"count": version, "last": each["id"]}
    return len(events), state
