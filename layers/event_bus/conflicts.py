"""Repeats requests that AWS did not carry out, with waits between the attempts."""

import random
from collections.abc import Callable, Iterator
from itertools import count

from event_bus import times

_FIRST_FAIR_PAUSE = 0.16
"""The longest first wait of `fair_attempts`, in seconds."""

_LAST_FAIR_PAUSE = 0.01
"""The longest wait of `fair_attempts` after many attempts, in seconds."""


def attempts(
    most: int = 8,
    *,
    pause: float = 0.01,
    longest_pause: float = 0.64,
    sleep: Callable[[float], None] = times.sleep,
) -> Iterator[int]:
    """Yields the number of each attempt, from 0, and waits between two of them.

    The caller reads and writes in the loop's body, and leaves the loop once a write succeeds. The
    code behind the loop handles the case that other writers won every attempt:

        for _ in attempts():
            before = store.get(key)
            if store.replace(before, changed(before)):
                return
        raise Conflict("others change it at the same time")

    Every loop of this kind in the bus uses this iterator or the next one, and stays written out.
    The loops differ in what they read, in which refusals lead to another attempt, and in what
    happens after the last one. Where several callers change the same item, its store has one method
    for them, such as `PaceStore.change`.

    Requests to DynamoDB that it carries out in part are repeated in the same way, as it demands
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html#Programming.Errors.BatchOperations).

    The wait doubles with each attempt. It is random, so that writers do not conflict again.

    Args:
        most: The largest number of attempts.
        pause: The longest first wait, in seconds.
        longest_pause: The longest wait of all, in seconds.
        sleep: Waits for some seconds.
    """
    for attempt in range(most):
        if attempt:
            longest = min(pause * 2 ** (attempt - 1), longest_pause)
            sleep(random.uniform(0, longest))  # noqa: S311
        yield attempt


def fair_attempts(
    seconds: float,
    *,
    sleep: Callable[[float], None] = times.sleep,
    clock: Callable[[], float] = times.steady,
) -> Iterator[int]:
    """Yields the number of each attempt, from 0, at a write for which many writers compete.

    Waits are random, and shorter after each attempt: the writer that has lost most often is first,
    so that every writer gets its turn.

    Args:
        seconds: No attempt begins after this time, in seconds.
        sleep: Waits for some seconds.
        clock: Monotonic clock, in seconds.
    """
    end = clock() + seconds
    for attempt in count():
        if attempt:
            if clock() > end:
                return
            longest = max(_FIRST_FAIR_PAUSE / attempt, _LAST_FAIR_PAUSE)
            sleep(random.uniform(0, longest))  # noqa: S311
        yield attempt
