"""Measures how long subscribers take to answer, and reports a slow one before it answers."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from event_bus import times
from event_bus.model.pace import SLOW_SECONDS
from event_bus.timers import Timer, Timers


@dataclass(slots=True)
class Wait:
    """The wait for the answer of one subscriber.

    Attributes:
        answered: Returns whether an unread answer has begun to arrive; None if that is not known.
        in_time: Whether an answer had begun to arrive after `SLOW_SECONDS`. If so, this function is
            busy, and the subscriber is not slow.
        ended: Whether it has ended.
    """

    answered: Callable[[], bool] | None = None
    in_time: bool = False
    ended: bool = False
    _timer: Timer | None = None

    def ask(self, answered: Callable[[], bool]) -> None:
        """Sets the function that reports whether an answer has begun to arrive.

        Args:
            answered: The function.
        """
        self.answered = answered


@dataclass(slots=True)
class AnswerTimes:
    """Measures how long a subscriber takes to answer a request.

    What a function does before and after, such as asking KMS or publishing a reply, does not count.

    Attributes:
        slow: Is called with a subscription that has not answered within `SLOW_SECONDS`, at once:
            other functions must know before the attempt ends. None if nobody needs to know.
        records: Whether `taken` is called for the durations.
        clock: Monotonic clock, in seconds.
        timers: Tells when those seconds are over.
    """

    slow: Callable[[str], None] | None = None
    records: bool = True
    clock: Callable[[], float] = times.steady
    timers: Timers = field(default_factory=Timers)
    _seconds: dict[str, list[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def waiting(self, subscription_id: str, *, only_slow: bool = False) -> Iterator[Wait]:
        """Measures the block as the time in which a subscription's answer is waited for.

        Args:
            subscription_id: The subscription.
            only_slow: Whether only a slow answer counts: a fast one of somebody else does not prove
                that the subscriber is fast.
        """
        wait = Wait()
        report = _Once(partial(self._report, subscription_id))
        self._arm(wait, partial(self._look, wait, report))
        start = self.clock()
        try:
            yield wait
        finally:
            seconds = self.clock() - start
            wait.ended = True
            if wait._timer:
                wait._timer.cancel()
            if wait.in_time and seconds <= 2 * SLOW_SECONDS:
                seconds = min(seconds, SLOW_SECONDS)
            if seconds > SLOW_SECONDS:
                report.call()
            if self.records and (seconds > SLOW_SECONDS or not only_slow):
                with self._lock:
                    self._seconds.setdefault(subscription_id, []).append(seconds)

    def taken(self, subscription_id: str) -> list[float]:
        """Returns how long the answers of a subscription took since the last call, in seconds.

        Args:
            subscription_id: The subscription.
        """
        with self._lock:
            return self._seconds.pop(subscription_id, [])

    def forget(self) -> None:
        """Drops the durations that nobody has taken."""
        with self._lock:
            self._seconds.clear()

    def _arm(self, wait: Wait, act: Callable[[], None]) -> None:
        wait._timer = self.timers.after(SLOW_SECONDS, act)

    def _look(self, wait: Wait, report: "_Once") -> None:
        if wait.answered and wait.answered():
            wait.in_time = True
            # An answer that is still unread after twice the time arrives in small pieces.
            self._arm(wait, report.call)
            if wait.ended and wait._timer:
                # It ended before the new timer was there to be cancelled.
                wait._timer.cancel()
        else:
            report.call()

    def _report(self, subscription_id: str) -> None:
        if self.slow:
            self.slow(subscription_id)


class _Once:
    """Calls a function only once."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act: Callable[[], None] | None = act
        self._lock = threading.Lock()

    def call(self) -> None:
        with self._lock:
            act, self._act = self._act, None
        if act:
            act()
