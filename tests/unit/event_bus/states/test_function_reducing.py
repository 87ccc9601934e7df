"""Functions reduce in batches, and what they do wrong is told precisely."""

import io
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import Any, cast

import orjson
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from event_bus import times
from event_bus.errors import Conflict, Unavailable
from event_bus.model.read_model import ModelState
from event_bus.model.reducer import Reducer
from event_bus.model.stream_name import StreamName
from event_bus.queues.projections import ProjectionQueue, projection_in
from event_bus.registry import read_models
from event_bus.states import function_reducing, retrying, state_reader
from event_bus.states.function_reducing import FunctionReducers, ReducerUnavailable
from event_bus.states.model_reader import ReadModelReader
from event_bus.states.reducing import MAX_STATE_BYTES, Numbered, ReducerFailed

from tests.aws import Aws
from tests.builders import event
from tests.unit.event_bus.states.kept_models import Models
from tests.unit.event_bus.states.streams import STREAM, SUM, append, reader, register, state

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:fold:3"
ROLE = "arn:aws:iam::000000000000:role/event-bus-fold"
FOLD = Reducer("lambda", function=FUNCTION)


def fold(called: dict[str, Any]) -> Any:
    """The function: it adds `n` up, and fails where that is no number."""
    made = called["state"]
    for each in called["events"]:
        made = {"total": made.get("total", 0) + each["payload"]["n"], "last": each["version"]}
    return made


@dataclass
class Lambda:
    """The clients of Lambda, and a function.

    Attributes:
        function: The function.
        faults: What the next calls end with, instead of the function.
        seconds: How long a call takes.
        calls: The versions that each call was made with.
        roles: The roles by which calls were made.
    """

    function: Callable[[dict[str, Any]], Any] = fold
    faults: list[Exception] = field(default_factory=list)
    seconds: float = 0.0
    calls: list[list[int]] = field(default_factory=list)
    roles: list[Any] = field(default_factory=list)
    now: float = 0.0

    @property
    def reducers(self) -> FunctionReducers:
        return FunctionReducers(cast("Any", self), lambda: self.now)

    def by_role(self, role_arn: str | None, external: str, seconds: float) -> Any:
        self.roles.append((role_arn, external, seconds))
        return self

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> Any:  # noqa: N803
        assert (FunctionName, InvocationType) == (FUNCTION, "RequestResponse")
        called = orjson.loads(Payload)
        self.calls.append([each["version"] for each in called["events"]])
        self.now += self.seconds
        if self.faults:
            raise self.faults.pop(0)
        try:
            made = self.function(called)
        except TypeError as error:
            said = {"errorType": "TypeError", "errorMessage": f"a secret: {error}"}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(orjson.dumps(said))}
        return {"Payload": io.BytesIO(made if isinstance(made, bytes) else orjson.dumps(made))}


def events(*numbers: Any) -> list[Numbered]:
    return [Numbered(n, event(payload={"n": each})) for n, each in enumerate(numbers, 1)]


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "secret"}}, "Invoke")


def failed(aws_lambda: Lambda, *numbers: Any) -> ReducerFailed:
    with pytest.raises(ReducerFailed) as caught:
        aws_lambda.reducers.reduced(FOLD, b"{}", events(*numbers))
    return caught.value


def test_a_function_is_called_once_for_a_batch() -> None:
    aws_lambda = Lambda()
    made = aws_lambda.reducers.reduced(FOLD, b'{"total":1}', events(*range(100)))
    assert orjson.loads(made) == {"total": 1 + sum(range(100)), "last": 100}
    assert aws_lambda.calls == [list(range(1, 101))]
    assert aws_lambda.roles == [(None, "", 5.0)]
    aws_lambda.reducers.reduced(FOLD, b"{}", events(*range(101)))
    assert aws_lambda.calls[1:] == [list(range(1, 101)), [101]]


def test_a_function_sees_the_events_as_other_reducers_do() -> None:
    seen: list[Any] = []

    def function(called: Any) -> Any:
        seen.append(called)
        return {}

    Lambda(function).reducers.reduced(FOLD, b"{}", events(1))
    assert seen[0]["state"] == {}
    [shown] = seen[0]["events"]
    members = {"id", "type", "source", "timestamp", "payload", "metadata", "version"}
    assert shown.keys() == members
    assert shown["payload"] == {"n": 1}


