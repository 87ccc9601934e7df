"""The circuit breaker of a subscription, which stops deliveries to a failing subscriber for a time.

The pattern of Nygard, "Release It!": closed, open, half open. A healthy subscription has no circuit
and costs nothing.
"""

import random
from dataclasses import dataclass, replace
from typing import Literal

from event_bus.model.delivery import DeliveryError

WINDOW_SECONDS = 60.0
"""The window in which successes and failures are counted, in seconds."""

CONSECUTIVE_FAILURES = 10
"""This many failures in a row open the circuit."""

LEAST_SAMPLE, FAILURE_RATIO = 20, 0.5
"""This share of failures among at least this many attempts in a window also opens it."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 30.0, 900.0
"""The first and the longest wait until a probe, in seconds; each failed probe doubles it."""

KNOWN_SECONDS = 2.0
"""The time after which every function knows of a new circuit, in seconds.

Functions cache circuits for half of this time. The rest is for reads that return the past, writes
that are slow, and clocks that differ.
"""

PROBE_SECONDS = 60.0
"""The time after which a probe without a result is repeated, in seconds."""

PROBE_RESULT_SECONDS = 10.0
"""The time in which a probe usually has a result, in seconds; waiting deliveries check again
then."""

CircuitState = Literal["closed", "open", "half_open"]


@dataclass(frozen=True, slots=True)
class Tally:
    """The results of several attempts of one subscription.

    Attributes:
        successes: The number of successes.
        failures: The number of failures.
        trailing: The number of failures after the last success.
        error: The error of the last failure.
    """

    successes: int = 0
    failures: int = 0
    trailing: int = 0
    error: DeliveryError | None = None

    def with_one(self, error: DeliveryError | None = None, *, delivered: bool) -> "Tally":
        """Returns the tally with one more attempt, the last to end.

        Args:
            error: The error, if it failed.
            delivered: Whether it succeeded.
        """
        if delivered:
            return replace(self, successes=self.successes + 1, trailing=0)
        return replace(self, failures=self.failures + 1, trailing=self.trailing + 1, error=error)


@dataclass(frozen=True, slots=True)
class Circuit:
    """The circuit of a subscription that has failed.

    Functions count successes only if they know of the circuit. So the results of the first
    `KNOWN_SECONDS` may lack successes: during this time the circuit opens only if one tally alone
    suffices, and then counting begins anew.

    Attributes:
        state: Closed: deliveries are attempted. Open: they wait. Half open: one of them, the
            probe, is attempted.
        window_start: The start of the window, in Unix seconds; 0 if there was no failure in the
            last one.
        successes: Successes since then.
        failures: Failures since then.
        consecutive: Failures since the last success.
        early: Those of `consecutive` that do not count, because there may have been successes
            between them.
        known_at: When every function knows of it, in Unix seconds; 0 once results have been counted
            after that time.
        failing_since: The time of the first of these, in Unix seconds; None after a success.
        pause: The present wait until a probe, in seconds.
        until: When the next probe may be sent, in Unix seconds.
        id: Distinguishes it from circuits that the subscription had before; empty if an earlier
            version of the bus began it.
        version: The number of its changes.
        opened_at: When it opened, in Unix seconds; None while it is closed.
        last_error: The error of the last failure.
        last_success: The time of the last success known to the function that wrote this, in Unix
            seconds; None if it knew of none.
    """

    state: CircuitState = "closed"
    window_start: float = 0.0
    successes: int = 0
    failures: int = 0
    consecutive: int = 0
    early: int = 0
    known_at: float = 0.0
    failing_since: float | None = None
    pause: float = FIRST_PAUSE_SECONDS
    until: float = 0.0
    id: str = ""
    version: int = 0
    opened_at: float | None = None
    last_error: DeliveryError | None = None
    last_success: float | None = None

    @property
    def failing(self) -> bool:
        """Whether the last attempt failed."""
        return self.consecutive > 0

    @property
    def permits(self) -> bool:
        """Whether deliveries are attempted without a permit."""
        return self.state == "closed"

    def probed(self, now: float) -> "Circuit | None":
        """Returns the circuit with a probe under way; None if it is too early for one."""
        if now < self.until:
            return None
        return replace(self, state="half_open", until=now + PROBE_SECONDS, version=self.version + 1)

    def given_back(self, now: float) -> "Circuit":
        """Returns the circuit after its probe made no attempt: the next delivery is the probe."""
        return replace(self, until=now, version=self.version + 1)

    def waits(self, now: float) -> bool:
        """Returns whether deliveries must wait: it is open, or a probe is under way."""
        return not self.permits and now < self.until

    def retry_at(self, now: float) -> float:
        """Returns when a waiting delivery checks again, in Unix seconds.

        The times are random, so that deliveries do not all come at once. No delivery waits for the
        longest duration of a probe, because its result usually comes much earlier.
        """
        if self.state == "half_open":
            return now + random.uniform(0, PROBE_RESULT_SECONDS)  # noqa: S311
        return self.until + self.pause * random.uniform(0, 0.5)  # noqa: S311

    def after(self, tally: Tally, now: float) -> "Circuit":
        """Returns the circuit after further attempts."""
        before = self if self.version else replace(self, known_at=now + KNOWN_SECONDS)
        if 0 < before.known_at <= now:
            before = replace(before, successes=0, failures=0, early=self.consecutive, known_at=0.0)
        counted = before._counted(tally, now)
        return replace(counted._moved(tally, now), version=self.version + 1)

    def _counted(self, tally: Tally, now: float) -> "Circuit":
        successes, failures = tally.successes, tally.failures
        if now - self.window_start >= WINDOW_SECONDS:
            start = now if failures else 0.0
            counted = replace(self, window_start=start, successes=successes, failures=failures)
        else:
            counted = replace(
                self, successes=self.successes + successes, failures=self.failures + failures
            )
        counted = replace(counted, last_error=tally.error or self.last_error)
        if successes:
            counted = replace(
                counted, consecutive=tally.trailing, early=0, failing_since=None, last_success=now
            )
        else:
            counted = replace(counted, consecutive=self.consecutive + failures)
        if tally.trailing and counted.failing_since is None:
            counted = replace(counted, failing_since=now)
        return counted

    def _moved(self, tally: Tally, now: float) -> "Circuit":
        if self.state != "closed":
            if tally.successes:
                # A new window: the failures that opened the circuit must not open it again.
                return Circuit(
                    id=self.id,
                    window_start=now if self.consecutive else 0.0,
                    failures=self.consecutive,
                    consecutive=self.consecutive,
                    known_at=self.known_at,
                    failing_since=self.failing_since,
                    last_error=self.last_error,
                    last_success=self.last_success,
                )
            if self.state == "half_open":
                pause = min(2 * self.pause, LONGEST_PAUSE_SECONDS)
                return replace(self, state="open", pause=pause, until=now + pause)
            return self
        if self.known_at:
            in_a_row, failures, successes = tally.trailing, tally.failures, tally.successes
        else:
            in_a_row = self.consecutive - self.early
            failures, successes = self.failures, self.successes
        sample = successes + failures
        if in_a_row >= CONSECUTIVE_FAILURES or (
            sample >= LEAST_SAMPLE and failures >= FAILURE_RATIO * sample
        ):
            return replace(self, state="open", until=now + self.pause, opened_at=now)
        return self

    @property
    def healthy(self) -> bool:
        """Whether nothing must be stored: no failure counts, and deliveries are permitted."""
        return self.permits and self.consecutive == 0 and self.window_start == 0
