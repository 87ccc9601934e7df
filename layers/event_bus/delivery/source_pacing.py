"""Limits how many functions of the enrichment lane wait for slow sources.

A subscription is marked as slow when its enrichment has taken a second, and as fast after its first
enrichment within a second; until then it is on trial. All subscriptions that are slow or on trial
share some functions: a function takes a lease for their messages in its batch. If it gets none,
they go back to the lane with a delay, which counts as no attempt.
"""

import random
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from event_bus import times
from event_bus.delivery.circuits import Circuits
from event_bus.delivery.messages import Batch, attempted
from event_bus.ids import new_id
from event_bus.log import logger
from event_bus.model.enrichment import circuit_name, external_parts
from event_bus.model.pace import SLOW_SECONDS, Limits, Pace, PaceState
from event_bus.model.subscription import Subscription
from event_bus.queues.message import Message
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.paces import PaceStore
from event_bus.timers import Timers

LEASES = "#enrichment"
"""The name of the pace that holds the leases of all functions."""

FIRST_HELD_SECONDS, LONGEST_HELD_SECONDS = 2, 300
"""The first and the longest delay of a message without a lease; each further one doubles it."""

_TRIAL = Pace("trial")
_MOST_TIMES_HELD = 20


def pace_name(subscription_id: str) -> str:
    """Returns the name of the pace that says how fast the sources of a subscription are.

    The pace of the subscription itself says how fast its subscriber answers.
    """
    return f"{subscription_id}#enrichment"


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """The plan for a batch.

    Attributes:
        moved: The messages that go back to the lane, as they are sent, by their place in the batch.
        paced: The places in the batch of the messages that stay and may be slow.
    """

    moved: dict[int, Message] = field(default_factory=dict)
    paced: frozenset[int] = frozenset()


@dataclass(eq=False, slots=True)
class _Watch:
    """An enrichment in progress.

    Attributes:
        noticed: Whether it has taken a second.
        ended: Whether it has ended.
    """

    noticed: bool = False
    ended: bool = False


