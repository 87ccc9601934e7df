"""Runs courses of overlapping operations: `python -m tests.simulation.overlap_seeds --seeds 500`.

A seed determines each of them. Hypothesis finds short courses, and shrinks those that fail. These
are long, and have many operations at once.
"""

import argparse
import random
import sys
from collections import Counter

from tests.simulation.many_seeds import run_seeds
from tests.simulation.overlap import ALL_CONTESTS, WAITS, Overlap
from tests.simulation.overlap_operations import KINDS

_MOST_STEPS, _MOST_RESUMED = 16, 60


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
        for _ in range(rng.randint(3, _MOST_STEPS)):
            kinds = [rng.choice(KINDS) for _ in range(rng.randint(0, 3))]
            kinds += rng.choice(ALL_CONTESTS) if rng.random() < 0.7 else ()
            course.overlap(kinds, rng.randint(0, 3), _order(rng))
            if rng.random() < 0.4:
                course.wait(rng.choice(WAITS))
            course.failures_in_a_row_are_in_a_row()
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


def main() -> int:
    """Runs the command, and prints the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=500, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--seed", type=int, help="one alone, with its traceback")
    asked = parser.parse_args()
    if asked.seed is not None:
        run_course(asked.seed)
        return 0
    return run_seeds(happened, range(asked.first, asked.first + asked.seeds), 5)


if __name__ == "__main__":
    sys.exit(main())
