"""Sources of the type `http`, which enrichments ask, and which check how often they are asked."""

import re
from collections.abc import Iterator
from typing import Any

import orjson
from event_bus.callbacks.client import CallbackAnswer
from event_bus.model.circuit import CONSECUTIVE_FAILURES, FIRST_PAUSE_SECONDS

from tests.simulation.known import Violation

HOST = "http://source.example/"

_UNCOUNTED = 5
"""How many failures may be missing in a circuit, because a function ended before it counted them,
or because others began before the last one ended."""


class SimulatedSource:
    """A source that is down at first. An event's part names the event.

    Attributes:
        down_until: When it begins to answer, in Unix seconds.
        failed: When it was asked in vain, in Unix seconds, without the times at which functions did
            not know of its circuit yet.
        answered: How often it answered.
    """

    def __init__(self, down_until: float = 0.0) -> None:
        self.down_until = down_until
        self.failed: list[float] = []
        self.answered = 0

    def asked(self, url: str, now: float, circuits: int, *, early: bool = False) -> CallbackAnswer:
        """Answers a request.

        Args:
            url: The URL, which names the event.
            now: The time, in Unix seconds.
            circuits: How many circuits the source has: one for each subscription. There are two
                if the answer to a registration was lost and it was sent again.
            early: Whether some functions may not know of a circuit yet, so that it stays closed.

        Raises:
            Violation: The source was asked although its circuits must be open.
        """
        if now >= self.down_until:
            self.answered += 1
            return CallbackAnswer(200, {}, "", orjson.dumps({"of": re.sub(r".*/", "", url)}))
        if not early:
            self.failed.append(now)
        recently = [at for at in self.failed if at > now - FIRST_PAUSE_SECONDS]
        if len(recently) > circuits * (CONSECUTIVE_FAILURES + _UNCOUNTED):
            raise Violation(f"a source is asked {len(recently)} times while its circuit is open")
        return CallbackAnswer(503, {}, "")


def asked_by(world: Any) -> Any:
    """Returns what makes the requests of enrichments in a world."""

    def exchange(_client: Any, method: str, url: str, *_: object, **__: object) -> CallbackAnswer:
        assert method == "GET"
        circuits = len(world.tables.items["subscriptions"])
        early = any(known_at > world.now for known_at in _known_at(world))
        answer: CallbackAnswer = world.source.asked(url, world.now, circuits, early=early)
        return answer

    return exchange


def _known_at(world: Any) -> Iterator[float]:
    """Yields when every function knows each circuit of a source, in Unix seconds."""
    for (name,), item in world.tables.items["circuits"].items():
        if "#enrich#" in name:
            yield orjson.loads(item["document"]["S"])["known_at"]