def test_other_reducers_call_nothing() -> None:
    aws_lambda = Lambda()
    made = aws_lambda.reducers.reduced(SUM, b"{}", events(1, 2))
    assert (orjson.loads(made)["total"], aws_lambda.calls) == (3, [])
    assert aws_lambda.roles == []


def test_large_batches_are_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    aws_lambda = Lambda()
    monkeypatch.setattr(function_reducing, "_MAX_CALL_BYTES", 3 * len(orjson.dumps("x" * 250)))
    made = aws_lambda.reducers.reduced(FOLD, b"{}", events(*range(10)))
    assert orjson.loads(made) == {"total": 45, "last": 10}
    assert [each for call in aws_lambda.calls for each in call] == list(range(1, 11))
    assert len(aws_lambda.calls) > 1


def test_a_role_is_assumed_by_the_services_external_id() -> None:
    aws_lambda = Lambda()
    by_role = Reducer("lambda", function=FUNCTION, role_arn=ROLE, external_id="event-bus/x")
    aws_lambda.reducers.reduced(by_role, b"{}", events(1))
    assert aws_lambda.roles == [(ROLE, "event-bus/x", 5.0)]


@pytest.mark.parametrize("at", [1, 2, 37, 50, 51, 100])
def test_halving_a_batch_finds_the_event_that_fails(at: int) -> None:
    aws_lambda = Lambda()
    numbers: list[Any] = [1] * 100
    numbers[at - 1] = "one"
    failure = failed(aws_lambda, *numbers)
    assert (failure.version, failure.detail) == (at, "the function failed (TypeError)")
    assert failure.before == (at - 1 or None)
    before = {"total": at - 1, "last": at - 1} if at > 1 else {}
    assert orjson.loads(failure.state) == before
    assert len(aws_lambda.calls) <= 15


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (b"", "valid JSON"),
        (b'{"a":1,"a":2}', "valid JSON"),
        (b'{"a":NaN}', "valid JSON"),
        (b"[" * 100_000, "valid JSON"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "valid JSON"),
        (b"\xff", "valid JSON"),
        (b"null", "must return the state, an object"),
        (b"[]", "must return the state, an object"),
        (b" " * MAX_STATE_BYTES + b"{}", f"more than {MAX_STATE_BYTES} bytes"),
    ],
)
def test_an_invalid_state_from_a_function_is_refused(result: bytes, says: str) -> None:
    failure = failed(Lambda(lambda _: result), 1)
    assert (failure.version, failure.before, failure.state) == (1, None, b"{}")
    assert says in failure.detail


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (
            "AccessDeniedException",
            "its owner has not opted it in by the tag, or a policy or role forbids it",
        ),
        ("ResourceNotFoundException", "the function, or this version of it, does not exist"),
        ("KMSDisabledException", "KMSDisabledException"),
    ],
)
def test_a_function_that_cannot_be_called_is_called_once(code: str, says: str) -> None:
    aws_lambda = Lambda(faults=[refused(code)])
    failure = failed(aws_lambda, 1, 2, 3)
    assert failure.version == 1
    assert "the function cannot be called" in failure.detail
    assert says in failure.detail
    assert "secret" not in failure.detail
    assert len(aws_lambda.calls) == 1


@pytest.mark.parametrize(
    "fault", [refused("TooManyRequestsException"), EndpointConnectionError(endpoint_url="x")]
)
def test_a_busy_function_is_called_again_once(fault: Exception) -> None:
    aws_lambda = Lambda(faults=[fault])
    assert orjson.loads(aws_lambda.reducers.reduced(FOLD, b"{}", events(4)))["total"] == 4
    aws_lambda.faults = [fault, fault]
    with pytest.raises(ReducerUnavailable):
        aws_lambda.reducers.reduced(FOLD, b"{}", events(4))


def test_a_slow_function_is_not_called_for_halves() -> None:
    aws_lambda = Lambda(faults=[ReadTimeoutError(endpoint_url="x")], seconds=5.0)
    failure = failed(aws_lambda, 1, 2, 3)
    assert failure.version == 1
    assert failure.detail == (
        "the function did not answer within 5 s (called with the versions 1 to 3)"
    )
    assert len(aws_lambda.calls) == 1


