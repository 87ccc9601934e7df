"""Attempts at a conditional write that other writers may overtake."""

import random
from collections.abc import Callable, Iterator

from event_bus import times


def attempts(
    most: int = 8,
    *,
    pause: float = 0.01,
    longest_pause: float = 0.64,
    sleep: Callable[[float], None] = times.sleep,
) -> Iterator[int]:
    """Yields the number of each attempt, from 0, and pauses between two of them.

    The caller reads and writes in the loop's body, and leaves the loop once a write succeeds. The
    code behind the loop handles the case that other writers won every attempt:

        for _ in attempts():
            before = store.get(key)
            if store.replace(before, changed(before)):
                return
        raise Conflict("others change it at the same time")

    Pauses are random, so that writers that met once do not meet again, and grow twofold.

    Args:
        most: The largest number of attempts.
        pause: The longest first pause, in seconds.
        longest_pause: The longest pause of all, in seconds.
        sleep: Waits for some seconds.
    """
    for attempt in range(most):
        if attempt:
            longest = min(pause * 2 ** (attempt - 1), longest_pause)
            sleep(random.uniform(0, longest))  # noqa: S311
        yield attempt
