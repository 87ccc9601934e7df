"""Heartbeats, so that the times of the day are not those of functions which have yet to start."""

import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from examples.engineering_day.bus import Bus, DayError
from examples.engineering_day.receiver import Inbox, Receiver

TYPE = "example.heartbeat"
"""The type of a heartbeat."""

_PATH = "/heartbeat"
_ROUNDS = (1, 8, 8, 1)
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


def warm_up(bus: Bus, receiver: Receiver, run: str, service_id: str, name: str) -> WarmUp:
    """Sends a heartbeat, then several at once, then one more.

    Args:
        bus: The bus, as its admin sees it.
        receiver: Where heartbeats arrive.
        run: Tells them from those of other days.
        service_id: The service that subscribes to them.
        name: The name of the subscription, which is gone afterwards.

    Raises:
        DayError: One of them did not arrive.
    """
    arrived: dict[str, float] = {}
    changed = threading.Condition()

    def take(event: dict[str, Any]) -> None:
        with changed:
            arrived.setdefault(event["id"], time.perf_counter())
            changed.notify_all()

    subscription = bus.subscribe(
        {
            "service_id": service_id,
            "name": name,
            "event_types": [TYPE],
            "callback_url": f"{receiver.url}{_PATH}",
        }
    )
    receiver.open(_PATH, Inbox(subscription["signing_secret"], take))
    times: list[float] = []
    for round_, count in enumerate(_ROUNDS):
        ids = [f"evt_{run}-heartbeat-{round_}-{number}" for number in range(count)]
        began = time.perf_counter()
        # Not as a batch: requests side by side start as many functions as the day will need.
        senders = [
            threading.Thread(target=bus.publish, args=([{"id": i, "type": TYPE, "payload": {}}],))
            for i in ids
        ]
        for sender in senders:
            sender.start()
        with changed:
            complete = changed.wait_for(partial(_all_in, arrived, ids), _PATIENCE_SECONDS)
        for sender in senders:
            sender.join()
        if not complete:
            raise DayError(f"No heartbeat came back within {_PATIENCE_SECONDS:g} s.")
        times += [(arrived[i] - began) * 1000 for i in ids]
    bus.unsubscribe(subscription["id"])
    return WarmUp(len(times), times[0], times[-1])


def _all_in(arrived: Collection[str], wanted: Sequence[str]) -> bool:
    return all(each in arrived for each in wanted)
