"""The pace of a subscription: how fast its subscriber answers, and its attempts in flight.

A subscription without a pace is fast, without limits, and costs nothing. Slow ones use the slow
lane of their protocol, new and limited ones its paced lane.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

from event_bus.model.delivery import LANE_FUNCTION_SECONDS

SLOW_SECONDS = 1.0
"""An answer that takes longer than this makes a subscription slow, in seconds."""

FAST_ANSWERS = 5
"""A slow subscription becomes fast after this many fast answers in a row."""

SHORTEST_HOLD_SECONDS, LONGEST_HOLD_SECONDS = 30.0, 900.0
"""The least and the longest time for which a subscription stays slow, in seconds."""

LEASE_SECONDS = LANE_FUNCTION_SECONDS + 5.0
"""How long a lease is valid, in seconds: longer than its function may run, by more than clocks
differ.

A function that crashes does not return its lease, so its attempts count as in flight until then.
Its messages come again only after the visibility timeout of the queue, which is six times as long
as the function may run. Others may have its slots before that: it makes no attempt any more."""

TRIAL_FUNCTIONS = 2
"""How many functions a subscription on trial may occupy."""

TURN_SECONDS = 10.0
"""How long a turn stays valid after its time, in seconds; a later message needs another one."""

LONGEST_WAIT_SECONDS = 300.0
"""The longest wait for a free slot before a message checks again, in seconds."""

_SOON = 10
"""If a subscription becomes slow again within this many times its last hold, the next hold is twice
as long."""

_WEIGHT = 0.2
"""The weight of an attempt in the moving average of durations."""

_EARLY_SECONDS = 0.05
"""How long before its turn an attempt may be made, in seconds."""

_ATTEMPTS_SIDE_BY_SIDE = 10
"""How many attempts a function makes at the same time: as many as a batch has messages."""

PaceState = Literal["trial", "slow", "fast"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a subscription.

    Attributes:
        functions: How many functions of its lane may deliver to it at the same time.
        max_in_flight: The most attempts in flight; None for as many as these functions make.
        rate_limit: The most attempts a second; None for no limit.
    """

    functions: int
    max_in_flight: int | None = None
    rate_limit: float | None = None

    @property
    def capacity(self) -> int:
        """The most attempts in flight."""
        return self.max_in_flight or self.functions * _ATTEMPTS_SIDE_BY_SIDE


