"""The cost of finding the subscriptions of one event, as the number of subscriptions grows.

Seconds are processor time, so other work on the machine has little effect. Run it with
`python -m benchmarks.matching`; it takes about three minutes.
"""

import gc
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

from event_bus.matching.filters import SubscriptionFilter
from event_bus.matching.index import SubscriptionIndex

from benchmarks import hostile

SIZES = (10, 1_000, 10_000, 100_000)
LARGEST_LOOP = 1_000
SECONDS_PER_CELL = 0.1

Subscription = tuple[list[str], dict[str, Any]]
Event = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Shape:
    """A respect in which subscriptions differ, and the events to match.

    Attributes:
        name: Its name in the table.
        subscription: Makes the n-th subscription of a number of them.
        event: Makes an event for a number of subscriptions.
    """

    name: str
    subscription: Callable[[int, int], Subscription]
    event: Callable[[random.Random, int], Event]


def equal_subscription(n: int, _: int) -> Subscription:
    return ["task.*"], {"task.*": {"priority": ["high", "low"], "agent_id": [f"agent-{n}"]}}


def range_subscription(n: int, _: int) -> Subscription:
    return ["task.*"], {"task.*": {"score": [{"numeric": [">=", n, "<", n + 1.5]}]}}


def prefix_subscription(n: int, _: int) -> Subscription:
    return ["task.*"], {"task.*": {"path": [{"prefix": f"/team/{n}/"}]}}


def infix_subscription(n: int, _: int) -> Subscription:
    return ["task.*"], {"task.*": {"path": [{"wildcard": f"*/{n}/*"}]}}


def pair_subscription(n: int, size: int) -> Subscription:
    side = max(2, round(size**0.5))
    return ["task.*"], {"task.*": {"team": [n // side], "kind": [f"kind-{n % side}"]}}


def mixed_subscription(n: int, size: int) -> Subscription:
    makers = (equal_subscription, range_subscription, prefix_subscription, pair_subscription)
    return makers[n % len(makers)](n, size)


def open_subscription(n: int, _: int) -> Subscription:
    # One subscription in ten selects the type of the event, so a tenth of them matches.
    return [f"task.type-{n % 10}"], {}


def event(rng: random.Random, size: int) -> Event:
    n = rng.randrange(size)
    side = max(2, round(size**0.5))
    payload = {
        "task_id": f"task-{n}",
        "title": "Write the report",
        "priority": "high",
        "agent_id": f"agent-{n}",
        "score": n + 0.25,
        "path": f"/team/{n}/report.md",
        "team": n // side,
        "kind": f"kind-{n % side}",
        "labels": ["a", "b", "c"],
        "detail": {"due": "2030-01-01T00:00:00.000Z", "size": 3},
    }
    return "task.type-3", payload


SHAPES = (
    Shape("distinct values", equal_subscription, event),
    Shape("numeric ranges", range_subscription, event),
    Shape("prefixes", prefix_subscription, event),
    Shape("wildcards around a text", infix_subscription, event),
    Shape("pairs of common values", pair_subscription, event),
    Shape("a mix of these", mixed_subscription, event),
    Shape("no filter, a tenth matches", open_subscription, event),
)


def cost(match: Callable[[Event], Any], events: Iterator[Event]) -> float:
    """Returns the processor seconds for each event."""
    match(next(events))
    count, started = 0, time.process_time()
    while (passed := time.process_time() - started) < SECONDS_PER_CELL:
        for one in islice(events, 10):
            match(one)
            count += 1
    return passed / count


def filled(shape: Shape, size: int) -> tuple[SubscriptionIndex, float]:
    """Returns an index with a number of subscriptions, and the seconds of each `put`."""
    index = SubscriptionIndex()
    gc.collect()
    # Loading makes no garbage, but the collector would scan every object repeatedly.
    gc.disable()
    started = time.process_time()
    for n in range(size):
        index.put(str(n), *shape.subscription(n, size))
    passed = time.process_time() - started
    gc.enable()
    return index, passed / size


def loop(shape: Shape, size: int, events: Iterator[Event]) -> float:
    """Returns the seconds for each event if every subscription is checked."""
    compiled = [SubscriptionFilter(*shape.subscription(n, size)) for n in range(size)]
    return cost(
        lambda one: [each for each in compiled if each.matches(one[0], "bench", one[1], {})],
        events,
    )


def measure(shape: Shape, size: int) -> tuple[float, float, float, float | None]:
    """Returns the number of matches, and the seconds of a match, of a `put`, and of the loop."""
    index, put = filled(shape, size)
    rng = random.Random(7)
    sample = [shape.event(rng, size) for _ in range(200)]
    found = sum(len(index.match(kind, "bench", body, {})) for kind, body in sample) / len(sample)
    seconds = cost(lambda one: index.match(one[0], "bench", one[1], {}), cycle(sample))
    looped = loop(shape, size, cycle(sample)) if size <= LARGEST_LOOP else None
    return found, seconds, put, looped


def main() -> None:
    """Prints the cost of ordinary events, then that of hostile ones."""
    print(
        f"{'shape':<28}{'subscriptions':>14}{'found':>9}{'index us':>10}{'loop us':>10}"
        f"{'growth':>8}{'put us':>8}"
    )
    for shape in SHAPES:
        smallest = 0.0
        for size in SIZES:
            found, seconds, put, looped = measure(shape, size)
            smallest = smallest or seconds
            by_loop = "" if looped is None else f"{looped * 1e6:.1f}"
            print(
                f"{shape.name:<28}{size:>14,}{found:>9.1f}{seconds * 1e6:>10.1f}{by_loop:>10}"
                f"{seconds / smallest:>7.1f}x{put * 1e6:>8.1f}",
                flush=True,
            )
    print()
    hostile.main()


if __name__ == "__main__":
    main()
