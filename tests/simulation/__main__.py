"""Runs many seeds: `python -m tests.simulation --seeds 5000`, or one again: `--seed 4711`.

With `--stories`, it runs the stories with a fault in every call. The test suite leaves out faults
that differ from others only in the state that a call finds. With `--stories streams --seeds 200` it
runs the stories of a subject with each of 200 seeds, with a fault of each kind in a random call.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.orphans import end_with
from tests.simulation.many_seeds import run_seeds
from tests.simulation.stories import STORIES
from tests.simulation.telling import spoil, spoil_by_chance
from tests.simulation.workload import run


def happened(seed: int) -> Counter[str]:
    """Runs a seed, and counts what happened."""
    world = run(seed)
    counts: Counter[str] = Counter(world.happened)
    counts["events"] = len(world.tables.items["events"])
    counts["calls"] = world.calls
    for item in world.tables.items["deliveries"].values():
        if "status" in item:
            counts[item["status"]["S"]] += 1
    return counts


def broken(story: str) -> tuple[str, list[str]]:
    """Returns a story, and its violations under every fault of each call."""
    return story, spoil(story, every=True)


def broken_by_chance(story: str, seeds: range) -> tuple[str, list[str]]:
    """Returns a story, and its violations under faults in random calls, with each of some seeds."""
    return story, [each for seed in seeds for each in spoil_by_chance(story, seed)]


def _stories(subjects: Collection[str], seeds: range) -> int:
    named = [
        name
        for name, story in STORIES.items()
        if not subjects or story.__module__.rpartition(".")[2] in subjects
    ]
    run_story = partial(broken_by_chance, seeds=seeds) if seeds else broken
    began, failed = time.monotonic(), 0
    with ProcessPoolExecutor(os.cpu_count(), initializer=end_with, initargs=(os.getpid(),)) as pool:
        for story, faults in pool.map(run_story, named):
            failed += len(faults)
            sys.stdout.write(f"{story}: {len(faults)} broken\n")
            sys.stdout.writelines(f"  {each}\n" for each in faults[:5])
            sys.stdout.flush()
    took = time.monotonic() - began
    sys.stdout.write(f"{len(named)} stories in {took:.0f} s, {failed} broken\n")
    return 1 if failed else 0


def main() -> int:
    """Runs the command, and prints the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, help="how many; 2,000 if no stories are named")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--seed", type=int, help="one alone, with its traceback")
    parser.add_argument(
        "--stories",
        nargs="*",
        metavar="SUBJECT",
        help="run the stories instead, or those of subjects",
    )
    asked = parser.parse_args()
    if asked.stories is not None:
        known = {each.__module__.rpartition(".")[2] for each in STORIES.values()}
        if unknown := set(asked.stories) - known:
            parser.error(f"no stories have the subject {', '.join(sorted(unknown))}")
        last = asked.first + (asked.seeds or 0)
        return _stories(asked.stories, range(asked.first, last))
    if asked.seed is not None:
        run(asked.seed)
        return 0
    many = asked.seeds or 2_000
    return run_seeds(happened, range(asked.first, asked.first + many), 20)


if __name__ == "__main__":
    sys.exit(main())
