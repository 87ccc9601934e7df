"""Measures how long subscribers take to answer, and reports a slow one while it still takes."""

import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial

from event_bus import times
from event_bus.callbacks.deadlines import Deadlines
from event_bus.delivery.transport import DeliveryRequest, Transport
from event_bus.model.outcome import Outcome
from event_bus.model.pace import SLOW_SECONDS

Seconds = dict[str, list[float]]
"""How long attempts took, by subscription."""


@dataclass(slots=True)
class TimedTransport:
    """Measures the attempts of another transport.

    Attributes:
        transport: The protocol.
        slow: Is called with a subscription whose attempt has taken `SLOW_SECONDS`, at once: other
            functions must know before the attempt ends. None where nobody needs to know.
        clock: Monotonic clock, in seconds.
        deadlines: Tells when those seconds are over.
    """

    transport: Transport
    slow: Callable[[str], None] | None = None
    clock: Callable[[], float] = times.steady
    deadlines: Deadlines = field(default_factory=Deadlines)
    _seconds: Seconds = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def batch_key(self, request: DeliveryRequest) -> Hashable:
        """What the protocol says."""
        return self.transport.batch_key(request)

    def deliver(self, requests: Sequence[DeliveryRequest]) -> list[Outcome]:
        """Delivers as the protocol does."""
        report = _Once(partial(self._report, requests))
        deadline = self.deadlines.after(SLOW_SECONDS, report.call) if self.slow else None
        start = self.clock()
        try:
            return self.transport.deliver(requests)
        finally:
            seconds = self.clock() - start
            if deadline:
                deadline.call_off()
                if seconds > SLOW_SECONDS:
                    report.call()
            else:
                with self._lock:
                    for request in requests:
                        self._seconds.setdefault(request.subscription.id, []).append(seconds)

    def taken(self) -> Seconds:
        """How long the attempts took that ended since this was asked last."""
        with self._lock:
            seconds, self._seconds = self._seconds, {}
        return seconds

    def _report(self, requests: Sequence[DeliveryRequest]) -> None:
        if self.slow:
            for each in {request.subscription.id for request in requests}:
                self.slow(each)


class _Once:
    """Calls something at its first call alone."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act: Callable[[], None] | None = act
        self._lock = threading.Lock()

    def call(self) -> None:
        with self._lock:
            act, self._act = self._act, None
        if act:
            act()
