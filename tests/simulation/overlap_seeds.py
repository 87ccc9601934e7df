"""Runs courses of overlapping operations: `python -m tests.simulation.overlap_seeds --seeds 500`.

A seed determines each of them. Hypothesis finds short courses, and shrinks those that fail. These
are long, and have many operations at once.
"""

import random
import sys
from collections import Counter

from tests.simulation.many_seeds import run_asked
from tests.simulation.overlap import ALL_CONTESTS, WAITS, Overlap
from tests.simulation.overlap_operations import KINDS
from tests.simulation.overlap_registrations import REGISTRATION_CONTESTS

_MOST_STEPS, _MOST_RESUMED = 16, 60
_AT_ONCE = 5
_REGISTERING = 0.25


def run_course(seed: int) -> Overlap:
    """Runs the course of a seed to its end, and checks every promise.

    Raises:
        Violation: A promise was broken.
    """
    rng = random.Random(seed)
    course = Overlap()
    try:
        course.begin(
            refuses=rng.randint(0, 3),
            ordered=rng.random() < 0.5,
            opened=rng.random() < 0.3,
            handler=rng.choice((None, None, 0, 1, 2, 3)),
            inbox=rng.randint(0, 3),
        )
        # Some only register, so that requests often compete for the last place of a service.
        contests = REGISTRATION_CONTESTS if rng.random() < _REGISTERING else ALL_CONTESTS
        for _ in range(rng.randint(3, _MOST_STEPS)):
            kinds = [rng.choice(KINDS) for _ in range(rng.randint(0, 3))]
            kinds += rng.choice(contests) if rng.random() < 0.7 else ()
            course.overlap(kinds, rng.randint(0, 3), _order(rng))
            if rng.random() < 0.4:
                course.wait(rng.choice(WAITS))
            course.failures_in_a_row_are_in_a_row()
            course.limits_hold()
    finally:
        course.teardown()
    return course


def _order(rng: random.Random) -> list[int]:
    return [rng.randint(0, 7) for _ in range(rng.randint(0, _MOST_RESUMED))]


def happened(seed: int) -> Counter[str]:
    """Runs the course of a seed, and counts its operations."""
    counts: Counter[str] = Counter(run_course(seed).begun)
    counts["courses"] = 1
    return counts


if __name__ == "__main__":
    sys.exit(run_asked(__doc__, happened, _AT_ONCE))
