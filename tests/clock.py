"""Clocks that a test moves by hand."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from event_bus import times


@dataclass
class Clock:
    """A monotonic clock, in seconds, that a test sets."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


def pass_by(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Sets the wall clock to so many seconds after now, where it stands still."""
    now = times.unix()
    monkeypatch.setattr(times, "unix", lambda: now + seconds)


@pytest.fixture
def shift(monkeypatch: pytest.MonkeyPatch) -> Callable[[float, float], None]:
    """Sets the monotonic and the wall clock forward by so many seconds."""
    ahead = [0.0, 0.0]
    clock = SimpleNamespace(
        monotonic=lambda: time.monotonic() + ahead[0], time=lambda: time.time() + ahead[1]
    )
    monkeypatch.setattr(times, "time", clock)
    monkeypatch.setattr(times, "_steady_clock", times.SteadyClock())

    def forward(monotonic: float, wall: float) -> None:
        ahead[0] += monotonic
        ahead[1] += wall

    return forward
