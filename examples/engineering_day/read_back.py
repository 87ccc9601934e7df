"""Reads the day back from the bus, once all deliveries are recorded."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from examples.engineering_day.bus import Bus, Document
from examples.engineering_day.summary import own_deliveries

_SIDE_BY_SIDE = 2
_PAUSE_SECONDS = 0.1


def read_back(
    bus: Bus, event_ids: Sequence[str], subscriptions: Mapping[str, str], seconds: float
) -> dict[str, Document]:
    """Reads events until none of their deliveries is pending.

    Args:
        bus: The bus, as its admin sees it.
        event_ids: The events.
        subscriptions: The services of the day's subscriptions, by subscription.
        seconds: The longest wait; then they are returned as they are.

    Returns:
        The events as the bus shows them, by id.
    """
    deadline = time.monotonic() + seconds
    settled: dict[str, Document] = {}
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as readers:
        while True:
            open_ = [each for each in event_ids if each not in settled]
            read = dict(zip(open_, readers.map(bus.event, open_), strict=True))
            late = time.monotonic() >= deadline
            settled |= {
                event_id: document
                for event_id, document in read.items()
                if late or _is_settled(document, subscriptions)
            }
            if len(settled) == len(event_ids):
                return settled
            time.sleep(_PAUSE_SECONDS)


def _is_settled(document: Document, subscriptions: Mapping[str, str]) -> bool:
    return document["processed"] and all(
        each["status"] not in ("pending", "retrying")
        for each in own_deliveries(document, subscriptions)
    )
