"""The highest cost of one event: subscriptions and events that are made to be slow.

`python -m benchmarks.matching` prints it below the cost of ordinary events. `python -m
benchmarks.hostile prefixes blocks` prints only the rows whose names contain one of these words.
"""

import gc
import sys
import time
import tracemalloc
from collections.abc import Sequence

from event_bus.matching.event_view import event_view
from event_bus.matching.index import SubscriptionIndex

from benchmarks.attacks import ATTACKS, MEGABYTE, Attack


def measure(attack: Attack) -> tuple[int, float, float, bool]:
    """Returns the number of matches, milliseconds and MiB, and whether matching was limited."""
    index = SubscriptionIndex()
    gc.collect()
    gc.disable()
    for n in range(attack.subscriptions):
        index.put(str(n), *attack.subscription(n))
    gc.enable()
    gc.freeze()
    payload = attack.payload()
    spent = []
    for _ in range(3):
        view = event_view("bench", payload, {})
        started = time.process_time()
        found = index.match_view(attack.event_type, view)
        spent.append(time.process_time() - started)
    tracemalloc.start()
    view = event_view("bench", payload, {})
    index.match_view(attack.event_type, view)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    gc.unfreeze()
    return len(found), min(spent) * 1e3, peak / MEGABYTE, view.limited


def main(words: Sequence[str] = ()) -> None:
    """Prints the table.

    Args:
        words: Parts of names; only rows with one of these are measured. All rows by default.

    Raises:
        SystemExit: No row has one of them.
    """
    chosen = [each for each in ATTACKS if not words or any(word in each.name for word in words)]
    if not chosen:
        raise SystemExit(f"No attack has in its name: {', '.join(words)}")
    print(f"{'attack':<58}{'subscriptions':>14}{'found':>8}{'ms':>8}{'MiB':>7}  limited")
    for attack in chosen:
        found, ms, mib, limited = measure(attack)
        print(
            f"{attack.name:<58}{attack.subscriptions:>14,}{found:>8,}{ms:>8.1f}{mib:>7.1f}  "
            f"{'yes' if limited else ''}",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
