"""The circuit breaker of a subscription: when a failing subscriber is left alone for a while.

After the pattern of Nygard, "Release It!": closed, open, half open. One that was never in trouble
has none, and costs nothing.
"""

import random
from dataclasses import dataclass, replace
from typing import Literal

from event_bus.model.delivery import DeliveryError

WINDOW_SECONDS = 60.0
"""Over how long successes and failures are counted."""

CONSECUTIVE_FAILURES = 10
"""So many failures without a success between them open the circuit."""

LEAST_SAMPLE, FAILURE_RATIO = 20, 0.5
"""Of at least so many attempts in a window, this share of failures opens it, too."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 30.0, 900.0
"""How long it stays open at first, and at most; each failed probe doubles it."""

PROBE_SECONDS = 60.0
"""How long a probe may take before another one is sent."""

PROBE_RESULT_SECONDS = 10.0
"""Within what time a probe usually has a result; deliveries that wait for it look again then."""

CircuitState = Literal["closed", "open", "half_open"]


@dataclass(frozen=True, slots=True)
class Tally:
    """How several attempts for one subscription ended.

    Attributes:
        successes: How many succeeded.
        failures: How many failed.
        trailing: How many failed after the last success; all failures where none succeeded.
        error: Why the last one failed that did.
    """

    successes: int = 0
    failures: int = 0
    trailing: int = 0
    error: DeliveryError | None = None

    def with_one(self, error: DeliveryError | None = None, *, delivered: bool) -> "Tally":
        """The tally with one attempt more, which ended last.

        Args:
            error: Why it failed, if it did.
            delivered: Whether it succeeded.
        """
        if delivered:
            return replace(self, successes=self.successes + 1, trailing=0)
        return replace(self, failures=self.failures + 1, trailing=self.trailing + 1, error=error)


@dataclass(frozen=True, slots=True)
class Circuit:
    """What is known of a subscription that has failed lately.

    Attributes:
        state: Closed: deliveries are attempted. Open: they wait. Half open: one of them, the
            probe, is attempted.
        window_start: When the counting began, in Unix seconds.
        successes: Successes since then.
        failures: Failures since then.
        consecutive: Failures since the last success.
        failing_since: When the first of these failed, in Unix seconds; None after a success.
        pause: How long it is open, in seconds.
        until: When the next probe may be sent, in Unix seconds.
        version: How often it was changed.
        opened_at: When it opened, in Unix seconds; None while it is closed.
        last_error: Why the last attempt failed that did.
        last_success: When the last attempt succeeded of which the function knew that wrote this, in
            Unix seconds; None where it knew of none.
    """

    state: CircuitState = "closed"
    window_start: float = 0.0
    successes: int = 0
    failures: int = 0
    consecutive: int = 0
    failing_since: float | None = None
    pause: float = FIRST_PAUSE_SECONDS
    until: float = 0.0
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
        """Whether deliveries are attempted without further ado."""
        return self.state == "closed"

    def probed(self, now: float) -> "Circuit | None":
        """The circuit with a probe on its way, or None while it is too early for one."""
        if now < self.until:
            return None
        return replace(self, state="half_open", until=now + PROBE_SECONDS, version=self.version + 1)

    def given_back(self, now: float) -> "Circuit":
        """The circuit after its probe made no attempt: the next delivery is the probe."""
        return replace(self, until=now, version=self.version + 1)

    def waits(self, now: float) -> bool:
        """Whether deliveries must wait: it is open, or a probe is on its way."""
        return not self.permits and now < self.until

    def retry_at(self, now: float) -> float:
        """When a delivery that must wait looks again, in Unix seconds.

        The times are spread at random, so that deliveries do not come all at once. A probe has its
        result long before its time is over, so nothing waits for that time to end.
        """
        if self.state == "half_open":
            return now + random.uniform(0, PROBE_RESULT_SECONDS)  # noqa: S311
        return self.until + self.pause * random.uniform(0, 0.5)  # noqa: S311

    def after(self, tally: Tally, now: float) -> "Circuit":
        """The circuit after further attempts have ended."""
        successes, failures = tally.successes, tally.failures
        if now - self.window_start >= WINDOW_SECONDS:
            counted = replace(self, window_start=now, successes=successes, failures=failures)
        else:
            counted = replace(
                self, successes=self.successes + successes, failures=self.failures + failures
            )
        counted = replace(counted, last_error=tally.error or self.last_error)
        if successes:
            counted = replace(
                counted, consecutive=tally.trailing, failing_since=None, last_success=now
            )
        else:
            counted = replace(counted, consecutive=self.consecutive + failures)
        if tally.trailing and counted.failing_since is None:
            counted = replace(counted, failing_since=now)
        return replace(counted._moved(successes, now), version=self.version + 1)

    def _moved(self, successes: int, now: float) -> "Circuit":
        if self.state != "closed":
            if successes:
                # A new window: the failures that opened the circuit must not open it again.
                return Circuit(
                    window_start=now,
                    failures=self.consecutive,
                    consecutive=self.consecutive,
                    failing_since=self.failing_since,
                    last_error=self.last_error,
                    last_success=self.last_success,
                )
            if self.state == "half_open":
                pause = min(2 * self.pause, LONGEST_PAUSE_SECONDS)
                return replace(self, state="open", pause=pause, until=now + pause)
            return self
        sample = self.successes + self.failures
        if self.consecutive >= CONSECUTIVE_FAILURES or (
            sample >= LEAST_SAMPLE and self.failures >= FAILURE_RATIO * sample
        ):
            return replace(self, state="open", until=now + self.pause, opened_at=now)
        return self

    @property
    def healthy(self) -> bool:
        """Whether nothing is left to remember."""
        return self.permits and self.consecutive == 0 and self.failures == 0
