"""Concurrent operations, which yield to each other at each call to AWS.

Each has a thread of its own, and one of them runs at a time. So the choice of the next one
determines the interleaving, and the same choices repeat it.
"""

import threading
from collections.abc import Callable


class Abandoned(BaseException):
    """An operation that is not continued any more."""


class Operation:
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
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def go_on(self) -> None:
        """Continues it to its next call, or to its end.

        Raises:
            BaseException: The error with which it has ended.
        """
        if self.done:
            return
        if self._thread.ident is None:
            self._thread.start()
        self._go.release()
        self._back.acquire()
        if self._failure:
            raise self._failure

    def hand_over(self) -> None:
        """Waits until it is continued; called by the operation itself."""
        self._back.release()
        self._go.acquire()
        if self._abandoned:
            raise Abandoned

    def abandon(self) -> None:
        """Ends it at its present call."""
        self._abandoned = True
        while not self.done:
            self._go.release()
            self._back.acquire()

    def is_current(self) -> bool:
        """Whether the calling thread runs it."""
        return threading.current_thread() is self._thread

    def _run(self) -> None:
        self._go.acquire()
        try:
            self._work()
        except BaseException as failure:
            self._failure = failure
        self.done = True
        self._back.release()


class Operations:
    """All running operations."""

    def __init__(self) -> None:
        self.running: list[Operation] = []

    @property
    def current(self) -> Operation | None:
        """The operation of the calling thread; None if it has none."""
        return next((each for each in self.running if each.is_current()), None)

    def start(self, name: str, work: Callable[[], object]) -> Operation:
        """Starts an operation, which runs to its first call."""
        operation = Operation(name, work)
        self.running.append(operation)
        self._go_on(operation)
        return operation

    def go_on(self, choice: int) -> None:
        """Continues one of them to its next call."""
        if self.running:
            self._go_on(self.running[choice % len(self.running)])

    def finish(self) -> None:
        """Runs all of them to their ends, by turns."""
        while self.running:
            for each in list(self.running):
                self._go_on(each)

    def abandon(self) -> None:
        """Ends all of them at their present calls."""
        for each in self.running:
            each.abandon()
        self.running.clear()

    def _go_on(self, operation: Operation) -> None:
        try:
            operation.go_on()
        finally:
            if operation.done:
                self.running.remove(operation)
