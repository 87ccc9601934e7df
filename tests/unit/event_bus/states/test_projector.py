"""Read models hold the states of their category, whatever becomes of messages and functions."""

import itertools
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import orjson
import pytest
from event_bus.errors import Conflict
from event_bus.model.reducer import Reducer
from event_bus.model.stream_name import StreamName
from event_bus.queues.projections import projection_in
from event_bus.registry import read_models as registering
from event_bus.states import projector as projecting
from event_bus.states.reducing import NumberedEvent, reduced
from event_bus.stores import read_models as storing
from event_bus.stores.read_models import indexed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.aws import Aws
from tests.interference import before_next
from tests.unit.event_bus.states.kept_models import Models, built_at_once, models
from tests.unit.event_bus.states.streams import STREAM, SUM, append, register, remove

__all__ = ["built_at_once", "models"]

_NUMBERS = itertools.count(1)


def stream(number: int) -> StreamName:
    return StreamName("planner", f"task/{number}")


def test_a_model_is_built_from_what_is_there_and_kept_up(aws: Aws, models: Models) -> None:
    for number in range(5):
        append(aws, [{"status": "open"}, {"n": number}], stream(number))
    append(aws, [{"status": "open"}], StreamName("planner", "tasks/1"))
    append(aws, [{"status": "open"}], StreamName("planner", "task-x"))
    append(aws, [{"status": "open"}], StreamName("other", "task/1"))
    model, is_new = models.registry.register("planner", "task", ["status"])
    assert is_new
    assert (model.serving, model.building and model.building.number) == (None, 1)
    models.work()
    assert models.model.building is None
    expected = {f"task/{n}": {"status": "open", "n": n} for n in range(5)}
    assert models.states() == expected
    append(aws, [{"status": "done"}], stream(3))
    models.projector.project(stream(3))
    expected["task/3"]["status"] = "done"
    assert models.states() == expected
    assert models.states(status="done") == {"task/3": expected["task/3"]}
    assert len(models.states(status="open")) == 4
    assert models.states(status="none") == {}


def test_messages_may_come_twice_late_and_in_any_order(aws: Aws, models: Models) -> None:
    models.build()
    append(aws, [{"a": 1}, {"b": 2}])
    for _ in range(3):
        models.projector.project(STREAM)
    state = models.store.state(models.model, 1, STREAM.stream_id)
    assert state is not None
    assert (state.version, state.events, state.types) == (2, 2, ["task.created"])
    models.projector.project(StreamName("planner", "other/1"))
    models.projector.project(StreamName("nobody", "task/1"))
    assert models.states() == {"task/1": {"a": 1, "b": 2}}


def test_an_older_state_does_not_replace_a_later_one(aws: Aws, models: Models) -> None:
    models.build()
    append(aws, [{"a": 1}])
    models.projector.project(STREAM)
    model, generation = models.model, models.model.serving
    assert generation is not None
    read = models.store.state(model, 1, STREAM.stream_id)
    append(aws, [{"a": 2}])
    models.projector.project(STREAM)
    assert read is not None
    assert not models.store.put_state(model, generation, read, read)
    assert not models.store.put_state(model, generation, None, read)
    assert models.states() == {"task/1": {"a": 2}}


def test_a_long_stream_is_projected_in_several_messages(
    aws: Aws, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projecting, "_PAGE", 2)
    models.build()
    append(aws, [{"n": n} for n in range(1, 8)])
    models.projector.project(STREAM)
    assert models.states() == {"task/1": {"n": 2}}
    assert models.work() == 3
    assert models.states() == {"task/1": {"n": 7}}


def test_a_model_is_rebuilt_while_the_old_one_is_read(aws: Aws, models: Models) -> None:
    stored = append(aws, [{"n": 1}, {"n": 2}])
    models.build("n")
    register(aws, SUM)
    # The generation keeps its reducer until it is rebuilt.
    append(aws, [{"n": 3}])
    models.projector.project(STREAM)
    assert models.states() == {"task/1": {"n": 3}}
    rebuilding = models.registry.rebuild("planner", "task")
    assert rebuilding.building is not None
    assert (rebuilding.building.number, rebuilding.building.reducer) == (2, 1)
    assert models.states() == {"task/1": {"n": 3}}
    # What happens meanwhile comes into both.
    append(aws, [{"n": 4}])
    models.projector.project(STREAM)
    assert models.states(n="4") == {"task/1": {"n": 4}}
    built = models.store.state(models.model, 2, STREAM.stream_id)
    assert built is not None
    assert built.state == {"total": 10, "last": 4}
    models.work()
    assert models.states() == {"task/1": {"total": 10, "last": 4}}
    assert models.store.state(models.model, 1, STREAM.stream_id) is None
    # What has expired is not in what is built from then on.
    remove(aws, stored[0])
    models.registry.rebuild("planner", "task")
    models.work()
    assert models.states() == {"task/1": {"total": 9, "last": 4}}


