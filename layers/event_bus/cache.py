"""The expiring cache that every function's process uses for what it has read."""

import threading
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from event_bus import times

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Cache(Generic[_Key, _Value]):
    """Keeps values by key, each for a limited time.

    A full cache drops the value that was stored first. Threads may share a cache.

    A value that has expired stays until another one replaces it, so that `last` can return it. The
    libraries for caches drop it, and are not safe for threads.

    Args:
        seconds: How long a value is fresh.
        most: The largest number of values.
        clock: Monotonic clock, in seconds.
    """

    __slots__ = ("_clock", "_entries", "_lock", "_most", "_seconds")

    def __init__(
        self, seconds: float, most: int, clock: Callable[[], float] = times.steady
    ) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._entries: dict[_Key, tuple[_Value, float]] = {}
        self._lock = threading.Lock()

    def __contains__(self, key: _Key) -> bool:
        """Returns whether the cache has a fresh value for a key."""
        entry = self._entries.get(key)
        return entry is not None and self._clock() < entry[1]

    def get(self, key: _Key) -> _Value | None:
        """Returns the fresh value for a key, or None."""
        entry = self._entries.get(key)
        return entry[0] if entry is not None and self._clock() < entry[1] else None

    def get_many(self, keys: Iterable[_Key]) -> dict[_Key, _Value]:
        """Returns the fresh values for those of these keys that have one."""
        now, found = self._clock(), {}
        for key in keys:
            entry = self._entries.get(key)
            if entry is not None and now < entry[1]:
                found[key] = entry[0]
        return found

    def last(self, key: _Key) -> _Value | None:
        """Returns the value that was last stored for a key, fresh or not, or None."""
        entry = self._entries.get(key)
        return entry[0] if entry is not None else None

    def fetch(self, key: _Key, read: Callable[[], _Value]) -> _Value:
        """Returns the fresh value for a key; reads and stores it if there is none.

        Threads that ask for the same key at once may each read it.
        """
        entry = self._entries.get(key)
        if entry is not None and self._clock() < entry[1]:
            return entry[0]
        value = read()
        self.put(key, value)
        return value

    def put(self, key: _Key, value: _Value, seconds: float | None = None) -> None:
        """Stores a value.

        Args:
            key: The key.
            value: The value.
            seconds: How long the value is fresh, if not as long as others.
        """
        until = self._clock() + (self._seconds if seconds is None else seconds)
        with self._lock:
            self._entries.pop(key, None)
            self._entries[key] = value, until
            if len(self._entries) > self._most:
                del self._entries[next(iter(self._entries))]

    def forget(self, key: _Key) -> None:
        """Drops the value for a key, if there is one."""
        with self._lock:
            self._entries.pop(key, None)
