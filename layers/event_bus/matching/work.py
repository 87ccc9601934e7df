"""A budget for the work that one event may cost.

Work is counted in steps: the lookup of a field, the comparison of a value, the search of 256
characters. A step takes from a tenth of a microsecond to one. Unlike a clock, a count does not
depend on the machine.
"""

PAGE = 256
"""Characters of a text that count as one step when they are searched."""

SHORT_TEXT = 128
"""A search of a text with fewer characters costs the same, whatever it is searched for."""

LONG_PART = 100
"""From so many characters on, a part is searched in another way in texts of medium length."""

# What `str.find` does is decided in `FASTSEARCH` of Objects/stringlib/fastsearch.h of CPython.
_PLACES = 30_000
_PLACES_OF_LONG_PART = 2_500
# How many comparisons of two characters count as one step.
_PAIRS = 1_024
# For a part of at most so many characters, `text_steps` counts enough.
_FREE_CHARACTERS = 8


class OutOfWork(Exception):
    """The work that was allowed is used up before the answer is known."""


class Work:
    """The steps that are left.

    Args:
        left: How many steps are allowed.

    Attributes:
        left: How many steps are still allowed.
    """

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, steps: int) -> None:
        """Counts steps before they are done.

        Raises:
            OutOfWork: Fewer steps are left. Those that are left stay.
        """
        if steps > self.left:
            raise OutOfWork
        self.left -= steps


class SharedWork:
    """Counts the steps that serve all filters of an event, such as sorting the values of a field.

    Attributes:
        steps: How many steps were taken.
    """

    __slots__ = ("steps",)

    def __init__(self) -> None:
        self.steps = 0


def text_steps(length: int) -> int:
    """Returns the steps of searching a text of some length for a few characters."""
    return 1 + length // PAGE


def pair_steps(part: int, places: int) -> int:
    """Returns the further steps of searching a text for a longer part of it.

    At each place where the part may begin, CPython may compare nearly all its characters. It does
    so in texts below 30,000 characters if the part has fewer than 100. If the part has 100 or more,
    it does so in texts below 2,500 characters, and in longer ones if the part is at least a third
    of the text, which then has at most about 3,072: a part has at most 1,024. In other texts, the
    time grows with the length of the text alone. But a wildcard also searches what remains of a
    long text, which may be short. So a long text counts as much as the longest slow search.

    Args:
        part: The length of the part.
        places: At how many places of the text it may begin.
    """
    if part <= _FREE_CHARACTERS or places <= 0:
        return 0
    compared = min(places, _PLACES if part < LONG_PART else _PLACES_OF_LONG_PART)
    return (part - _FREE_CHARACTERS) * compared // _PAIRS