def test_other_indexes_build_a_model_anew_and_the_same_do_not(models: Models) -> None:
    models.build("a")
    same, is_new = models.registry.register("planner", "task", ["a"])
    assert (same.generations, is_new) == (1, False)
    other, is_new = models.registry.register("planner", "task", ["a", "b"])
    assert (other.generations, is_new) == (2, False)
    # While it is built, another wish takes its place.
    models.build("b")
    assert models.model.serving is not None
    assert (models.model.serving.number, models.model.serving.indexes) == (3, ["b"])
    assert models.model.building is None


def test_a_lost_message_of_a_building_is_sent_again_on_request(aws: Aws, models: Models) -> None:
    append(aws, [{"a": 1}])
    models.registry.register("planner", "task", [])
    aws.take(models.url)
    models.build()
    assert models.states() == {"task/1": {"a": 1}}


def test_an_interrupted_generation_is_continued(
    aws: Aws, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        append(aws, [{"n": number}], stream(number))
    monkeypatch.setattr(projecting, "_STEP_SECONDS", -1.0)
    models.registry.register("planner", "task", [])
    monkeypatch.setattr(projecting, "_PAGE", 1)
    assert models.work() > 2
    assert len(models.states()) == 5


def test_a_slow_expression_is_folded_in_several_messages(aws: Aws, models: Models) -> None:
    register(aws, SUM)
    append(aws, [{"n": n} for n in range(1, 101)], stream(1))
    clock = [0.0]

    def slow(reducer: Reducer, before: bytes, events: Sequence[NumberedEvent]) -> bytes:
        clock[0] += 0.25 * len(events)
        return reduced(reducer, before, events)

    models.projector = replace(models.projector, reduce=slow, clock=lambda: clock[0])
    models.registry.register("planner", "task", [])
    messages = 0
    while bodies := aws.take(models.url):
        for body in bodies:
            began = clock[0]
            models.projector.take(projection_in(body) or {})
            # It stays far below the timeout of its function.
            assert clock[0] - began <= 25
            messages += 1
    assert (messages, models.model.building) == (2, None)
    assert models.states() == {"task/1": {"total": 5050, "last": 100}}
    # A new event is folded in as many messages as it takes.
    append(aws, [{"n": 0}] * 50, stream(1))
    models.projector.project(stream(1))
    assert models.states() == {"task/1": {"total": 5050, "last": 140}}
    assert models.work() == 1
    assert models.states() == {"task/1": {"total": 5050, "last": 150}}


def test_a_failing_reducer_keeps_the_last_state_and_says_why(aws: Aws, models: Models) -> None:
    register(aws, Reducer("jsonata", '{"inverse": $string(1 / event.payload.n)}'))
    models.build()
    append(aws, [{"n": 2}, {"n": 0}])
    append(aws, [{"n": 4}], stream(2))
    models.projector.project(STREAM)
    models.projector.project(stream(2))
    assert models.states() == {"task/1": {"inverse": "0.5"}, "task/2": {"inverse": "0.25"}}
    state = models.store.state(models.model, 1, STREAM.stream_id)
    assert state is not None
    assert state.version == 1
    assert state.failed is not None
    assert state.failed.startswith("version 2: ")
    assert models.work() == 0
    # Another reducer makes good.
    register(aws, SUM)
    models.registry.rebuild("planner", "task")
    models.work()
    assert models.states()["task/1"] == {"total": 2, "last": 2}


def test_the_table_holds_markers_instead_of_sealed_values(aws: Aws, models: Models) -> None:
    models.build("phone")
    append(aws, [{"phone": "5550123", "n": 1}], sensitive=["/phone"])
    models.projector.project(STREAM)
    assert models.states() == {"task/1": {"phone": {"$encrypted": True}, "n": 1}}
    assert "5550123" not in repr(aws.dynamodb.scan(TableName=aws.tables["states"])["Items"])


def test_a_service_has_so_many_read_models(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registering, "MAX_READ_MODELS", 1)
    models.registry.register("planner", "task", [])
    with pytest.raises(Conflict, match="planner has 1 read models"):
        models.registry.register("planner", "order", [])


@pytest.mark.parametrize("most", [1, 2])
def test_overlapping_requests_do_not_exceed_the_limit_of_read_models(
    aws: Aws, models: Models, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(registering, "MAX_READ_MODELS", most)
    register = models.registry.register
    before_next(aws, monkeypatch, "transact_write_items", lambda: register("planner", "order", []))
    with pytest.raises(Conflict) if most == 1 else nullcontext():
        register("planner", "task", [])
    assert len(models.registry.page("planner", None, 9)) == most
    # A removed read model makes room.
    models.registry.remove("planner", "order")
    assert register("planner", "user", [])[1]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("open", "open"),
        (7, "7"),
        (0.5, "0.5"),
        (True, "true"),
        (None, None),
        ("", None),
        ({"a": 1}, None),
        ([1], None),
        ("é" * 128, "é" * 128),
        ("é" * 129, None),
    ],
)
def test_values_by_which_states_are_found(value: Any, expected: str | None) -> None:
    assert indexed(value) == expected


