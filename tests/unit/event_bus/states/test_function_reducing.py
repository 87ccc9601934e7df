"""Functions reduce in batches, and what they do wrong is told precisely."""

import io
from concurrent.futures import Executor
from typing import Any

import orjson
import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from event_bus.errors import Conflict, Unavailable
from event_bus.model.reducer import Reducer
from event_bus.states import function_reducing, state_reader
from event_bus.states.reducing import MAX_STATE_BYTES, ReducerFailed, ReducerUnavailable

from tests.aws import Aws
from tests.unit.event_bus.states.functions import FOLD, FUNCTION, ROLE, Lambda, events, refused
from tests.unit.event_bus.states.streams import SUM, append, reader, register, state


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


_NOT_JSON = "the function did not return valid JSON for the bus"
_NO_OBJECT = "the function must return the state, an object"


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (b"", _NOT_JSON),
        (b'{"a":1,"a":2}', _NOT_JSON),
        (b'{"a":NaN}', _NOT_JSON),
        (b"[" * 100_000, _NOT_JSON),
        (b'{"a":' * 40 + b"1" + b"}" * 40, _NOT_JSON),
        (b"\xff", _NOT_JSON),
        (b"null", _NO_OBJECT),
        (b"[]", _NO_OBJECT),
        (
            b" " * MAX_STATE_BYTES + b"{}",
            f"the function returned more than {MAX_STATE_BYTES} bytes",
        ),
    ],
)
def test_an_invalid_state_from_a_function_is_refused(result: bytes, says: str) -> None:
    failure = failed(Lambda(lambda _: result), 1)
    assert (failure.version, failure.before, failure.state) == (1, None, b"{}")
    assert failure.detail == says


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (b'{"errorType":"KeyError","errorMessage":"a secret"}', " (KeyError)"),
        (b'{"errorType":"' + b"x" * 150 + b'"}', f" ({'x' * 100})"),
        (b'{"errorMessage":"a secret"}', ""),
        (b'{"errorType":7}', ""),
        (b"[]", ""),
        (b"not JSON", ""),
    ],
    ids=lambda each: str(each)[:30],
)
def test_the_error_of_a_function_is_named_by_its_type(
    monkeypatch: pytest.MonkeyPatch, error: bytes, says: str
) -> None:
    def fail(_: Lambda, **__: object) -> dict[str, object]:
        return {"FunctionError": "Unhandled", "Payload": io.BytesIO(error)}

    monkeypatch.setattr(Lambda, "invoke", fail)
    assert failed(Lambda(), 1).detail == f"the function failed{says}"


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
