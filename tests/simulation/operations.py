"""Concurrent operations, which yield to each other at each call to AWS.

Each has a thread of its own, and one of them runs at a time. So the choice of the next one
determines the interleaving, and the same choices repeat it.
"""

import threading
from collections.abc import Callable

_LONGEST_SECONDS = 300.0
"""The longest time between two calls to AWS; only an operation that waits for another takes it."""


class Abandoned(BaseException):
    """Ends an operation that is not resumed any more."""


class RunningOperation:
    """An operation that runs concurrently with others.

    Attributes:
        name: What it is.
        done: Whether it has ended.
    """

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        self.name = name
        self.done = False
        self._abandoned = False
        self._work = work
        self._failure: BaseException | None = None
        self._resumed, self._suspended = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def resume(self) -> None:
        """Runs it to its next call to AWS, or to its end.

        Raises:
            BaseException: The error with which it has ended.
        """
        if self.done:
            return
        if self._thread.ident is None:
            self._thread.start()
        self._continue()
        if self._failure:
            raise self._failure

    def suspend(self) -> None:
        """Waits until it is resumed; called by the operation itself."""
        self._suspended.release()
        self._resumed.acquire()
        if self._abandoned:
            raise Abandoned

    def abandon(self) -> None:
        """Ends it at its present call."""
        self._abandoned = True
        # Its thread may not have been started, for which nobody may wait.
        self.done = self.done or self._thread.ident is None
        while not self.done:
            self._continue()

    def is_current(self) -> bool:
        """Whether the calling thread runs it."""
        return threading.current_thread() is self._thread

    def _continue(self) -> None:
        self._resumed.release()
        if not self._suspended.acquire(timeout=_LONGEST_SECONDS):
            raise AssertionError(f"the operation {self.name} waits for something")

    def _run(self) -> None:
        self._resumed.acquire()
        try:
            self._work()
        except BaseException as failure:
            self._failure = failure
        self.done = True
        self._suspended.release()


class RunningOperations:
    """All running operations."""

    def __init__(self) -> None:
        self.running: list[RunningOperation] = []

    @property
    def current(self) -> RunningOperation | None:
        """The operation of the calling thread; None if it has none."""
        return next((each for each in self.running if each.is_current()), None)

    def start(self, name: str, work: Callable[[], object]) -> RunningOperation:
        """Starts an operation, which runs to its first call."""
        operation = RunningOperation(name, work)
        self.running.append(operation)
        self._resume(operation)
        return operation

    def resume(self, choice: int) -> None:
        """Runs one of them to its next call to AWS."""
        if self.running:
            self._resume(self.running[choice % len(self.running)])

    def finish(self) -> None:
        """Runs all of them to their ends, by turns."""
        while self.running:
            for each in list(self.running):
                self._resume(each)

    def abandon(self) -> None:
        """Ends all of them at their present calls."""
        for each in self.running:
            each.abandon()
        self.running.clear()

    def _resume(self, operation: RunningOperation) -> None:
        try:
            operation.resume()
        finally:
            if operation.done:
                self.running.remove(operation)
