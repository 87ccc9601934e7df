"""Counts the steps that matching takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from event_bus.matching.work import Work


@contextmanager
def counted_work() -> Iterator[list[int]]:
    """Counts all steps that are taken."""
    steps = [0]
    take = Work.take

    def counting(work: Work, count: int) -> None:
        # What is refused is not done.
        take(work, count)
        steps[0] += count

    with patch.object(Work, "take", counting):
        yield steps
