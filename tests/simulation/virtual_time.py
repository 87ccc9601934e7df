"""Virtual time, which passes only while all threads sleep; one thread runs at a time.

A thread runs until it sleeps, waits for others, or ends; then the thread that is due next
continues. So the order is the same in every run, and an hour takes only as long as its work.
"""

import heapq
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from event_bus.timers import Timer


class _Worker:
    """A thread that does one piece of work after another.

    Attributes:
        turn: Held, unless the thread may continue.
        work: Its next work; None if it is to end.
    """

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.turn.acquire()
        self.work: Callable[[], None] | None = None


class VirtualTime:
    """A clock, and the threads that use it.

    Whichever thread has to wait looks for the one that is due next. Most often it is itself, and
    the processor does not have to change over.

    Attributes:
        now: The time, in seconds.
    """

    def __init__(self, now: float) -> None:
        self.now = now
        self._until = now
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._failed: list[BaseException] = []
        self._idle: list[_Worker] = []
        # The one that runs it all, and the one that continues after the call in progress.
        self._main = threading.Lock()
        self._main.acquire()
        self._next: threading.Lock | None = None
        self._running = False

    def at(self, moment: float, act: Callable[[], None]) -> None:
        """Schedules a call at a time; it must not sleep."""
        heapq.heappush(self._due, (max(moment, self.now), next(self._numbers), act))

    def start(self, work: Callable[[], None]) -> None:
        """Starts a thread; it runs when the others wait."""
        self.at(self.now, partial(self._begin, work))

    def sleep(self, seconds: float) -> None:
        """Makes the calling thread sleep for some seconds."""
        self.wait(lambda wake: self.at(self.now + seconds, wake))

    def wait(self, arrange: Callable[[Callable[[], None]], None]) -> None:
        """Makes the calling thread wait until it is woken.

        Args:
            arrange: Receives the function that wakes it, which must be called at a scheduled time.
        """
        assert self._running, "time passes only in `run`"
        turn = threading.Lock()
        turn.acquire()
        arrange(partial(self._continue, turn))
        self._hand_over(turn)

    def run(self, until: float) -> None:
        """Lets time pass, up to a time.

        Raises:
            BaseException: What a thread raised.
        """
        self._until = until
        self._running = True
        try:
            self._hand_over(self._main)
        finally:
            self._running = False
        if self._failed:
            raise self._failed[0]
        self.now = until

    def close(self) -> None:
        """Ends the threads that have nothing to do."""
        for worker in self._idle:
            worker.work = None
            worker.turn.release()
        self._idle.clear()

    def _begin(self, work: Callable[[], None]) -> None:
        if self._idle:
            worker = self._idle.pop()
        else:
            worker = _Worker()
            threading.Thread(target=self._run, args=(worker,), daemon=True).start()
        worker.work = work
        self._continue(worker.turn)

    def _run(self, worker: _Worker) -> None:
        worker.turn.acquire()
        while worker.work:
            try:
                worker.work()
            except BaseException as error:
                self._failed.append(error)
            self._idle.append(worker)
            self._hand_over(worker.turn)

    def _continue(self, turn: threading.Lock) -> None:
        self._next = turn

    def _hand_over(self, own: threading.Lock) -> None:
        """Lets the thread continue that is due next, and waits for the calling thread's turn."""
        found = self._main
        while not self._failed and self._due and self._due[0][0] <= self._until:
            self.now, _, act = heapq.heappop(self._due)
            try:
                act()
            except BaseException as error:
                self._failed.append(error)
            if self._next:
                found, self._next = self._next, None
                break
        if found is not own:
            found.release()
            own.acquire()


class VirtualExecutor:
    """An executor whose tasks run side by side in virtual time."""

    def __init__(self, time: VirtualTime) -> None:
        self._time = time

    def map(self, function: Callable[..., Any], *arguments: Iterable[Any]) -> Iterator[Any]:
        """Returns the results of a function, each computed in a thread of its own."""
        calls = list(zip(*arguments, strict=False))
        results: dict[int, Any] = {}
        if not calls:
            return iter(())

        def wait_for_all(wake: Callable[[], None]) -> None:
            def run(place: int, call: tuple[Any, ...]) -> None:
                results[place] = function(*call)
                if len(results) == len(calls):
                    self._time.at(self._time.now, wake)

            for place, call in enumerate(calls):
                self._time.start(partial(run, place, call))

        self._time.wait(wait_for_all)
        return iter([results[place] for place in range(len(calls))])


class VirtualTimers:
    """Timers in virtual time."""

    def __init__(self, time: VirtualTime) -> None:
        self._time = time

    def after(self, seconds: float, act: Callable[[], None]) -> Timer:
        """Schedules a call in some seconds."""
        timer = Timer(act)
        self._time.at(self._time.now + seconds, timer.run)
        return timer
