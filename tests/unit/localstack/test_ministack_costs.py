"""What replaces functions of ministack has their results."""

import queue
from types import SimpleNamespace
from typing import Any

import pytest
from event_bus.api.operations.registry import OPERATIONS
from ministack.core import lambda_runtime  # type: ignore[import-untyped]
from ministack.services import apigateway  # type: ignore[import-untyped]

from localstack.ministack_costs import output_of, path_parameters

_PATHS = (
    *("/", "/events", "/events/", "/events/evt_1", "/events/evt_1/replay", "/events//replay"),
    *("/events/a%2Fb", "/events/a.b", "/subscribers/a/keys/b/rotate", "/a/b/c", "/states/x+y"),
)


@pytest.mark.parametrize(
    "route",
    [*sorted({each.path for each in OPERATIONS}), "/{all+}", "/a/{rest+}/c", "/a.b/{c}", "/"],
)
def test_a_path_has_the_parameters_that_ministack_finds(route: str) -> None:
    for path in (*_PATHS, route):
        assert path_parameters(route, path) == apigateway._extract_path_params(route, path)


def _worker(handler: str, *lines: str) -> Any:
    printed = queue.Queue[str]()
    for line in lines:
        printed.put(line)
    worker = lambda_runtime.Worker("function", {"Handler": handler}, b"")
    worker._proc = SimpleNamespace()
    worker._stderr_queue = printed
    return worker


def test_the_output_of_a_call_ends_with_its_last_line() -> None:
    last = '{"level":"INFO","message":"called"}'
    worker = _worker("event_bus.emulated.handler", "one", "two", last, "of the next call")
    assert output_of(worker) == f"one\ntwo\n{last}"
    assert worker._stderr_queue.qsize() == 1


def test_another_function_prints_no_last_line() -> None:
    assert output_of(_worker("index.handler", "one", "two")) == "one\ntwo"
    assert output_of(_worker("index.handler"), first_line_wait=0) == ""
