"""The pace of a subscription: how fast its subscriber answers, and what is in flight to it.

A subscription without a pace is fast and without limits, and costs nothing. The others are
delivered to by the paced lane of their protocol.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

SLOW_SECONDS = 1.0
"""A subscriber that takes longer than this to answer makes its subscription slow."""

FAST_ANSWERS = 5
"""A slow subscription is fast again after so many fast answers without a slow one among them."""

SHORTEST_HOLD_SECONDS, LONGEST_HOLD_SECONDS = 30.0, 900.0
"""How long a subscription stays slow at least; the time doubles if it soon is slow again."""

LEASE_SECONDS = 65.0
"""How long a lease holds: longer than its function may run."""

TURN_SECONDS = 10.0
"""How long a turn stays valid after its time; a message that is later needs another one."""

LONGEST_WAIT_SECONDS = 300.0
"""How long a message waits for a free place in flight, at most, before it looks again."""

_SOON = 10
_WEIGHT = 0.2
_EARLY_SECONDS = 0.05
_ATTEMPTS_SIDE_BY_SIDE = 10

PaceState = Literal["trial", "slow", "fast"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be in flight to a subscription.

    Attributes:
        functions: How many functions of the paced lane may deliver to it at a time.
        max_in_flight: How many attempts may be in flight to it; None for as many as fit in those.
        rate_limit: How many attempts may be made a second; None for no limit.
    """

    functions: int
    max_in_flight: int | None = None
    rate_limit: float | None = None

    @property
    def capacity(self) -> int:
        """How many attempts may be in flight."""
        return self.max_in_flight or self.functions * _ATTEMPTS_SIDE_BY_SIDE


@dataclass(frozen=True, slots=True)
class Pace:
    """What is known of the pace of a subscription.

    Attributes:
        state: On trial: nothing is known of it yet. Slow: its answers took long. Fast: they do not
            any more, or only its limits have it here.
        since: When it came into its state or last proved slow, in Unix seconds.
        hold: How long it stays slow at least, in seconds.
        fast_answers: Fast answers since the last slow one.
        seconds: How long an attempt takes, a moving average.
        next_turn: When the next attempt has its turn under a rate limit, in Unix seconds.
        next_look: When the next message that finds no free place in flight looks again, in Unix
            seconds.
        leases: The functions that deliver to it: until when, in Unix seconds, and how many
            attempts side by side.
        version: How often it was changed.
    """

    state: PaceState = "fast"
    since: float = 0.0
    hold: float = SHORTEST_HOLD_SECONDS
    fast_answers: int = 0
    seconds: float = SLOW_SECONDS
    next_turn: float = 0.0
    next_look: float = 0.0
    leases: dict[str, tuple[float, int]] = field(default_factory=dict)
    version: int = 0

    @property
    def paced(self) -> bool:
        """Whether its speed has it delivered to by the paced lane."""
        return self.state != "fast"

    def in_flight(self, now: float) -> int:
        """How many attempts may be in flight at present."""
        return sum(attempts for until, attempts in self.leases.values() if until > now)

    def proved_slow(self, now: float) -> "Pace":
        """The pace after an attempt took long."""
        hold = self.hold
        if self.state == "fast" and self.since:
            soon = now - self.since < _SOON * hold
            hold = min(2 * hold, LONGEST_HOLD_SECONDS) if soon else SHORTEST_HOLD_SECONDS
        return replace(self, state="slow", since=now, hold=hold, fast_answers=0)

    def turns(self, wanted: int, limits: Limits, now: float) -> tuple["Pace", list[float]]:
        """Gives out the turns of attempts under a rate limit, one after the other.

        Returns:
            The pace, and when each of the attempts has its turn, in Unix seconds; what is not later
            than `now` may be made at once.
        """
        if limits.rate_limit is None:
            return self, [now] * wanted
        first = max(self.next_turn, now)
        turns = [first + place / limits.rate_limit for place in range(wanted)]
        turns = [now if turn <= now + _EARLY_SECONDS else turn for turn in turns]
        return replace(self, next_turn=first + wanted / limits.rate_limit), turns

    def leased(self, holder: str, wanted: int, limits: Limits, now: float) -> tuple["Pace", int]:
        """Lets a function make attempts.

        Returns:
            The pace, and how many attempts it may make side by side; 0 where too many others are
            under way.
        """
        # A write that is repeated, because its answer was lost, finds its own lease.
        leases = self._others(holder, now)
        room = limits.capacity - sum(attempts for _, attempts in leases.values())
        granted = max(0, min(wanted, room)) if len(leases) < limits.functions else 0
        if granted:
            leases[holder] = (now + LEASE_SECONDS, granted)
        return replace(self, leases=leases), granted

    def looks(self, wanted: int, limits: Limits, now: float) -> tuple["Pace", list[float]]:
        """Spreads the messages that found no free place in flight over the time that it takes.

        Returns:
            The pace, and when each of them looks again, in Unix seconds.
        """
        step = self.seconds / limits.capacity
        first = min(max(self.next_look, now), now + LONGEST_WAIT_SECONDS / 2)
        looks = [
            min(first + place * step, now + LONGEST_WAIT_SECONDS) for place in range(1, wanted + 1)
        ]
        return (replace(self, next_look=looks[-1]) if looks else self), looks

    def returned(self, holder: str, seconds: list[float], now: float) -> "Pace":
        """The pace after a function has made its attempts.

        Args:
            holder: The function.
            seconds: How long each of them took.
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