@dataclass(frozen=True, slots=True)
class Pace:
    """The recorded pace of a subscription.

    Attributes:
        state: `trial`: nothing is known yet. `slow`: its answers took long. `fast`: they no longer
            do, or it is paced only because of its limits.
        since: When it entered its state or was last slow, in Unix seconds.
        hold: The least time for which it stays slow, in seconds.
        fast_answers: Fast answers since the last slow one.
        seconds: The moving average of an attempt's duration, in seconds.
        next_turn: The next turn under a rate limit, in Unix seconds.
        rate: The rate limit under which turns were given last; None if that is not known.
        series: How often turns began anew. A turn of an earlier series does not count.
        next_look: When the next message without a free slot checks again, in Unix seconds.
        leases: The functions that deliver to it: the end of each lease, in Unix seconds, and its
            number of parallel attempts.
        version: How often it was changed.
    """

    state: PaceState = "fast"
    since: float = 0.0
    hold: float = SHORTEST_HOLD_SECONDS
    fast_answers: int = 0
    seconds: float = SLOW_SECONDS
    next_turn: float = 0.0
    rate: float | None = None
    series: int = 0
    next_look: float = 0.0
    leases: dict[str, tuple[float, int]] = field(default_factory=dict)
    version: int = 0

    @property
    def paced(self) -> bool:
        """Whether its messages leave the main lane, because it is slow or new."""
        return self.state != "fast"

    def in_flight(self, now: float) -> int:
        """Returns the number of attempts that are in flight."""
        return sum(attempts for until, attempts in self.leases.values() if until > now)

    def marked_slow(self, now: float) -> "Pace":
        """Returns the pace after an attempt that has taken long, and may not have ended yet."""
        return self if self.state == "slow" else self.proved_slow(now)

    def proved_slow(self, now: float) -> "Pace":
        """Returns the pace after a slow attempt."""
        hold = self.hold
        if self.state == "fast" and self.since:
            soon = now - self.since < _SOON * hold
            hold = min(2 * hold, LONGEST_HOLD_SECONDS) if soon else SHORTEST_HOLD_SECONDS
        return replace(self, state="slow", since=now, hold=hold, fast_answers=0)

    def without_turns(self) -> "Pace":
        """Returns the pace with a new series of turns: turns given before do not count."""
        return replace(self, next_turn=0.0, rate=None, series=self.series + 1)

    def under(self, limits: Limits, now: float) -> "Pace":
        """Returns the pace under the present rate limit; a new series begins if the limit changed.

        Turns that were given under a very low limit may be days away. Their messages take new
        turns.

        Args:
            limits: The limits of the subscription.
            now: The time, in Unix seconds.
        """
        rate = limits.rate_limit
        if rate is None or self.rate == rate:
            return self
        if self.rate is None:
            return replace(self, rate=rate)
        # For some seconds, functions may know different limits, and turns begin anew whenever
        # another limit is used. If the first turn were now, an attempt would be made each time.
        first = min(self.next_turn, now + 1 / rate)
        return replace(self, next_turn=first, rate=rate, series=self.series + 1)

    def turns(self, wanted: int, limits: Limits, now: float) -> tuple["Pace", list[float]]:
        """Gives attempts their turns under a rate limit.

        Args:
            wanted: The number of attempts.
            limits: The limits of the subscription.
            now: The time, in Unix seconds.

        Returns:
            The pace, and the turn of each attempt, in Unix seconds; those not later than `now` may
            be made at once.
        """
        rate = limits.rate_limit
        if rate is None:
            return self, [now] * wanted
        pace = self.under(limits, now)
        first = max(pace.next_turn, now)
        turns = [first + place / rate for place in range(wanted)]
        turns = [now if turn <= now + _EARLY_SECONDS else turn for turn in turns]
        return replace(pace, next_turn=first + wanted / rate), turns

    def leased(self, holder: str, wanted: int, limits: Limits, now: float) -> tuple["Pace", int]:
        """Leases attempts to a function.

        Args:
            holder: The identifier of the function call.
            wanted: How many attempts it wants to make in parallel.
            limits: The limits of the subscription.
            now: The time, in Unix seconds.

        Returns:
            The pace, and how many attempts it may make in parallel; 0 if too many others are under
            way.
        """
        # A write that is repeated, because its answer was lost, finds its own lease.
        leases = self._others(holder, now)
        room = limits.capacity - sum(attempts for _, attempts in leases.values())
        granted = max(0, min(wanted, room)) if len(leases) < limits.functions else 0
        if granted:
            leases[holder] = (now + LEASE_SECONDS, granted)
        return replace(self, leases=leases), granted

    def looks(self, wanted: int, limits: Limits, now: float) -> tuple["Pace", list[float]]:
        """Spreads messages without a free slot over time.

        Args:
            wanted: The number of messages.
            limits: The limits of the subscription.
            now: The time, in Unix seconds.

        Returns:
            The pace, and when each message checks again, in Unix seconds.
        """
        step = self.seconds / limits.capacity
        first = min(max(self.next_look, now), now + LONGEST_WAIT_SECONDS / 2)
        looks = [
            min(first + place * step, now + LONGEST_WAIT_SECONDS) for place in range(1, wanted + 1)
        ]
        return (replace(self, next_look=looks[-1]) if looks else self), looks

    def returned(self, holder: str, seconds: list[float], now: float) -> "Pace":
        """Returns the pace after a function has returned its lease.

        Args:
            holder: The function.
            seconds: The duration of each attempt.
            now: The time, in Unix seconds.
        """
        pace = replace(self, leases=self._others(holder, now))
        for each in seconds:
            average = pace.seconds + _WEIGHT * (each - pace.seconds)
            pace = replace(pace, seconds=average, fast_answers=pace.fast_answers + 1)
            if each > SLOW_SECONDS:
                pace = pace.proved_slow(now)
        proved = pace.state == "trial" and pace.fast_answers > 0
        if pace.state == "slow":
            proved = pace.fast_answers >= FAST_ANSWERS and now - pace.since >= pace.hold
        return replace(pace, state="fast", since=now) if proved else pace

    def _others(self, holder: str, now: float) -> dict[str, tuple[float, int]]:
        return {
            name: lease for name, lease in self.leases.items() if name != holder and lease[0] > now
        }
