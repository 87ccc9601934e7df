"""States of streams that were truncated or deleted hold nothing that is hidden."""

import itertools
from concurrent.futures import Executor

import pytest
from event_bus.errors import NotFound
from event_bus.model.reducer import Reducer
from event_bus.model.stream_name import StreamName
from event_bus.registry import read_models
from event_bus.registry.stream_changes import StreamChanges
from event_bus.states import state_reader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.aws import Aws
from tests.builders import AN_ADMIN, service
from tests.unit.event_bus.states.kept_models import Models, built_at_once, models
from tests.unit.event_bus.states.streams import PLANNER, SUM, append, reader, register, state

__all__ = ["built_at_once", "models"]

_NUMBERS = itertools.count(1)
_LENGTH = 7


def expected(first: int, at: int) -> dict[str, int]:
    """What `SUM` makes of the events with these versions; each event has its version as `n`."""
    return {"total": sum(range(first, at + 1)), "last": at} if at >= first else {}


@pytest.fixture
def few_between_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_reader, "SNAPSHOT_EVERY", 2)


@pytest.mark.usefixtures("few_between_snapshots")
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    truncations=st.lists(st.integers(1, _LENGTH + 1), min_size=1, max_size=3),
    reads=st.lists(st.integers(0, _LENGTH), max_size=3),
)
def test_a_truncated_stream_is_folded_from_its_first_visible_event(
    aws: Aws, executor: Executor, truncations: list[int], reads: list[int]
) -> None:
    """Any truncations, with any reads before and between them, which leave snapshots."""
    register(aws, SUM)
    stream = StreamName("planner", f"task/{next(_NUMBERS)}")
    append(aws, [{"n": n} for n in range(1, _LENGTH + 1)], stream)
    read, changes, first = reader(aws, executor), StreamChanges(aws.streams), 1
    for truncation in truncations:
        for at in reads:
            state(aws, read, at, stream=stream)
        changes.truncate(stream, truncation, PLANNER)
        # A lower version than before shows no event again.
        first = max(first, truncation)
        for at in range(_LENGTH + 1):
            found = state(aws, read, at, stream=stream)
            count = max(0, at - first + 1)
            assert found.state == expected(first, at)
            assert (found.version, found.events) == (at, count)
            stranger = state(aws, read, at, service("stranger"), stream)
            assert (stranger.version, stranger.events) == (0, 0)


@pytest.mark.usefixtures("few_between_snapshots")
def test_events_appended_after_a_truncation_are_folded(aws: Aws, executor: Executor) -> None:
    register(aws, SUM)
    stream = StreamName("planner", "task/appended")
    append(aws, [{"n": n} for n in range(1, 6)], stream)
    read = reader(aws, executor)
    StreamChanges(aws.streams).truncate(stream, 6, PLANNER)
    assert state(aws, read, stream=stream).state == {}
    append(aws, [{"n": n} for n in range(6, 10)], stream)
    for _ in range(2):
        found = state(aws, read, stream=stream, caller=AN_ADMIN)
        assert (found.state, found.version, found.events) == (expected(6, 9), 9, 4)
    assert found.snapshot_version == 9


@pytest.mark.usefixtures("few_between_snapshots")
def test_a_deleted_stream_has_no_state_whatever_snapshots_there_are(
    aws: Aws, executor: Executor
) -> None:
    register(aws, SUM)
    stream = StreamName("planner", "task/deleted")
    append(aws, [{"n": n} for n in range(1, 6)], stream)
    read = reader(aws, executor)
    assert state(aws, read, stream=stream).state == expected(1, 5)
    assert state(aws, read, stream=stream).snapshot_version == 4
    StreamChanges(aws.streams).delete(stream, PLANNER)
    for at in (1, 4, 5, 6):
        for caller in (PLANNER, AN_ADMIN):
            found = state(aws, read, at, caller, stream)
            assert (found.state, found.version, found.events) == ({}, 0, 0)
            assert found.snapshot_version is None


def test_a_rebuilt_read_model_holds_what_is_visible(
    aws: Aws, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_models, "_LISTED_SECONDS", 0)
    register(aws, Reducer("jsonata", '{"versions": $append(state.versions, [event.version])}'))
    kept, truncated, deleted = (StreamName("planner", f"task/{n}") for n in range(3))
    for each in (kept, truncated, deleted):
        append(aws, [{"n": n} for n in range(4)], each)
    models = Models(aws, executor)
    models.build()
    every = {"versions": [1, 2, 3, 4]}
    assert models.states() == {"task/0": every, "task/1": every, "task/2": every}
    changes = StreamChanges(aws.streams)
    changes.truncate(truncated, 3, PLANNER)
    changes.delete(deleted, PLANNER)
    models.registry.rebuild("planner", "task")
    models.work()
    assert models.states() == {"task/0": every, "task/1": {"versions": [3, 4]}}


def test_a_read_model_is_not_behind_streams_whose_events_are_hidden(
    aws: Aws, models: Models
) -> None:
    truncated, deleted = (StreamName("planner", f"task/{n}") for n in range(2))
    for each in (truncated, deleted):
        append(aws, [{"n": n} for n in range(3)], each)
    changes = StreamChanges(aws.streams)
    changes.truncate(truncated, 4, PLANNER)
    changes.delete(deleted, PLANNER)
    models.build()
    assert (models.states(), models.lag()) == ({}, 0.0)
    append(aws, [{"n": 3}], truncated)
    assert models.lag()
    models.projector.project(truncated)
    assert models.lag() == 0.0


def test_a_stream_that_never_was_cannot_be_changed(aws: Aws) -> None:
    changes, stream = StreamChanges(aws.streams), StreamName("planner", "task/none")
    with pytest.raises(NotFound):
        changes.truncate(stream, 1, PLANNER)
    with pytest.raises(NotFound):
        changes.delete(stream, PLANNER)
