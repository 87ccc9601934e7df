"""Heartbeats before the day, so that its times do not include cold starts."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from examples.engineering_day.arrivals import Arrivals
from examples.engineering_day.bus import Bus, DayError
from examples.engineering_day.cast import PROTOCOLS, Protocol, Role

TYPE = "example.heartbeat"
"""The prefix of the types of heartbeats; there is one type for each protocol."""

_PATH = "/heartbeat"
_PUBLISHERS = 8
_DELIVERERS = 4
_APART_SECONDS = 0.3
_HOLD_SECONDS = 10.0
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class WarmUp:
    """The times of the heartbeats.

    Attributes:
        heartbeats: The number of heartbeats.
        first_ms: The milliseconds from publish to receipt of the first one, with cold starts.
    """

    heartbeats: int
    first_ms: float


def warm_up(arrivals: Arrivals, run: str, role: Role, name: str) -> WarmUp:
    """Starts as many instances of functions as the day needs.

    Args:
        arrivals: Receives the heartbeats.
        run: Distinguishes them from those of other days.
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
            # Concurrent requests start several instances of a function.
            times += heart.beat(_PUBLISHERS, protocol)
            # Answers are held until all have arrived, so several instances must deliver.
            times += heart.beat(_DELIVERERS, protocol, apart_seconds=_APART_SECONDS, hold=True)
        times += heart.beat(1, protocol)
    return WarmUp(len(times), times[0])


class _Heart:
    """Sends the heartbeats of one protocol, and waits for them."""

    def __init__(self, bus: Bus, run: str) -> None:
        self._bus = bus
        self._run = run
        self._arrived: dict[str, float] = {}
        self._held: set[str] = set()
        self._changed = threading.Condition()

    def take(self, event: dict[str, Any]) -> None:
        """Handles a heartbeat, and delays its answer if asked to."""
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
            The milliseconds of each.
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
