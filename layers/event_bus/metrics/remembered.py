"""What is read at most once in a while, since reading costs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from event_bus import times

_Read = TypeVar("_Read")


@dataclass(slots=True)
class Remembered(Generic[_Read]):
    """What is read at most once in a while.

    Attributes:
        read: Reads it.
        seconds: How long it stands.
        clock: Monotonic clock, in seconds.
    """

    read: Callable[[], _Read]
    seconds: float
    clock: Callable[[], float] = times.steady
    _known: tuple[_Read, float] | None = None

    def __call__(self) -> _Read:
        """What was read last, or is read now."""
        if self._known is None or self.clock() >= self._known[1]:
            self._known = self.read(), self.clock() + self.seconds
        return self._known[0]
