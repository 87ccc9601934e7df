"""What takes too long is interrupted, wherever it waits, and nothing afterwards is."""

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from types import SimpleNamespace

import pytest
from event_bus.time_limit import OutOfTime, limited, seconds_left

# No test waits so long: something interrupts it before.
LONG = 30.0


@pytest.fixture
def silence() -> Iterator[socket.socket]:
    """A connection over which nothing comes."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(LONG)
        yield ours


def test_a_wait_ends_with_the_time(silence: socket.socket) -> None:
    with pytest.raises(OutOfTime), limited(0.05):
        silence.recv(1)


def test_a_handler_of_failures_does_not_hide_the_end(silence: socket.socket) -> None:
    def careless() -> None:
        try:
            silence.recv(1)
        except Exception:
            pytest.fail("it is no failure")

    with pytest.raises(OutOfTime), limited(0.05):
        careless()


def test_what_tidies_up_is_interrupted_as_well(silence: socket.socket) -> None:
    def tidying() -> None:
        try:
            silence.recv(1)
        finally:
            silence.recv(1)

    with pytest.raises(OutOfTime), limited(0.05):
        tidying()


def test_a_time_that_is_over_interrupts_at_once(silence: socket.socket) -> None:
    with pytest.raises(OutOfTime), limited(-5):
        silence.recv(1)


def test_nothing_is_interrupted_afterwards() -> None:
    handler, timer = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)
    with limited(LONG):
        assert signal.getsignal(signal.SIGALRM) is not handler
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= LONG
    assert signal.getsignal(signal.SIGALRM) is handler
    assert (signal.getitimer(signal.ITIMER_REAL)[0] > 0) is (timer[0] > 0)


def test_a_limit_that_is_over_while_it_is_set_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handler, timer = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)
    setitimer = signal.setitimer

    def slow(*limit: float) -> None:
        setitimer(*limit)  # type: ignore[arg-type]
        signal.raise_signal(signal.SIGALRM)

    monkeypatch.setattr(signal, "setitimer", slow)
    with pytest.raises(OutOfTime), limited(LONG):
        pytest.fail("the time is over")
    monkeypatch.undo()
    found = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)[0] > 0
    signal.setitimer(signal.ITIMER_REAL, *timer)
    signal.signal(signal.SIGALRM, handler)
    assert found == (handler, timer[0] > 0)


def test_what_enters_and_leaves_blocks_is_not_interrupted() -> None:
    alarm = partial(signal.raise_signal, signal.SIGALRM)
    left = []

    def leaving() -> None:
        with closing(SimpleNamespace(close=alarm)):
            pass
        left.append(True)
        alarm()

    with pytest.raises(OutOfTime), limited(LONG):
        leaving()
    assert left == [True]


def test_without_a_limit_or_in_another_thread_nothing_changes() -> None:
    handlers = [signal.getsignal(signal.SIGALRM)]

    def look(seconds: float | None) -> None:
        with limited(seconds):
            handlers.append(signal.getsignal(signal.SIGALRM))

    look(None)
    thread = threading.Thread(target=look, args=(0.001,))
    thread.start()
    thread.join(LONG)
    assert handlers == [handlers[0]] * 3


def test_the_time_left_is_that_of_the_context() -> None:
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 2_500)
    assert seconds_left(context) == 2.5
    assert seconds_left(None) is None
