"""A budget for the work that one event may cost.

Work is counted in steps: the lookup of a field, the comparison of a value, the search of 256
characters. A step takes from a tenth of a microsecond to one. Unlike a clock, a count does not
depend on the machine.
"""

PAGE = 256
"""Characters of a text that count as one step when they are searched."""


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


def text_steps(value: object) -> int:
    """Returns the steps of searching a value."""
    return 1 + len(value) // PAGE if isinstance(value, str) else 1
