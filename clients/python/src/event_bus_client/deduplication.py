"""Remembers deliveries, so that one that is repeated is handled once."""

import threading
from collections import OrderedDict
from typing import Protocol


class SeenStore(Protocol):
    """Keeps the ids of handled deliveries. The processes of a service should share one."""

    def claim(self, delivery_id: str) -> bool:
        """Remembers an id.

        Returns:
            True if it is new; False if it was claimed before.
        """

    def forget(self, delivery_id: str) -> None:
        """Gives an id back, because handling it failed."""


class MemoryStore:
    """Keeps the latest ids of one process."""

    def __init__(self, limit: int = 100_000) -> None:
        """Makes an empty store.

        Args:
            limit: How many ids it keeps; the oldest are forgotten first.
        """
        self._limit = limit
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def claim(self, delivery_id: str) -> bool:
        """Remembers an id; False if it was claimed before."""
        with self._lock:
            if delivery_id in self._ids:
                return False
            self._ids[delivery_id] = None
            if len(self._ids) > self._limit:
                self._ids.popitem(last=False)
            return True

    def forget(self, delivery_id: str) -> None:
        """Gives an id back."""
        with self._lock:
            self._ids.pop(delivery_id, None)
