"""A clock that a test moves by hand."""

from dataclasses import dataclass


@dataclass
class Clock:
    """Seconds that only grow, when a test says so."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now
