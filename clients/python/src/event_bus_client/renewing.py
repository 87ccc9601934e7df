"""Renews a lease while its events are handled, with asyncio and without it."""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable

from event_bus_client.errors import EventBusError, Problem, ServerError, TooManyRequests

logger = logging.getLogger("event_bus_client")


class _Lease:
    """How long a lease lasts, as its holder knows it.

    Attributes:
        seconds: How long a lease lasts from its renewal on.
    """

    def __init__(self, seconds: float, renew_for: float) -> None:
        """Takes over a lease that has just begun.

        Args:
            seconds: How long it lasts.
            renew_for: How long it is renewed.
        """
        self.seconds = seconds
        self._ends = time.monotonic() + seconds
        self._last = time.monotonic() + renew_for

    @property
    def holds(self) -> bool:
        """Whether the lease has certainly not ended."""
        return time.monotonic() < self._ends

    @property
    def pause(self) -> float:
        """How long to wait before the next renewal."""
        return self.seconds / 3

    @property
    def due(self) -> bool:
        """Whether to renew it: it has not ended, and may be renewed at this time."""
        return self.holds and time.monotonic() < self._last

    def renewed(self, asked_at: float) -> None:
        """Notes a renewal.

        Args:
            asked_at: When it was requested, by the monotonic clock.
        """
        self._ends = asked_at + self.seconds

    def failed(self, failure: EventBusError) -> None:
        """Notes a renewal that failed; a refusal means that the lease is gone."""
        logger.info("a lease was not renewed: %s", failure)
        if isinstance(failure, Problem) and not isinstance(failure, ServerError | TooManyRequests):
            self._ends = 0.0


class AsyncRenewal:
    """Renews a lease until the end of the block, with asyncio."""

    def __init__(
        self, renew: Callable[[], Awaitable[None]], seconds: float, renew_for: float
    ) -> None:
        """Takes over a lease that has just begun.

        Args:
            renew: Asks the bus for `seconds` more.
            seconds: How long the lease lasts.
            renew_for: How long it is renewed.
        """
        self._renew = renew
        self._lease = _Lease(seconds, renew_for)

    @property
    def holds(self) -> bool:
        """Whether the lease has certainly not ended."""
        return self._lease.holds

    async def __aenter__(self) -> "AsyncRenewal":
        self._task = asyncio.ensure_future(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        # To await the task itself would hide that the caller's own task was cancelled meanwhile.
        await asyncio.wait((self._task,))
        if not self._task.cancelled():
            self._task.result()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._lease.pause)
            if not self._lease.due:
                return
            asked_at = time.monotonic()
            try:
                await self._renew()
                self._lease.renewed(asked_at)
            except EventBusError as failure:
                self._lease.failed(failure)


class Renewal:
    """Renews a lease until the end of the block, in a thread of its own."""

    def __init__(self, renew: Callable[[], None], seconds: float, renew_for: float) -> None:
        """Takes over a lease that has just begun.

        Args:
            renew: Asks the bus for `seconds` more.
            seconds: How long the lease lasts.
            renew_for: How long it is renewed.
        """
        self._renew = renew
        self._lease = _Lease(seconds, renew_for)
        self._ended = threading.Event()

    @property
    def holds(self) -> bool:
        """Whether the lease has certainly not ended."""
        return self._lease.holds

    def __enter__(self) -> "Renewal":
        threading.Thread(target=self._run, name="event-bus-lease", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(self._lease.pause) and self._lease.due:
            asked_at = time.monotonic()
            try:
                self._renew()
                self._lease.renewed(asked_at)
            except EventBusError as failure:
                self._lease.failed(failure)
            except Exception:
                # After the block, the program may have closed the client.
                if not self._ended.is_set():
                    raise
