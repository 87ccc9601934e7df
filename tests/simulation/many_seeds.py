"""Runs many seeds side by side, and prints those that break a promise."""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.orphans import end_with
from tests.simulation.known import Violation


def run_seeds(run: Callable[[int], Counter[str]], seeds: range, at_once: int) -> int:
    """Runs seeds in all processors, and prints the results.

    Args:
        run: Runs one seed, and returns what happened, counted.
        seeds: The seeds.
        at_once: How many seeds a process gets at once.

    Returns:
        The exit code: 1 if a seed failed.
    """
    began, failed, counts = time.monotonic(), 0, Counter[str]()
    with ProcessPoolExecutor(os.cpu_count(), initializer=end_with, initargs=(os.getpid(),)) as pool:
        for seed, error, counted in pool.map(partial(outcome, run), seeds, chunksize=at_once):
            counts += counted
            if error:
                failed += 1
                sys.stdout.write(f"seed {seed}: {error}\n")
                sys.stdout.flush()
    took = time.monotonic() - began
    sys.stdout.write(f"{len(seeds)} seeds in {took:.0f} s, {failed} failed\n")
    sys.stdout.write(", ".join(f"{name} {count}" for name, count in sorted(counts.items())) + "\n")
    return 1 if failed else 0


def run_asked(description: str | None, run: Callable[[int], Counter[str]], at_once: int) -> int:
    """Runs the seeds that a command line asks for.

    Args:
        description: What they do, for `--help`.
        run: Runs one seed, and returns what happened, counted.
        at_once: How many seeds a process gets at once.

    Returns:
        The exit code: 1 if a seed failed.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seeds", type=int, default=500, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--seed", type=int, help="one alone, with its traceback")
    asked = parser.parse_args()
    if asked.seed is not None:
        run(asked.seed)
        return 0
    return run_seeds(run, range(asked.first, asked.first + asked.seeds), at_once)


def outcome(run: Callable[[int], Counter[str]], seed: int) -> tuple[int, str, Counter[str]]:
    """Runs a seed; returns it, its error or an empty text, and what happened, counted."""
    try:
        return seed, "", run(seed)
    except (Exception, Violation) as error:
        return seed, f"{type(error).__name__}: {error}", Counter()
