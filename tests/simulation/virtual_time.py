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

from event_bus.callbacks.deadlines import Deadline


class VirtualTime:
    """A clock, and the threads that use it.

    Attributes:
        now: The time, in seconds.
    """

    def __init__(self, now: float) -> None:
        self.now = now
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._parked = threading.Semaphore(0)
        self._failed: list[BaseException] = []

    def at(self, moment: float, act: Callable[[], None]) -> None:
        """Schedules a call at a time; it must not sleep."""
        heapq.heappush(self._due, (max(moment, self.now), next(self._numbers), act))

    def start(self, work: Callable[[], None]) -> None:
        """Starts a thread; it runs when the others wait."""

        def run() -> None:
            try:
                work()
            except BaseException as error:
                self._failed.append(error)
            finally:
                self._parked.release()

        thread = threading.Thread(target=run, daemon=True)
        self.at(self.now, partial(self._hand_over, thread.start))

    def sleep(self, seconds: float) -> None:
        """Makes the calling thread sleep for some seconds."""
        self.wait(lambda wake: self.at(self.now + seconds, wake))

    def wait(self, arrange: Callable[[Callable[[], None]], None]) -> None:
        """Makes the calling thread wait until it is woken.

        Args:
            arrange: Receives the function that wakes it, which must be called while no other thread
                runs.
        """
        woken = threading.Event()
        arrange(partial(self._hand_over, woken.set))
        self._parked.release()
        woken.wait()

    def run(self, until: float) -> None:
        """Lets time pass, up to a time.

        Raises:
            BaseException: What a thread raised.
        """
        while self._due and self._due[0][0] <= until:
            self.now, _, act = heapq.heappop(self._due)
            act()
            if self._failed:
                raise self._failed[0]
        self.now = until

    def _hand_over(self, go: Callable[[], None]) -> None:
        go()
        self._parked.acquire()


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


class VirtualDeadlines:
    """Deadlines that pass in virtual time."""

    def __init__(self, time: VirtualTime) -> None:
        self._time = time

    def after(self, seconds: float, act: Callable[[], None]) -> Deadline:
        """Schedules a call in some seconds."""
        deadline = Deadline(act)
        self._time.at(self._time.now + seconds, deadline.run)
        return deadline
