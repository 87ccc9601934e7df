"""Retry policies of subscriptions."""

import random
from dataclasses import dataclass
from typing import Literal

LONGEST_WAIT_SECONDS = 86_400
"""The longest wait between two attempts, in seconds, for policies and `Retry-After` alike."""

ClientErrors = Literal["retry", "final"]

_JITTER = 0.2

_LEAST_SPREAD_SECONDS = 10.0
"""The shortest period over which retries are spread that wait for the same date, in seconds."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a failed delivery is tried again; by default, twelve attempts in about 32 hours.

    Attributes:
        max_attempts: The number of attempts, including the first.
        schedule: The waits after each attempt, in seconds; the last one repeats. None if they grow
            by `base`, `factor` and `cap`.
        base: The first wait, in seconds.
        factor: The ratio of each wait to the one before.
        cap: The longest of these waits, in seconds.
        timeout: The longest duration of an attempt, in seconds.
        client_errors: Whether an answer of 3xx or 4xx is retried like any other failure, or is
            final. 408, 409, 425 and 429 are never final; 410 always is.
        disable_after_days: After how many days without any success the subscription is disabled.
    """

    max_attempts: int = 12
    schedule: list[int] | None = None
    base: int = 5
    factor: float = 4.0
    cap: int = 21_600
    timeout: float = 15
    client_errors: ClientErrors = "retry"
    disable_after_days: int = 5

    def wait_after(self, attempt: int, asked: float | None = None) -> float:
        """Returns the seconds to wait after a failed attempt; jitter spreads the retries.

        See https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.

        Args:
            attempt: The number of the attempt, from 1 on.
            asked: The subscriber's `Retry-After`, in seconds. No wait is shorter, unless it asks
                for more than the longest wait.
        """
        if self.schedule:
            wait: float = self.schedule[min(attempt, len(self.schedule)) - 1]
        else:
            # Such a large power exceeds any cap, and computing it would overflow.
            wait = min(self.cap, self.base * self.factor ** min(attempt - 1, 64))
        wait = _spread((1 - _JITTER) * wait, (1 + _JITTER) * wait)
        if not asked:
            return wait
        # It may be a date, which is the same for everything that was refused before it.
        return max(wait, _spread(asked, asked + max(_JITTER * asked, _LEAST_SPREAD_SECONDS)))


def _spread(shortest: float, longest: float) -> float:
    """Returns a random wait between two, and never one above `LONGEST_WAIT_SECONDS`."""
    bounds = (min(each, LONGEST_WAIT_SECONDS) for each in (shortest, longest))
    return random.uniform(*bounds)  # noqa: S311


DEFAULT_POLICY = RetryPolicy()
