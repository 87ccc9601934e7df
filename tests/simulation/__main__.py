"""Runs many seeds: `python -m tests.simulation --seeds 5000`, or one again: `--seed 4711`."""

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.known import Violation
from tests.simulation.workload import run


def outcome(seed: int) -> tuple[int, str, Counter[str]]:
    """What came of a seed: what went wrong, if anything did, and what had happened in it."""
    try:
        world = run(seed)
    except (Exception, Violation) as error:
        return seed, f"{type(error).__name__}: {error}", Counter()
    counts: Counter[str] = Counter(world.happened)
    counts["events"] = len(world.tables.items["events"])
    counts["calls"] = world.calls
    for item in world.tables.items["deliveries"].values():
        if "status" in item:
            counts[item["status"]["S"]] += 1
    return seed, "", counts


def main() -> int:
    """Runs what was asked for, and says what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2_000, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--seed", type=int, help="one alone, with its traceback")
    asked = parser.parse_args()
    if asked.seed is not None:
        run(asked.seed)
        return 0
    began, failed, counts = time.monotonic(), 0, Counter[str]()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        seeds = range(asked.first, asked.first + asked.seeds)
        for seed, error, counted in pool.map(outcome, seeds, chunksize=20):
            counts += counted
            if error:
                failed += 1
                sys.stdout.write(f"seed {seed}: {error}\n")
    took = time.monotonic() - began
    sys.stdout.write(f"{asked.seeds} seeds in {took:.0f} s, {failed} failed\n")
    sys.stdout.write(", ".join(f"{name} {count}" for name, count in sorted(counts.items())) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
