"""A read model waits for a reducer that fails for no event, and has it applied again."""

from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

import pytest
from event_bus import times
from event_bus.model.read_model import ModelState
from event_bus.model.reducer import Reducer
from event_bus.model.stream_name import StreamName
from event_bus.queues.projections import ProjectionQueue, projection_in
from event_bus.registry import read_models
from event_bus.states import retrying

from tests.aws import Aws
from tests.clock import pass_by
from tests.evaluator import no_evaluator
from tests.unit.event_bus.states.functions import FOLD, Lambda, refused
from tests.unit.event_bus.states.kept_models import Models, built_at_once, models
from tests.unit.event_bus.states.streams import STREAM, SUM, append, register

__all__ = ["built_at_once", "models"]


@pytest.fixture
def functions(
    aws: Aws, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> tuple[Models, Lambda]:
    """A read model of one stream whose reducer is a function."""
    monkeypatch.setattr(read_models, "_LISTED_SECONDS", 0)
    aws_lambda = Lambda()
    register(aws, FOLD)
    append(aws, [{"n": 1}, {"n": 2}])
    models = Models(aws, executor)
    models.projector = replace(models.projector, reduce=aws_lambda.reducers.reduced)
    models.registry.register("planner", "task", [])
    return models, aws_lambda


def stored_state(models: Models) -> ModelState:
    found = models.store.state(models.model, 1, STREAM.stream_id)
    assert found is not None
    return found


@pytest.mark.parametrize("busy", [True, False])
def test_a_function_that_failed_is_called_again_without_a_new_event(
    aws: Aws,
    functions: tuple[Models, Lambda],
    monkeypatch: pytest.MonkeyPatch,
    busy: bool,
) -> None:
    models, aws_lambda = functions
    retries: list[tuple[StreamName, int]] = []
    monkeypatch.setattr(ProjectionQueue, "retry", lambda _, *asked: retries.append(asked))
    models.work()
    assert models.states() == {"task/1": {"total": 3, "last": 2}}
    append(aws, [{"n": 4}, {"n": "5"}])
    assert models.lag()
    aws_lambda.faults = [refused("TooManyRequestsException")] * 2 if busy else []
    models.projector.project(STREAM)
    failed = stored_state(models)
    assert (failed.version, failed.failures) == (2 if busy else 3, 1)
    assert failed.failed
    assert ("throttled" if busy else "TypeError") in failed.failed
    assert models.lag()
    assert failed.retry_at
    assert 3 <= times.seconds(failed.retry_at) - times.unix() <= 10

    # Until then, a message of the stream calls nothing. Each failure doubles the wait.
    calls, changed = len(aws_lambda.calls), []
    with monkeypatch.context() as patched:
        patched.setattr(ProjectionQueue, "changed", lambda _, streams: changed.append(streams))
        models.projector.project(STREAM)
    assert (len(aws_lambda.calls), changed) == (calls, [])
    aws_lambda.faults = [refused("TooManyRequestsException")] * 2 if busy else []
    pass_by(monkeypatch, 12)
    models.projector.project(STREAM)
    again = stored_state(models)
    assert (again.failures, len(aws_lambda.calls) > calls) == (2, True)
    assert again.retry_at
    assert again.retry_at > times.after(9)

    aws_lambda.function = lambda called: {"last": called["events"][-1]["version"]}
    pass_by(monkeypatch, 25)
    models.projector.project(STREAM)
    assert [stream for stream, _ in retries] == [STREAM] * 2
    mended = stored_state(models)
    assert (mended.version, mended.failed) == (4, None)
    assert (mended.failures, mended.retry_at) == (0, None)
    assert models.lag() == 0


def test_a_stream_without_a_state_waits_for_a_busy_function_as_well(
    aws: Aws, functions: tuple[Models, Lambda], monkeypatch: pytest.MonkeyPatch
) -> None:
    models, aws_lambda = functions
    models.work()
    other = StreamName("planner", "task/2")
    append(aws, [{"n": 7}], other)
    monkeypatch.setattr(ProjectionQueue, "retry", lambda *_: None)
    aws_lambda.faults = [refused("TooManyRequestsException")] * 2
    models.projector.project(other)
    waiting = models.store.state(models.model, 1, "task/2")
    assert waiting
    assert (waiting.stream_id, waiting.version, waiting.failures) == ("task/2", 0, 1)
    pass_by(monkeypatch, 12)
    models.projector.project(other)
    assert models.states()["task/2"] == {"total": 7, "last": 1}


def test_a_failure_for_another_event_counts_anew(
    aws: Aws, functions: tuple[Models, Lambda], monkeypatch: pytest.MonkeyPatch
) -> None:
    models, aws_lambda = functions
    models.work()
    append(aws, [{"n": "x"}, {"n": 4}])
    models.projector.project(STREAM)
    assert (stored_state(models).version, stored_state(models).failures) == (2, 1)

    def function(called: Any) -> Any:
        if called["events"][-1]["version"] == 4:
            raise TypeError
        return {}

    aws_lambda.function = function
    pass_by(monkeypatch, 60)
    models.projector.project(STREAM)
    assert (stored_state(models).version, stored_state(models).failures) == (3, 1)


def test_a_function_is_called_again_up_to_a_number(
    aws: Aws,
    functions: tuple[Models, Lambda],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    models, _ = functions
    models.work()
    append(aws, [{"n": "x"}])
    models.projector.project(STREAM)
    monkeypatch.setattr(retrying, "MOST_RETRIES", 1)
    pass_by(monkeypatch, 60)
    models.projector.project(STREAM)
    given_up = stored_state(models)
    assert (given_up.failures, given_up.retry_at, given_up.failed) == (
        2,
        None,
        "version 3: the function failed (TypeError)",
    )
    # Nothing is waited for any more.
    assert models.lag() == 0
    # A new event has it called once more, as it may change nothing for the event that failed.
    append(aws, [{"n": 1}])
    models.projector.project(STREAM)
    assert (stored_state(models).failures, stored_state(models).retry_at) == (3, None)


def test_the_building_of_a_read_model_waits_for_a_busy_function(
    functions: tuple[Models, Lambda], monkeypatch: pytest.MonkeyPatch
) -> None:
    models, aws_lambda = functions
    asked: list[Any] = []
    monkeypatch.setattr(ProjectionQueue, "continue_generation", lambda _, *sent: asked.append(sent))
    aws_lambda.faults = [refused("TooManyRequestsException")] * 2
    [message] = models.aws.take(models.url)
    models.projector.take(projection_in(message) or {})
    # Nothing is marked as failed; a message continues the building.
    assert models.model.building
    assert models.store.state(models.model, 1, STREAM.stream_id) is None
    assert asked == [("planner", "task", 1, 60)]
    models.projector.step("planner", "task", 1)
    assert models.states() == {"task/1": {"total": 3, "last": 2}}


def test_a_state_waits_for_the_process_that_evaluates(
    aws: Aws, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    retries: list[StreamName] = []
    monkeypatch.setattr(ProjectionQueue, "retry", lambda _, stream, __: retries.append(stream))
    register(aws, SUM)
    append(aws, [{"n": 1}])
    models.registry.register("planner", "task", [])
    models.work()
    append(aws, [{"n": 2}])
    with no_evaluator():
        models.projector.project(STREAM)
    waiting = stored_state(models)
    assert (waiting.version, waiting.failures, retries) == (1, 1, [STREAM])
    assert waiting.failed == "the process that evaluates expressions did not start"
    assert waiting.retry_at
    assert models.lag()
    pass_by(monkeypatch, 12)
    models.projector.project(STREAM)
    assert models.states() == {"task/1": {"total": 3, "last": 2}}
    assert (stored_state(models).failed, models.lag()) == (None, 0)


def test_an_expression_that_fails_is_not_repeated(
    aws: Aws, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(aws, Reducer("jsonata", '$error("no")'))
    append(aws, [{"n": 1}])
    models.registry.register("planner", "task", [])
    monkeypatch.setattr(ProjectionQueue, "retry", lambda *_: pytest.fail("it is repeated"))
    models.work()
    assert (stored_state(models).version, stored_state(models).retry_at) == (0, None)


def test_the_building_of_a_read_model_waits_for_the_process_that_evaluates(
    aws: Aws, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(ProjectionQueue, "continue_generation", lambda _, *sent: asked.append(sent))
    register(aws, SUM)
    append(aws, [{"n": 1}])
    models.registry.register("planner", "task", [])
    asked.clear()
    with no_evaluator():
        models.projector.step("planner", "task", 1)
    assert models.store.state(models.model, 1, STREAM.stream_id) is None
    assert asked == [("planner", "task", 1, 60)]
    models.projector.step("planner", "task", 1)
    assert models.states() == {"task/1": {"total": 1, "last": 1}}


def test_a_retry_is_not_passed_over_though_its_queue_answers_late(
    aws: Aws, functions: tuple[Models, Lambda], monkeypatch: pytest.MonkeyPatch
) -> None:
    models, aws_lambda = functions
    models.work()
    append(aws, [{"n": 4}])
    aws_lambda.faults = [refused("TooManyRequestsException")] * 2
    now = times.unix()
    monkeypatch.setattr(times, "unix", lambda: now)
    delays: list[int] = []

    def retry(_: ProjectionQueue, __: StreamName, delay: int) -> None:
        # SQS takes the message at once, and its answer comes late.
        nonlocal now
        delays.append(delay)
        now += 6

    monkeypatch.setattr(ProjectionQueue, "retry", retry)
    models.projector.project(STREAM)
    [delay] = delays
    now += delay - 6
    models.projector.project(STREAM)
    assert models.states() == {"task/1": {"total": 7, "last": 3}}
