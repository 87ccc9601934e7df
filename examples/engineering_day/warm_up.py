"""Heartbeats, so that the times of the day are not those of functions which have yet to start."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from examples.engineering_day.arrivals import Arrivals
from examples.engineering_day.bus import Bus, DayError
from examples.engineering_day.cast import PROTOCOLS, Protocol, Role

TYPE = "example.heartbeat"
"""What the types of heartbeats begin with; one for each way to arrive."""

_PATH = "/heartbeat"
_PUBLISHERS = 8
_DELIVERERS = 4
_APART_SECONDS = 0.3
_HOLD_SECONDS = 10.0
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class WarmUp:
    """What the heartbeats saw.

    Attributes:
        heartbeats: How many there were.
        first_ms: From publish to receipt of the first, when nothing had started yet.
        last_ms: The same of the last.
    """

    heartbeats: int
    first_ms: float
    last_ms: float


def warm_up(arrivals: Arrivals, run: str, role: Role, name: str) -> WarmUp:
    """Starts as many functions as the day will need side by side.

    Args:
        arrivals: Where heartbeats arrive.
        run: Tells them from those of other days.
        role: The service that subscribes to them.
        name: The name of its subscriptions.

    Raises:
        DayError: One of them did not arrive.
    """
    times: list[float] = []
    for protocol in PROTOCOLS:
        heart = _Heart(arrivals.admin, f"{run}-{protocol}")
        subscription = {
            "service_id": role.service_id,
            "name": name,
            "event_types": [f"{TYPE}.{protocol}"],
            "authentication": {"type": "api_key", "api_key": role.api_key},
        }
        arrivals.open(protocol, _PATH, role.api_key, subscription, heart.take)
        times += heart.beat(1, protocol)
        if protocol == "http":
            # Requests side by side make several functions take them.
            times += heart.beat(_PUBLISHERS, protocol)
            # Answers that are held until all have arrived make several functions deliver.
            times += heart.beat(_DELIVERERS, protocol, apart_seconds=_APART_SECONDS, hold=True)
        times += heart.beat(1, protocol)
    return WarmUp(len(times), times[0], times[-1])


class _Heart:
    def __init__(self, bus: Bus, run: str) -> None:
        self._bus = bus
        self._run = run
        self._arrived: dict[str, float] = {}
        self._held: set[str] = set()
        self._changed = threading.Condition()

    def take(self, event: dict[str, Any]) -> None:
        """Takes a heartbeat, and holds its answer where it is to."""
        with self._changed:
            self._arrived.setdefault(event["id"], time.perf_counter())
            self._changed.notify_all()
            if event["id"] in self._held:
                self._changed.wait_for(lambda: self._have(self._held), _HOLD_SECONDS)

    def beat(
        self,
        count: int,
        protocol: Protocol,
        *,
        apart_seconds: float = 0.0,
        hold: bool = False,
    ) -> list[float]:
        """Sends heartbeats and waits for them.

        Returns:
            The milliseconds that each took.
        """
        ids = [f"evt_{self._run}-heartbeat-{len(self._arrived) + each}" for each in range(count)]
        self._held = set(ids) if hold else set()
        with ThreadPoolExecutor(count) as senders:
            sent = []
            for each in ids:
                sent.append(senders.submit(self._send, each, f"{TYPE}.{protocol}"))
                time.sleep(apart_seconds)
            began = [each.result() for each in sent]
        with self._changed:
            if not self._changed.wait_for(lambda: self._have(set(ids)), _PATIENCE_SECONDS):
                raise DayError(f"A heartbeat did not come back within {_PATIENCE_SECONDS:g} s.")
            return [(self._arrived[each] - at) * 1000 for each, at in zip(ids, began, strict=True)]

    def _send(self, event_id: str, event_type: str) -> float:
        began = time.perf_counter()
        self._bus.publish([{"id": event_id, "type": event_type, "payload": {}}])
        return began

    def _have(self, ids: set[str]) -> bool:
        return ids <= self._arrived.keys()
