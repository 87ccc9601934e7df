"""A bound on the work that one event may cost.

Work is counted in steps of about a tenth of a microsecond: a field looked up, a value compared, 256
characters of text searched. A count does not depend on the machine, as a clock does.
"""

PAGE = 256
"""Characters of a text that count as one step when they are searched."""


class OutOfWork(Exception):
    """The work that was allowed is done, and the question is still open."""


class Work:
    """The steps that are left.

    Args:
        left: How many steps are allowed.

    Attributes:
        left: How many steps are still allowed; less than zero once they are used up.
    """

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, steps: int) -> None:
        """Counts steps that are about to be made.

        Raises:
            OutOfWork: There are not so many left.
        """
        self.left -= steps
        if self.left < 0:
            raise OutOfWork


def text_steps(value: object) -> int:
    """The steps that it takes to search a value."""
    return 1 + len(value) // PAGE if isinstance(value, str) else 1
