"""The emulator treats the functions of the bare pipeline as those of the bus."""

import os
import queue
import sys
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock, patch

import pytest
from ministack.core import lambda_runtime  # type: ignore[import-untyped]

from benchmarks.bare import pipeline
from localstack.ministack_costs import CALLED, output_of

STORED = {"dynamodb": {"NewImage": {"body": {"S": "{}"}}}}
EVENTS: dict[str, dict[str, Any]] = {
    "authorize": {},
    "publish": {"body": "{}"},
    "route": {"Records": [STORED]},
    "deliver": {"Records": [{"body": "{}"}]},
}


@pytest.fixture
def deployed() -> dict[str, Any]:
    """The settings with which each function is deployed, by its name."""
    bus = MagicMock()
    pipeline.deploy(bus, "http://receiver.example")
    calls = bus.client("lambda").create_function.call_args_list
    return {call.kwargs["Handler"].rpartition(".")[2]: call.kwargs for call in calls}


def test_there_is_an_event_for_each_function(deployed: dict[str, Any]) -> None:
    assert deployed.keys() == EVENTS.keys()


@pytest.mark.parametrize("name", EVENTS)
def test_no_wait_follows_the_last_line_of_a_call(
    name: str,
    deployed: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for variable in ("TABLE", "QUEUE", "CALLBACK"):
        monkeypatch.setitem(os.environ, variable, "x")
    monkeypatch.delitem(sys.modules, "benchmarks.bare.handlers", raising=False)
    with patch("boto3.client"), patch("urllib3.PoolManager"):
        from benchmarks.bare import handlers  # noqa: PLC0415 - it makes clients

        getattr(handlers, name)(EVENTS[name], None)
    printed = capsys.readouterr().out
    worker: Any = lambda_runtime.Worker("function", deployed[name], b"")
    worker._proc = SimpleNamespace()
    worker._stderr_queue = queue.Queue[str]()
    for line in (*printed.splitlines(), "of the next call"):
        worker._stderr_queue.put(line)
    assert output_of(worker) == printed.rstrip("\n") == CALLED
    assert worker._stderr_queue.qsize() == 1
