"""A state leaves out an event whose payload is lost, as one that has expired."""

from concurrent.futures import Executor

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
    models.registry.register("planner", "task", [])
    models.work()
    assert models.states() == {"task/1": {"a": 1, "c": 3}}
    append(aws, [{"d": 4}])
    models.projector.project(STREAM)
    assert models.states() == {"task/1": {"a": 1, "c": 3, "d": 4}}
