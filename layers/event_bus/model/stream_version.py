"""Versions of streams, and whether one is what a publisher expects.

The fake bus of the Python client has a copy of this module in its wheel.
"""

MAX_VERSION = 10**15
"""Higher than the version of any event."""


def meets(expected: int | str | None, version: int) -> bool:
    """Returns whether a stream has the version that a publisher expects.

    Args:
        expected: The expected version; None if any will do.
        version: The version of the last event; 0 if there is none.
    """
    if expected is None:
        return True
    if isinstance(expected, int):
        return version == expected
    return (version == 0) == (expected == "none")
