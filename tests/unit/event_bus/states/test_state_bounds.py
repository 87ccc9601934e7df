"""A state has a largest size and depth, and few functions fold at a time."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

import pytest
from event_bus.errors import Conflict
from event_bus.model.reducer import Reducer
from event_bus.states import projector as projecting
from event_bus.states import reducing
from event_bus.strict_json import MAX_DEPTH

from tests.aws import Aws
from tests.builders import event
from tests.unit.event_bus.states.functions import FOLD, Lambda
from tests.unit.event_bus.states.kept_models import Models, built_at_once, models
from tests.unit.event_bus.states.streams import (
    END,
    PLANNER,
    STREAM,
    SUM,
    append,
    reader,
    register,
    state,
)

__all__ = ["built_at_once", "models"]


def test_a_state_that_is_too_large_is_not_stored(
    aws: Aws, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projecting, "MAX_STORED_BYTES", 40)
    models.build()
    append(aws, [{"a": 1}])
    models.projector.project(STREAM)
    append(aws, [{"b": "x" * 20}])
    models.projector.project(STREAM)
    state = models.store.state(models.model, 1, STREAM.stream_id)
    assert state is not None
    assert (state.state, state.version) == ({"a": 1}, 1)
    assert state.failed == "the state and its event types have more than 40 bytes"


def test_types_without_end_are_not_stored(
    aws: Aws, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projecting, "MAX_STORED_BYTES", 60)
    models.build()
    for number in range(10):
        append(aws, [{"a": number}], type=f"task.changed_{number}")
        models.projector.project(STREAM)
    state = models.store.state(models.model, 1, STREAM.stream_id)
    assert state is not None
    assert (state.version, state.state) == (3, {"a": 2})
    assert state.types == [f"task.changed_{number}" for number in range(3)]
    assert state.failed == "the state and its event types have more than 60 bytes"


def test_a_state_that_nests_without_end_is_not_stored(aws: Aws, models: Models) -> None:
    register(aws, Reducer("jsonata", '{"inner": state}'))
    models.build()
    append(aws, [{}] * 40)
    models.projector.project(STREAM)
    state = models.store.state(models.model, 1, STREAM.stream_id)
    assert state is not None
    assert state.version == MAX_DEPTH - 1
    assert state.failed == "version 32: the state is nested deeper than 32 levels"


def test_a_state_has_a_largest_size(
    aws: Aws, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reducing, "MAX_STATE_BYTES", 20)
    append(aws, [{"a": "x"}, {"b": "y" * 20}])
    with pytest.raises(Conflict, match="version 2: the state has more than 20 bytes"):
        state(aws, reader(aws, executor))


def test_a_state_has_a_largest_depth(aws: Aws, executor: Executor) -> None:
    append(aws, [{}] * 40)
    register(aws, Reducer("jsonata", '{"inner": [state]}'))
    read = reader(aws, executor)
    with pytest.raises(Conflict, match="version 16: the state is nested deeper than 32 levels"):
        state(aws, read)
    assert state(aws, read, 15).version == 15
    # Many arrays and objects beside each other are not deep.
    register(aws, Reducer("jsonata", '{"all": $append(state.all, [[]])}'))
    assert state(aws, read).version == 40


def test_a_state_that_grows_too_large_is_that_of_the_event_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reducing, "MAX_STATE_BYTES", 20)
    events = [
        reducing.NumberedEvent(version, event(payload={"a": "x" * size}))
        for version, size in ((3, 1), (5, 2), (8, 20))
    ]
    with pytest.raises(reducing.ReducerFailed) as failed:
        reducing.reduced(Reducer("merge"), b"{}", events)
    failure = failed.value
    assert (failure.version, failure.before, failure.state) == (8, 5, b'{"a":"xx"}')


@pytest.mark.parametrize("deep", [b'{"a":' * 2_000 + b"1" + b"}" * 2_000, b'{"a":[1.5e-400,{}'])
def test_a_state_that_cannot_be_read_is_refused(deep: bytes) -> None:
    assert reducing.flaw_of(deep + b"[" * 100) == "the state is nested deeper than 32 levels"


@pytest.mark.parametrize(("reducer", "slots"), [(FOLD, 1), (SUM, 0)])
def test_a_slot_is_held_only_while_a_function_folds(
    aws: Aws, executor: Executor, reducer: Reducer, slots: int
) -> None:
    register(aws, reducer)
    append(aws, [{"n": 1}, {"n": 2}])
    held: list[str] = []

    @contextmanager
    def slot() -> Iterator[None]:
        held.append("taken")
        yield

    read = reader(aws, executor, reduce=Lambda().reducers.reduced)
    found = read.read(STREAM, END, PLANNER, lambda each: each, slot)
    assert (found.state, len(held)) == ({"total": 3, "last": 2}, slots)