def test_states_are_folded_by_a_function_from_snapshots(aws: Aws, executor: Executor) -> None:
    aws_lambda = Lambda()
    register(aws, FOLD)
    append(aws, [{"n": 1}] * 110)
    read = reader(aws, executor, reduce=aws_lambda.reducers.reduced)
    assert state(aws, read).state == {"total": 110, "last": 110}
    aws_lambda.calls.clear()
    again = state(aws, read)
    assert (again.state, again.snapshot_version) == ({"total": 110, "last": 110}, 100)
    assert aws_lambda.calls == [list(range(101, 111))]


def test_a_function_that_fails_is_a_conflict_and_a_busy_one_no_answer(
    aws: Aws, executor: Executor
) -> None:
    aws_lambda = Lambda()
    register(aws, FOLD)
    append(aws, [{"n": 1}, {"n": "x"}])
    read = reader(aws, executor, reduce=aws_lambda.reducers.reduced)
    with pytest.raises(Conflict, match="version 2: the function failed"):
        state(aws, read)
    assert state(aws, read, 1).state["total"] == 1
    aws_lambda.faults = [refused("TooManyRequestsException")] * 2
    with pytest.raises(Unavailable, match="throttled"):
        state(aws, read, 1)


def test_a_request_waits_a_limited_time_for_a_slow_function(
    aws: Aws, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Payloads are large, so that the function is called several times for a page."""
    aws_lambda = Lambda(seconds=4.0)
    register(aws, FOLD)
    append(aws, [{"n": 1}] * 10)
    monkeypatch.setattr(state_reader, "_PAYLOADS_AT_ONCE", 1)
    read = reader(aws, executor, reduce=aws_lambda.reducers.reduced, clock=lambda: aws_lambda.now)
    for calls, folded in ((4, 4), (8, 8)):
        with pytest.raises(Unavailable, match=f"{folded} versions are folded"):
            state(aws, read)
        assert len(aws_lambda.calls) == calls
    assert state(aws, read).state == {"total": 10, "last": 10}


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


def advance_clock(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = times.unix()
    monkeypatch.setattr(times, "unix", lambda: now + seconds)


@pytest.mark.parametrize("busy", [True, False])
def test_a_function_that_failed_is_called_again_without_a_new_event(
    aws: Aws,
    executor: Executor,
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
    aws_lambda.faults = [refused("TooManyRequestsException")] * 2 if busy else []
    models.projector.project(STREAM)
    failed = stored_state(models)
    assert (failed.version, failed.failures) == (2 if busy else 3, 1)
    assert failed.failed
    assert ("throttled" if busy else "TypeError") in failed.failed
    models_read = ReadModelReader(models.store, reader(aws, executor).finder)
    assert models_read.lag(models.model)
    assert failed.retry_at
    assert 3 <= times.seconds(failed.retry_at) - times.unix() <= 10

    # Until then, a message of the stream calls nothing. Each failure doubles the wait.
    calls = len(aws_lambda.calls)
    models.projector.project(STREAM)
    assert len(aws_lambda.calls) == calls
    aws_lambda.faults = [refused("TooManyRequestsException")] * 2 if busy else []
    advance_clock(monkeypatch, 12)
    models.projector.project(STREAM)
    again = stored_state(models)
    assert (again.failures, len(aws_lambda.calls) > calls) == (2, True)
    assert again.retry_at
    assert again.retry_at > times.after(9)

    aws_lambda.function = lambda called: {"last": called["events"][-1]["version"]}
    advance_clock(monkeypatch, 25)
    models.projector.project(STREAM)
    assert [stream for stream, _ in retries] == [STREAM] * 2
    mended = stored_state(models)
    assert (mended.version, mended.failed) == (4, None)
    assert (mended.failures, mended.retry_at) == (0, None)
    assert models_read.lag(models.model) == 0


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
    advance_clock(monkeypatch, 60)
    models.projector.project(STREAM)
    assert (stored_state(models).version, stored_state(models).failures) == (3, 1)


def test_a_function_is_called_again_up_to_a_number(
    aws: Aws, functions: tuple[Models, Lambda], monkeypatch: pytest.MonkeyPatch
) -> None:
    models, _ = functions
    models.work()
    append(aws, [{"n": "x"}])
    models.projector.project(STREAM)
    monkeypatch.setattr(retrying, "MOST_RETRIES", 1)
    advance_clock(monkeypatch, 60)
    models.projector.project(STREAM)
    given_up = stored_state(models)
    assert (given_up.failures, given_up.retry_at, given_up.failed) == (
        2,
        None,
        "version 3: the function failed (TypeError)",
    )
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
