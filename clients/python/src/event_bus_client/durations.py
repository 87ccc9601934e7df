"""Checks durations that programs pass to the client."""

import math
from typing import TypeVar

from event_bus_client.errors import ConfigurationError

Seconds = TypeVar("Seconds", int, float)

LONGEST_SECONDS = 1e9
"""The longest duration that is not endless, in seconds: 31 years. Python's own waits overflow at
ten times as many."""


def checked(name: str, seconds: Seconds, *, zero: bool = False, endless: bool = False) -> Seconds:
    """Returns a duration that can be waited for.

    Every other one would be over at once, or never, or raise where nobody expects it.

    Args:
        name: The argument that has it.
        seconds: The duration.
        zero: Whether it may be 0.
        endless: Whether it may be infinite.

    Raises:
        ConfigurationError: It is negative, not a number, too long, or another value that is not
            permitted.
    """
    if 0 < seconds <= LONGEST_SECONDS or (zero and seconds == 0):
        return seconds
    if endless and seconds == math.inf:
        return seconds
    least = "0 or above" if zero else "above 0"
    most = f"at most {LONGEST_SECONDS:,.0f} seconds"
    no_limit = ", or math.inf for no limit" if endless else ""
    raise ConfigurationError(f"{name} must be {least} and {most}{no_limit}, not {seconds}.")
