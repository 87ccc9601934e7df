"""Rate limits of keys, counted by all functions together at little cost.

A process does not count each request in the table. It reserves a share of a window's quota by one
write, and then counts requests in memory until the share is used up. The first requests of a window
need no share, so a key that is rarely used costs no write.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from event_bus import times
from event_bus.cache import Cache
from event_bus.log import logger

WINDOW_SECONDS = 10
"""The length of a window, in seconds."""

SOCKET = "socket#"
"""The prefix of the counters of WebSocket messages, which count by key or by connection."""

_FREE = 0.02
"""The part of a quota that each process permits before its first share."""

_SHARE = 0.05
"""The part of a quota that a process reserves by one write."""

_COUNTED_KEYS = 1_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """The allowance of a key in a window.

    Attributes:
        quota: The number of requests in all.
        left: The remaining requests, as far as this process knows.
        reset: The seconds until the next window.
        exceeded: Whether this request is one too many.
    """

    quota: int
    left: int
    reset: int
    exceeded: bool = False

    def context(self) -> dict[str, str]:
        """Returns the context that the authorizer passes on."""
        return {
            "rate_quota": str(self.quota),
            "rate_left": str(self.left),
            "rate_reset": str(self.reset),
            "rate_exceeded": str(self.exceeded).lower(),
        }


def allowance_of(context: Mapping[str, str] | None) -> Allowance | None:
    """Returns the allowance that the authorizer found; None if it counted no request.

    Args:
        context: What the authorizer passed on.
    """
    if not context or "rate_quota" not in context:
        return None
    quota, left, reset = (int(context[f"rate_{name}"]) for name in ("quota", "left", "reset"))
    return Allowance(quota, left, reset, exceeded=context["rate_exceeded"] == "true")


class RequestCounters(Protocol):
    """The counters of requests."""

    def add(self, name: str, requests: int, expires_at: int) -> int:
        """Adds to a counter, and returns its new value.

        Args:
            name: The counter.
            requests: The number to add; it may be negative.
            expires_at: When the counter may be deleted, in Unix seconds.
        """


@dataclass(slots=True)
class _Window:
    """The requests of a key in one window, as this process counts them.

    Attributes:
        begun: The number of the window since 1970.
        credit: How many requests the process may permit before it asks for another share.
        uncounted: How many requests the counter in the table lacks; negative for those of a share
            that are not made yet.
        counted: The counter in the table, as of the last share.
        closed: Whether the quota is used up.
    """

    begun: int
    credit: int
    uncounted: int = 0
    counted: int = 0
    closed: bool = False


class RateLimiter:
    """Counts the requests of keys.

    Each process may exceed the quota by what it permits before its first share: 2% of the quota, or
    one request. What a process does not use of a share is lost to the others.

    Args:
        counters: Counts for all functions.
        clock: The Unix time, in seconds.
    """

    def __init__(self, counters: RequestCounters, clock: Callable[[], float] = times.unix) -> None:
        self._counters = counters
        self._clock = clock
        self._windows: Cache[tuple[str, int], _Window] = Cache(WINDOW_SECONDS, _COUNTED_KEYS, clock)

    def spend(self, key_id: str, rate: int) -> Allowance:
        """Counts one request; permits it if the counters cannot be reached.

        Args:
            key_id: The key.
            rate: Its rate over a window, in requests a second.
        """
        now = self._clock()
        quota = rate * WINDOW_SECONDS
        window = self._window(key_id, int(now // WINDOW_SECONDS), quota)
        reset = math.ceil((window.begun + 1) * WINDOW_SECONDS - now)
        if window.credit == 0 and not window.closed:
            self._ask(key_id, window, quota)
        if window.closed:
            return Allowance(quota, 0, reset, exceeded=True)
        window.credit -= 1
        window.uncounted += 1
        left = quota - window.counted - window.uncounted
        return Allowance(quota, max(0, left), reset)

    def _window(self, key_id: str, number: int, quota: int) -> _Window:
        return self._windows.fetch(
            (key_id, number), lambda: _Window(number, credit=max(1, int(quota * _FREE)))
        )

    def _ask(self, key_id: str, window: _Window, quota: int) -> None:
        share = max(1, int(quota * _SHARE))
        spent, window.uncounted = window.uncounted, 0
        name = f"{key_id}#{window.begun}"
        try:
            expires_at = (window.begun + 2) * WINDOW_SECONDS
            window.counted = self._counters.add(name, spent + share, expires_at)
        except Exception:
            # Requests above the limit do less harm than refusing them all.
            logger.exception("requests not counted", key_id=key_id)
            window.credit = share
            return
        room = quota - (window.counted - share)
        window.credit = max(0, min(share, room))
        window.closed = window.credit == 0
        # The rest of the share is already counted in the table, but not used yet.
        window.uncounted = -share