@dataclass(slots=True)
class SourcePacing:
    """Marks subscriptions with slow sources, and keeps most functions free for the others.

    Attributes:
        circuits: The circuits of sources, with the paces that were read with them.
        paces: Stores paces.
        deliveries: The recorded deliveries.
        functions: How many functions may wait for slow sources. Half as many more may wait for
            those on trial, which slow ones therefore cannot hold up.
        timers: Tells when an enrichment has taken a second.
        clock: Monotonic clock, in seconds.
    """

    circuits: Circuits
    paces: PaceStore
    deliveries: DeliveryStore
    functions: int
    timers: Timers
    clock: Callable[[], float] = times.steady
    _holder: str = field(default_factory=lambda: new_id("fn"))
    _leased: bool = False
    _in_progress: set[Hashable] = field(default_factory=set)
    _seconds: dict[str, list[float]] = field(default_factory=dict)
    _changing: threading.Lock = field(default_factory=threading.Lock)
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def plan(
        self,
        batch: Batch,
        subscriptions: Mapping[str, Subscription],
    ) -> SourcePlan:
        """Takes a lease for the messages of a batch that may be slow, or sends them back."""
        try:
            self._look_up(subscriptions.values())
        except Exception:
            logger.exception("paces not read")
        states = {each.id: self._state(each) for each in subscriptions.values()}
        paced = {
            place: message
            for place, (queue_message, message) in enumerate(batch)
            if states.get(message.subscription_id, "fast") != "fast"
            and not attempted(self.deliveries, queue_message, message)
        }
        moved: dict[int, Message] = {}
        for slow in (True, False):
            own = {
                place: message
                for place, message in paced.items()
                if (states[message.subscription_id] == "slow") is slow
            }
            if own and not self._leased and not self._takes_lease(slow=slow):
                moved |= {place: _later(message) for place, message in own.items()}
        stay = paced.keys() - moved.keys()
        with self._changing:
            self._in_progress |= stay
            self._seconds = {paced[place].subscription_id: [] for place in stay}
        return SourcePlan(moved, frozenset(stay))

    @contextmanager
    def measured(self, subscription: Subscription) -> Iterator[None]:
        """Measures the block as the time that the enrichment of an event takes.

        The subscription is marked as soon as a second has passed: other functions must know before
        the enrichment ends.

        Args:
            subscription: The subscription, which asks for the enrichment.
        """
        if not external_parts(subscription.enrichment):
            yield
            return
        watch, start = _Watch(), self.clock()
        timer = self.timers.after(SLOW_SECONDS, partial(self._notice, subscription.id, watch))
        try:
            yield
        finally:
            timer.cancel()
            self._took(subscription.id, watch, self.clock() - start)

    def ended(self, place: int) -> None:
        """Returns the lease if this was the last message that needs it.

        Args:
            place: The place in the batch of a message that has ended.
        """
        with self._changing:
            if place not in self._in_progress:
                return
            self._in_progress.discard(place)
        self._settle()

    def close(self) -> None:
        """Returns what the batch still has, such as after a failure."""
        with self._changing:
            self._in_progress.clear()
        self._settle()

    def _look_up(self, subscriptions: Iterable[Subscription]) -> None:
        """Reads the marks of subscriptions in one request with the circuits of their sources."""
        names: list[str] = []
        for each in subscriptions:
            if parts := _asked_parts(each):
                names += [pace_name(each.id), *(circuit_name(each.id, part) for part in parts)]
        self.circuits.look_up(names)

    def _state(self, subscription: Subscription) -> PaceState:
        if not _asked_parts(subscription):
            return "fast"
        mark = self.circuits.paces.last(pace_name(subscription.id))
        return mark.state if mark else "trial"

    def _takes_lease(self, *, slow: bool) -> bool:
        limits = Limits(self.functions if slow else self.functions + max(1, self.functions // 2))
        try:
            self.circuits.look_up([LEASES])
            taken = self._changed(
                LEASES,
                lambda pace: pace.leased(self._holder, 1, limits, times.unix())[0],
                self.circuits.paces.last(LEASES),
            )
        except Exception:
            logger.exception("lease not taken")
            return False
        self._leased = taken is not None and self._holder in taken.leases
        return self._leased

    def _notice(self, subscription_id: str, watch: _Watch) -> None:
        """Marks a subscription whose enrichment has taken a second."""
        with self._changing:
            if watch.ended:
                return
            watch.noticed = True
            self._in_progress.add(watch)
        self._mark(subscription_id)
        self._settle()

    def _took(self, subscription_id: str, watch: _Watch, seconds: float) -> None:
        with self._changing:
            watch.ended = True
            self._in_progress.discard(watch)
            self._seconds.get(subscription_id, []).append(seconds)
        if watch.noticed:
            self._settle()
        elif seconds > SLOW_SECONDS:
            self._mark(subscription_id)

    def _mark(self, subscription_id: str) -> None:
        name = pace_name(subscription_id)
        known = self.circuits.paces.last(name)
        if known and known.state == "slow":
            return
        try:
            before = self.paces.get(name) or _TRIAL
            after = self._changed(name, lambda pace: pace.marked_slow(times.unix()), before)
            if after and before.state != "slow":
                logger.warning("sources are slow", subscription_id=subscription_id)
        except Exception:
            # The next slow enrichment marks it.
            logger.exception("slow sources not marked", subscription_id=subscription_id)

    def _settle(self) -> None:
        """Holds a lease exactly while messages are in progress that need one."""
        with self._writing:
            try:
                if self._in_progress and not self._leased:
                    # It waits already. So it takes a lease beyond the limit, too: then other
                    # functions begin no further slow messages.
                    self._leased = True
                    self._changed(LEASES, self._occupied, self.paces.get(LEASES))
                elif self._leased and not self._in_progress:
                    self._leased = False
                    self._changed(LEASES, self._returned, self.paces.get(LEASES), patient=True)
                    self._record_seconds()
            except Exception:
                # A lease ends by itself, and a mark outlasts the batch.
                logger.exception("leases not counted")

    def _occupied(self, pace: Pace) -> Pace:
        return pace.leased(self._holder, 1, Limits(len(pace.leases) + 1), times.unix())[0]

    def _returned(self, pace: Pace) -> Pace:
        return pace.returned(self._holder, [], times.unix())

    def _record_seconds(self) -> None:
        """Counts the enrichments of subscriptions that are slow or on trial."""
        with self._changing:
            measured, self._seconds = self._seconds, {}
        for subscription_id, seconds in measured.items():
            if seconds:
                name = pace_name(subscription_id)
                known = self.paces.get(name)
                after = self._changed(name, partial(_proved, self._holder, seconds), known)
                if after and after.state != (known or _TRIAL).state:
                    logger.info(
                        "pace of sources changed",
                        subscription_id=subscription_id,
                        state=after.state,
                    )

    def _changed(
        self,
        name: str,
        change: Callable[[Pace], Pace],
        known: Pace | None,
        *,
        patient: bool = False,
    ) -> Pace | None:
        """Changes a pace, and returns it; None if others changed it each time."""
        new = Pace() if name == LEASES else _TRIAL
        after = self.paces.change(name, change, known, new=new, patient=patient)
        if after is None:
            logger.warning("pace not changed", pace=name)
        else:
            self.circuits.paces.put(name, after)
        return after


def _asked_parts(subscription: Subscription) -> list[str]:
    """Returns the names of the parts for which the lane asks code outside the bus."""
    if subscription.status != "active" or not subscription.enriched_first:
        return []
    return external_parts(subscription.enrichment)


def _proved(holder: str, seconds: list[float], pace: Pace) -> Pace:
    return pace.returned(holder, seconds, times.unix())


def _later(message: Message) -> Message:
    """Returns a message without a lease as it is sent again."""
    longest = min(FIRST_HELD_SECONDS * 2**message.times_held, LONGEST_HELD_SECONDS)
    return replace(
        message,
        times_held=min(message.times_held + 1, _MOST_TIMES_HELD),
        delay=random.randint((longest + 1) // 2, longest),  # noqa: S311
    )
