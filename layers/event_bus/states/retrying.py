"""Decides when a reducer that failed for a state of a read model is applied again."""

import random

from event_bus import times
from event_bus.model.read_model import ModelState

MOST_RETRIES = 100
"""How often a reducer is applied again for the same event: for about 18 hours."""

_FIRST_SECONDS, _LONGEST_SECONDS = 10, 900
_EARLY_SECONDS = 2
"""How far the clocks of two functions may differ, in seconds."""


def waits_for_retry(state: ModelState) -> bool:
    """Returns whether the message that retries a state has not come yet."""
    return state.retry_at is not None and state.retry_at > times.after(_EARLY_SECONDS)


def retry_delay(failures: int) -> int | None:
    """Returns the delay of the next retry in seconds, at random; None for no further retry.

    Args:
        failures: The number of failures in a row for the same event.
    """
    if failures > MOST_RETRIES:
        return None
    longest = min(_LONGEST_SECONDS, _FIRST_SECONDS << min(failures - 1, 10))
    return round(longest * random.uniform(0.5, 1))  # noqa: S311
