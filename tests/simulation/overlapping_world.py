"""A world whose clients, functions and subscribers run concurrently."""

import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

from event_bus.access.callers import Caller
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome

from tests.simulation.clients import ADMIN
from tests.simulation.known import FunctionCall
from tests.simulation.operations import RunningOperations
from tests.simulation.process import Processes
from tests.simulation.stories.story import REFUSED, TAKEN
from tests.simulation.world import World


class OverlappingWorld(World):
    """A world in which operations yield to each other at each call.

    Functions that run at the same time are different processes, as in Lambda. A free process is
    used for the next operation, with everything in its memory.

    Attributes:
        operations: The running operations.
        answers: How often each request was answered with each status.
    """

    def __init__(self) -> None:
        self.operations = RunningOperations()
        self.answers: Counter[tuple[str, int]] = Counter()
        self._taken: dict[str, Processes] = {}
        self._free: list[Processes] = []
        self._calls: dict[str, FunctionCall] = {}
        self._numbers = itertools.count()
        super().__init__(seed=0, forgetful=0.0)

    @property
    def _processes(self) -> Processes:
        current = self.operations.current
        return self._taken[current.name] if current else self._own

    @_processes.setter
    def _processes(self, processes: Processes) -> None:
        self._own = processes

    def hand_over(self) -> None:
        if current := self.operations.current:
            running = self.running
            current.suspend()
            self.running = running

    def running_call(self) -> FunctionCall | None:
        return self._calls.get(self._running_name())

    def _call(self, function: str, event: dict[str, Any]) -> tuple[bool, Any]:
        name = self._running_name()
        outer, call = self._calls.get(name), FunctionCall(next(self._numbers))
        self._calls[name] = call
        try:
            return super()._call(function, event)
        finally:
            call.ended = next(self._numbers)
            if outer:
                self._calls[name] = outer
            else:
                del self._calls[name]

    def _running_name(self) -> str:
        current = self.operations.current
        return current.name if current else ""

    def start(self, name: str, work: Callable[[], object]) -> None:
        """Starts an operation beside the running ones."""
        self._taken[name] = self._free.pop() if self._free else Processes()

        def run() -> None:
            try:
                work()
            finally:
                self._free.append(self._taken.pop(name))

        self.operations.start(name, run)

    def ask(self, function: str, route: str, name: str, body: Any = None, **more: Any) -> Any:
        """Makes a request about a resource, and counts its answer."""
        caller: Caller = more.pop("caller", ADMIN)
        parameters = {"id": name, **more.pop("parameters", {})} if name else None
        status, answer = self.insist(function, route, caller, body, parameters=parameters, **more)
        self.answers[f"{route} {name}", status] += 1
        return answer if status < 300 else None

    def step(self) -> bool:
        """Runs one step; returns whether there was any."""
        return self._step()


def refuses_each(number: int) -> Callable[[Event, int], Outcome]:
    """Refuses every n-th attempt: all of them for 1, none for 0."""
    count = 0

    def answer(_event: Event, _number: int) -> Outcome:
        nonlocal count
        count += 1
        return REFUSED if number and count % number == 0 else TAKEN

    return answer
