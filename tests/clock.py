"""A clock that a test moves by hand."""

from dataclasses import dataclass


@dataclass
class Clock:
    """A monotonic clock, in seconds, that a test sets."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now
