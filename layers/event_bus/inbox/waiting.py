"""Limits how many requests of a service wait at the same time.

They wait for events, for the end of a command, or for an answer of an endpoint or a function that a
service has named. A waiting request occupies a function. A service has seconds of waiting in
windows: for fifty simultaneous requests, 1,500 seconds in each window of thirty. A request takes
its seconds by one write when it begins to wait, and returns what it did not need. So a crashed
function leaves nothing behind, and requests that find an event at once cost nothing.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

from event_bus import times
from event_bus.access.rate_limits import RequestCounters
from event_bus.errors import TooManyRequests
from event_bus.log import logger

WINDOW_SECONDS = 30
"""The length of a window."""

_UNITS = 10
"""Counted units of a second: a short wait must not count as a whole second."""

Slot = Callable[[], AbstractContextManager[None]]
"""Takes a slot for a waiting request, and returns it at the end of the block."""


@dataclass(frozen=True, slots=True)
class WaitingRoom:
    """Limits the waiting requests of a service.

    Attributes:
        counters: Counts the seconds for all functions.
        slots: The most requests of a service that may wait at the same time.
        clock: The Unix time, in seconds.
    """

    counters: RequestCounters
    slots: int
    clock: Callable[[], float] = times.unix

    def slot(self, service_id: str, seconds: float, instead: str = "send wait=0") -> Slot:
        """Returns what takes a slot for a request when the request begins to wait.

        Args:
            service_id: The service of the request.
            seconds: The longest wait, in seconds.
            instead: What the client can do instead of waiting, for the refusal; empty if nothing.

        Returns:
            Makes a context manager. Entering it raises `TooManyRequests` if too many requests of
            the service are waiting.
        """
        return partial(self._taken, service_id, math.ceil(seconds * _UNITS), instead)

    @contextmanager
    def _taken(self, service_id: str, units: int, instead: str) -> Iterator[None]:
        begun = self.clock()
        window = int(begun // WINDOW_SECONDS)
        taken = self._add(service_id, window, units)
        if taken is not None and taken > self.slots * WINDOW_SECONDS * _UNITS:
            self._add(service_id, window, -units)
            raise TooManyRequests(
                f"The service has {self.slots} requests that wait, the most that it may have at "
                "a time by the deployment's setting waiting_requests; "
                f"{f'{instead}, or ' if instead else ''}retry later.",
                math.ceil((window + 1) * WINDOW_SECONDS - begun),
            )
        try:
            yield
        finally:
            left = units - math.ceil((self.clock() - begun) * _UNITS)
            if left > 0:
                self._add(service_id, window, -left)

    def _add(self, service_id: str, window: int, units: int) -> int | None:
        expires_at = (window + 2) * WINDOW_SECONDS
        try:
            return self.counters.add(f"waits#{service_id}#{window}", units, expires_at)
        except Exception:
            # One waiting request too many is better than no answer.
            logger.exception("waiting requests not counted", service_id=service_id)
            return None
