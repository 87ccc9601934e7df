"""Random courses of one event stream whose events are routed late, each after a time of its own.

Few events go to one ordered subscription, which often refuses them and is owed only some of them.
So a walk meets events that are not routed yet while other messages rely on its own. In the general
courses, routing is done before any delay of a message has passed.
`python -m tests.simulation.late_routing --seeds 2000 --first 1` runs more of them.
"""

import random
import sys
from collections import Counter
from collections.abc import Sequence
from math import inf
from typing import Any

from tests.simulation.checker import check
from tests.simulation.known import Subscriber
from tests.simulation.many_seeds import run_asked
from tests.simulation.process import simulated
from tests.simulation.stories.story import REFUSED, TAKEN, event, in_stream
from tests.simulation.surroundings import DELAY_SECONDS
from tests.simulation.world import World

_POLICIES: Sequence[dict[str, Any]] = (
    {"schedule": [1, 5], "max_attempts": 8},
    {"schedule": [3600], "max_attempts": 3},
    {"max_attempts": 1},
)
_LONGEST_SECONDS = (2.0, 8.0, 40.0)
_AT_ONCE = 25


class LateRouting(World):
    """A world whose router takes some records of the table stream only after a time.

    Attributes:
        late: How many of the records come late, from 0 to 1.
        longest: How late they come at most, in seconds.
    """

    def __init__(self, seed: int, late: float, longest: float, **faults: Any) -> None:
        super().__init__(seed, **faults)
        self.late = late
        self.longest = longest
        self._waiting: list[tuple[float, list[Any], Any]] = []

    def _take_in_stream(self) -> None:
        known = [len(shard) for shard in self._shards]
        super()._take_in_stream()
        for shard, before in zip(self._shards, known, strict=True):
            new = shard[before:]
            del shard[before:]
            for each in new:
                is_late = self.rng.random() < self.late
                wait = self.rng.uniform(0, self.longest) if is_late else 0.0
                self._waiting.append((self.now + wait, shard, each))
        due = [each for each in self._waiting if each[0] <= self.now]
        self._waiting = [each for each in self._waiting if each[0] > self.now]
        for _, shard, record in due:
            shard.append(record)

    def _later(self, end: float = inf, longest: float = DELAY_SECONDS) -> bool:
        if not self._waiting:
            return super()._later(end, longest)
        moments = [moment for moment, _, _ in self._waiting]
        moments += [each.visible_at for each in self._messages() if each.visible_at > self.now]
        self.now = min(*moments, end) + 0.01
        return True


def run(seed: int) -> World:
    """Runs the course of a seed to its end, and checks every promise.

    Raises:
        Violation: A promise was broken.
    """
    rng = random.Random(seed)
    world = LateRouting(
        seed,
        late=rng.choice((0.3, 0.6, 0.85)),
        longest=rng.choice(_LONGEST_SECONDS),
        chaos=rng.choice((0, 0, 0.01, 0.03)),
        staleness=rng.choice((0, 0.5)),
        forgetful=rng.choice((0.0, 0.05)),
    )
    with simulated(world, seed):
        chance = rng.choice((0.3, 0.6))
        world.subscribe(
            rng.choice((["task.created"], ["task.created"], ["task.*"])),
            Subscriber(
                lambda _event, _number: REFUSED if rng.random() < chance else TAKEN,
                seconds=rng.choice((0.05, 0.05, 3.0)),
            ),
            ordered=True,
            delivery_guarantee=rng.choice(("at_least_once", "exactly_once", "at_most_once")),
            retry_policy=rng.choice(_POLICIES),
        )
        for burst in range(rng.randint(1, 2)):
            published = [
                event(f"e{burst}-{number}", _type(rng), **in_stream("task/1"))
                for number in range(rng.randint(2, 6))
            ]
            in_one_batch = rng.random() < 0.5
            for each in [published] if in_one_batch else [[one] for one in published]:
                world.publish(*each)
            world.run(rng.randint(0, 10))
            if rng.random() < 0.2:
                world.wait(rng.choice((1, 4, 60)))
        world.settle()
        check(world)
    return world


def _type(rng: random.Random) -> str:
    return rng.choice(("task.created", "task.closed"))


def _happened(seed: int) -> Counter[str]:
    world = run(seed)
    return Counter(events=len(world.tables.items["events"]), calls=world.calls) + world.happened


if __name__ == "__main__":
    sys.exit(run_asked(__doc__, _happened, _AT_ONCE))
