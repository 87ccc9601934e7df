"""A state leaves out an event whose payload is lost, and waits for one that cannot be read."""

from concurrent.futures import Executor

from event_bus.model.stream_name import StreamName

from tests.aws import Aws
from tests.builders import LARGE_PAYLOAD
from tests.unit.event_bus.states.kept_models import Models, built_at_once, models
from tests.unit.event_bus.states.streams import STREAM, append, reader, state

__all__ = ["built_at_once", "models"]


def _lose_the_second(aws: Aws) -> None:
    stored = append(aws, [{"a": 1}, {"b": 2, **LARGE_PAYLOAD}, {"c": 3}])
    aws.lose_payload(stored[1].id)


def test_a_state_leaves_it_out(aws: Aws, executor: Executor) -> None:
    _lose_the_second(aws)
    read = reader(aws, executor)
    latest = state(aws, read)
    assert (latest.version, latest.events, latest.state) == (3, 2, {"a": 1, "c": 3})
    assert state(aws, read, 2).state == {"a": 1}


def test_a_read_model_leaves_it_out(aws: Aws, models: Models) -> None:
    _lose_the_second(aws)
    models.build()
    assert models.states() == {"task/1": {"a": 1, "c": 3}}
    append(aws, [{"d": 4}])
    models.projector.project(STREAM)
    assert models.states() == {"task/1": {"a": 1, "c": 3, "d": 4}}


def test_a_read_model_waits_for_an_event_that_cannot_be_read(aws: Aws, models: Models) -> None:
    stored = append(aws, [{"a": 1}, {"b": 2}, {"c": 3}])
    other = StreamName("planner", "task/2")
    append(aws, [{"other": 1}], other)
    key = {"id": {"S": stored[1].id}}
    whole = aws.dynamodb.get_item(TableName=aws.tables["events"], Key=key)["Item"]
    aws.lose_archived(stored[1].id)
    models.build()
    assert models.model.building is None
    assert models.states() == {"task/1": {"a": 1}, "task/2": {"other": 1}}
    failed = models.store.state(models.model, 1, STREAM.stream_id)
    assert failed
    assert (failed.version, failed.failed) == (
        1,
        "version 2: the event is stored, but cannot be read",
    )
    models.projector.project(STREAM)
    assert models.states()["task/1"] == {"a": 1}
    # Once the object is restored, the next message continues.
    aws.dynamodb.put_item(TableName=aws.tables["events"], Item=whole)
    models.projector.project(STREAM)
    assert models.states()["task/1"] == {"a": 1, "b": 2, "c": 3}


def test_the_lag_of_a_read_model_leaves_out_what_cannot_be_read(aws: Aws, models: Models) -> None:
    models.build()
    [lost] = append(aws, [{"a": 1}])
    aws.lose_archived(lost.id)
    assert models.lag() == 0.0