def test_a_late_index_yields_no_wrong_states(aws: Aws, models: Models) -> None:
    """DynamoDB writes indexes a moment later: what they find is checked by the state itself."""
    models.build("status")
    append(aws, [{"status": "open"}])
    models.projector.project(STREAM)
    [item] = [
        each
        for each in aws.dynamodb.scan(TableName=aws.tables["states"])["Items"]
        if each["partition"]["S"].startswith("state#")
    ]
    done = orjson.loads(item["document"]["S"])
    done["state"] = {"status": "done"}
    aws.dynamodb.put_item(
        TableName=aws.tables["states"],
        Item={**item, "document": {"S": orjson.dumps(done).decode()}},
    )
    assert models.states(status="open") == {}


@pytest.mark.usefixtures("built_at_once")
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_happens_in_any_order_a_model_holds_the_folds(
    aws: Aws, executor: Executor, data: st.DataObject
) -> None:
    """Appends, messages, rebuilds and new reducers in any order; then everything is worked off."""
    for each in aws.dynamodb.scan(TableName=aws.tables["states"])["Items"]:
        key = {"partition": each["partition"], "id": each["id"]}
        aws.dynamodb.delete_item(TableName=aws.tables["states"], Key=key)
    models = Models(aws, executor)
    models.registry.register("planner", "task", ["n"])
    appended: dict[StreamName, list[int]] = {}
    run = next(_NUMBERS)
    for step in data.draw(
        st.lists(st.sampled_from(["append", "message", "rebuild", "reducer"]), max_size=14)
    ):
        if step == "append":
            name = StreamName("planner", f"task/{run}-{data.draw(st.integers(1, 2))}")
            n = data.draw(st.integers(1, 5))
            append(aws, [{"n": n}], name)
            appended.setdefault(name, []).append(n)
            models.projector.queue.changed([name])
        elif step == "rebuild":
            models.registry.rebuild("planner", "task")
        elif step == "reducer":
            register(aws, data.draw(st.sampled_from([SUM, Reducer("merge")])))
        elif bodies := aws.take(models.url):
            chosen = data.draw(st.permutations(bodies))
            for body in chosen:
                models.projector.take(projection_in(body) or {})
    models.work()
    latest = aws.reducers.latest("planner", "task")
    serving = models.model.serving
    assert serving is not None
    by = aws.reducers.version("planner", "task", serving.reducer) if serving.reducer else None
    states = {key: each for key, each in models.states().items() if key.startswith(f"task/{run}-")}
    for name, numbers in appended.items():
        folded = {"total": sum(numbers), "last": len(numbers)}
        merged = {"n": numbers[-1]}
        is_sum = by is not None and by.reducer == SUM
        assert states[name.stream_id] == (folded if is_sum else merged), latest
    assert len(states) == len(appended)
    assert storing.MAX_STORED_BYTES < 400 * 1024
