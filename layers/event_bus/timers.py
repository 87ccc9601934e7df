"""Timers: one thread calls the actions of all of them."""

import heapq
import itertools
import threading
from collections.abc import Callable

from event_bus import times


class Timer:
    """An action that is called at its time, unless it is cancelled before."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act: Callable[[], None] | None = act

    def cancel(self) -> None:
        """Cancels the action."""
        self._act = None

    def run(self) -> None:
        """Calls the action."""
        if act := self._act:
            act()


class Timers:
    """Calls actions at their times, in a thread that runs while any are left."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Timer]] = []
        self._numbers = itertools.count()
        self._sooner = threading.Condition()
        self._thread: threading.Thread | None = None

    def after(self, seconds: float, act: Callable[[], None]) -> Timer:
        """Schedules an action, which must return quickly, or others are late.

        Args:
            seconds: The time until the action, in seconds.
            act: The action.
        """
        timer = Timer(act)
        entry = (times.steady() + seconds, next(self._numbers), timer)
        with self._sooner:
            heapq.heappush(self._waiting, entry)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
            elif self._waiting[0] is entry:
                self._sooner.notify()
        return timer

    def _run(self) -> None:
        while True:
            with self._sooner:
                if not self._waiting:
                    self._thread = None
                    return
                wait = self._waiting[0][0] - times.steady()
                if wait > 0:
                    self._sooner.wait(wait)
                    continue
                _, _, timer = heapq.heappop(self._waiting)
            timer.run()
