"""Remembers deliveries, so that a repeated one is handled once."""

import enum
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from event_bus_client.durations import checked

KEEP_SECONDS = 3 * 86_400
"""How long a handled delivery is remembered: longer than the bus repeats one by default."""

CLAIM_SECONDS = 300
"""After how long a delivery whose handler has not ended is handled by another one."""


class Seen(enum.Enum):
    """The status of a delivery in a store.

    Attributes:
        NEW: It is not known, and the caller handles it.
        BUSY: Somebody handles it at present.
        DONE: It was handled.
    """

    NEW = "new"
    BUSY = "busy"
    DONE = "done"


class SeenStore(Protocol):
    """Keeps the ids of deliveries. The processes of a service should share one.

    `begin` must decide atomically: of several callers with one id, only one gets NEW. A claim that
    is neither finished nor abandoned must end by itself, because its holder may have died.
    """

    def begin(self, delivery_id: str) -> Seen:
        """Claims a delivery, unless it is claimed or handled."""

    def finish(self, delivery_id: str, answer: str) -> None:
        """Notes that a claimed delivery was handled, and what was answered; empty for nothing."""

    def answer(self, delivery_id: str) -> str:
        """Returns the answer to a handled delivery."""

    def abandon(self, delivery_id: str) -> None:
        """Gives a claimed delivery back, because handling it failed."""


class MemoryStore:
    """Keeps ids in one process, up to a number and for some time."""

    def __init__(
        self,
        limit: int = 100_000,
        *,
        keep_seconds: float = KEEP_SECONDS,
        claim_seconds: float = CLAIM_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Makes an empty store.

        Args:
            limit: How many ids it keeps; the oldest are forgotten first.
            keep_seconds: How long a handled delivery is remembered.
            claim_seconds: After how long a claim ends by itself.
            clock: Returns the time in seconds.
        """
        self._limit = limit
        self._keep_seconds = checked("keep_seconds", keep_seconds, endless=True)
        self._claim_seconds = checked("claim_seconds", claim_seconds, endless=True)
        self._clock = clock
        self._known: OrderedDict[str, tuple[Seen, float, str]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, delivery_id: str) -> Seen:
        """Claims a delivery, unless it is claimed or handled."""
        with self._lock:
            state, until, _ = self._known.get(delivery_id, (Seen.NEW, 0.0, ""))
            if state is not Seen.NEW and self._clock() < until:
                return state
            self._note(delivery_id, Seen.BUSY, self._claim_seconds)
            return Seen.NEW

    def finish(self, delivery_id: str, answer: str) -> None:
        """Notes that a claimed delivery was handled."""
        with self._lock:
            self._note(delivery_id, Seen.DONE, self._keep_seconds, answer)

    def answer(self, delivery_id: str) -> str:
        """Returns the answer to a handled delivery."""
        with self._lock:
            return self._known.get(delivery_id, (Seen.NEW, 0.0, ""))[2]

    def abandon(self, delivery_id: str) -> None:
        """Gives a claimed delivery back."""
        with self._lock:
            self._known.pop(delivery_id, None)

    def _note(self, delivery_id: str, state: Seen, seconds: float, answer: str = "") -> None:
        self._known[delivery_id] = (state, self._clock() + seconds, answer)
        self._known.move_to_end(delivery_id)
        while len(self._known) > self._limit:
            self._known.popitem(last=False)
