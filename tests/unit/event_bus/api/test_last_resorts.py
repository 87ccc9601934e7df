"""A request that takes too long, or whose answer is too large, gets an answer that explains it."""

import json
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import orjson
import pytest
from event_bus.api.api_gateway import MAX_ANSWER_BYTES, handler_of
from event_bus.api.endpoint import ANSWER_SECONDS, RECORD_SECONDS, Endpoint, Function
from event_bus.api.operation import Operation
from event_bus.api.operations import status, subscriptions
from event_bus.api.requests import Request, Response

from tests.builders import AN_ADMIN
from tests.requests import http_request

# A function may answer with 6 MB, the names of the members included.
LAMBDA_BYTES = 6_291_556


@pytest.fixture
def silence() -> Iterator[socket.socket]:
    """A connection over which nothing comes."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(30)
        yield ours


def answer(
    operation: Operation, function: Function, recorder: Any = None, left: float | None = None
) -> dict[str, Any]:
    """The answer of a function that Lambda ends after some seconds."""
    endpoint = Endpoint(recorder=lambda: recorder or Mock(), repetitions=Mock())
    endpoint.answers(operation)(function)
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: (left or 0) * 1000)
    event = http_request(operation.key, caller=AN_ADMIN, parameters={"id": "sub_1"})
    return handler_of(endpoint, lambda _: {})(event, context if left else None)


def test_a_request_is_answered_before_its_function_is_ended(silence: socket.socket) -> None:
    recorder = Mock()

    def waiting(_: Request) -> Response:
        silence.recv(1)
        return Response(204)

    given = answer(subscriptions.REMOVE, waiting, recorder, ANSWER_SECONDS + 0.05)
    assert (given["statusCode"], given["headers"]["retry-after"]) == (503, "1")
    problem = orjson.loads(given["body"])
    assert problem["type"] == "urn:event-bus:problem:unavailable"
    assert "may have taken effect" in problem["detail"]
    [entry] = recorder.record.call_args.args
    assert (entry["status"], entry["details"]["status_code"]) == ("failure", 503)


def test_a_record_that_takes_too_long_does_not_keep_back_the_answer(
    silence: socket.socket,
) -> None:
    recorder = Mock()
    recorder.record.side_effect = lambda _: silence.recv(1)
    given = answer(subscriptions.REMOVE, lambda _: Response(204), recorder, RECORD_SECONDS + 0.05)
    assert given["statusCode"] in (204, 503)
    recorder.record.assert_called_once()


@pytest.mark.parametrize("text", ['"', "\\", "\n", "x", "ü", "\U0001f4ec"])
def test_an_answer_that_lambda_would_refuse_is_a_problem(text: str) -> None:
    # Nothing that Lambda would refuse passes, and what it takes does.
    most = MAX_ANSWER_BYTES // len(json.dumps(text, ensure_ascii=False)[1:-1].encode())
    for characters, expected in ((most, 200), (most + 1, 500)):
        given = answer(
            status.LIVE,
            lambda _, size=characters: Response(200, text=text * size),  # type: ignore[misc]
        )
        assert given["statusCode"] == expected
        if expected == 500:
            problem = orjson.loads(given["body"])
            assert problem["type"] == "urn:event-bus:problem:internal-error"
            assert "ask for fewer items" in problem["detail"]
        assert len(json.dumps(given, ensure_ascii=False).encode()) < LAMBDA_BYTES
