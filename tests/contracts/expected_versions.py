"""Which expected versions fit a stream: for the bus, and for the fake bus of the client."""

import pytest

EACH_EXPECTED_VERSION = pytest.mark.parametrize(
    ("stored", "expected", "fits"),
    [
        (0, None, True),
        (0, 0, True),
        (0, "none", True),
        (0, "exists", False),
        (0, 1, False),
        (2, None, True),
        (2, 2, True),
        (2, "exists", True),
        (2, "none", False),
        (2, 0, False),
        (2, 1, False),
        (2, 3, False),
    ],
)
"""The version of a stream, what an event expects of it, and whether the event is stored."""
