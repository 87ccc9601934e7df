"""Simulated threads that cannot continue end with an error, and hold up nobody."""

import threading
from collections.abc import Callable

import pytest

from tests.simulation.operations import RunningOperations
from tests.simulation.virtual_time import VirtualTime
from tests.waiting import join


def in_time(act: Callable[[], object]) -> None:
    acting = threading.Thread(target=act, daemon=True)
    acting.start()
    join(acting, seconds=10)


def test_an_operation_without_a_thread_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    operations = RunningOperations()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        with pytest.raises(RuntimeError):
            operations.start("publish", lambda: None)
    in_time(operations.abandon)
    assert operations.running == []


def test_an_operation_that_waits_for_another_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.simulation.operations._LONGEST_SECONDS", 0.05)
    held = threading.Lock()
    with held, pytest.raises(AssertionError, match="publish"):
        RunningOperations().start("publish", held.acquire)


def test_whoever_runs_virtual_time_cannot_wait_for_it() -> None:
    failures: list[AssertionError] = []

    def sleep() -> None:
        try:
            VirtualTime(0).sleep(1)
        except AssertionError as failure:
            failures.append(failure)

    in_time(sleep)
    assert failures
