"""The circuit breakers of a lane's subscriptions."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from event_bus import times
from event_bus.cache import Cache
from event_bus.conflicts import attempts
from event_bus.ids import new_id
from event_bus.log import logger
from event_bus.model.bus_events import about_circuit
from event_bus.model.circuit import CONSECUTIVE_FAILURES, KNOWN_SECONDS, Circuit, Tally
from event_bus.model.delivery import DeliveryError
from event_bus.model.event import Event
from event_bus.model.pace import Pace
from event_bus.model.subscription import Subscription
from event_bus.stores.announced_circuits import AnnouncedCircuits
from event_bus.stores.circuits import CircuitStore

CACHE_SECONDS = KNOWN_SECONDS / 2
"""How long a function caches circuits, in seconds."""

_CACHED = 10_000
_ATTEMPTS = 4


@dataclass(slots=True)
class Circuits:
    """The circuits that a function has cached, and its writes to them.

    A healthy subscription costs one read in `CACHE_SECONDS`, and no write. So a function counts no
    success until it knows of a new circuit (see `Circuit`).

    Attributes:
        store: The circuits.
        clock: Monotonic clock, in seconds.
        paces: The paces that were read with the circuits.
        announced: Stores a circuit together with the event that announces its change; None to
            announce nothing.
        current: Reads a subscription as it is now; None if circuits are not those of subscriptions.
    """

    store: CircuitStore
    clock: Callable[[], float] = times.steady
    paces: Cache[str, Pace | None] = field(init=False)
    announced: AnnouncedCircuits | None = None
    current: Callable[[str], Subscription | None] | None = None
    _known: Cache[str, Circuit | None] = field(init=False)
    _succeeded: Cache[str, float] = field(init=False)

    def __post_init__(self) -> None:
        self.paces = Cache(CACHE_SECONDS, _CACHED, self.clock)
        self._known = Cache(CACHE_SECONDS, _CACHED, self.clock)
        self._succeeded = Cache(CACHE_SECONDS, _CACHED, self.clock)

    def look_up(self, subscription_ids: Iterable[str]) -> None:
        """Reads the circuits of these subscriptions, unless they are cached."""
        stale = {each for each in subscription_ids if each not in self._known}
        if not stale:
            return
        # An eventually consistent read is enough: it is some milliseconds old, where the cache is
        # up to a second old. Conditions guard the writes.
        found, paces = self.store.with_paces(stale, consistent=False)
        for each in stale:
            self.paces.put(each, paces.get(each))
            self._known.put(each, found.get(each))

    def known(self, subscription_id: str) -> Circuit | None:
        """Returns the circuit as last read or written; None if there is none."""
        return self._known.last(subscription_id)

    def probe(self, subscription_id: str) -> bool:
        """Takes the permit to probe a circuit whose wait has ended.

        Returns:
            Whether it was taken; False if it is too early, or another function was faster.
        """
        circuit = self.known(subscription_id)
        probed = circuit.probed(times.unix()) if circuit else None
        if probed is None:
            return False
        if self.store.put(subscription_id, probed):
            self._known.put(subscription_id, probed)
            logger.info("circuit probed", subscription_id=subscription_id)
            return True
        self._read_again(subscription_id)
        return False

    def give_back(self, subscription_id: str) -> None:
        """Returns a permit to probe that no attempt has used."""
        circuit = self.known(subscription_id)
        if circuit is None or circuit.state != "half_open":
            return
        returned = circuit.given_back(times.unix())
        if self.store.put(subscription_id, returned):
            self._known.put(subscription_id, returned)
        else:
            self._read_again(subscription_id)

    def count(
        self, subscription_id: str, tally: Tally, subscription: Subscription | None = None
    ) -> Circuit | None:
        """Counts the results of attempts.

        Args:
            subscription_id: The subscription.
            tally: The results.
            subscription: The subscription for which the attempts were made, if an event tells its
                owner that the circuit opens or closes.

        Returns:
            The circuit, if the subscription is still failing.
        """
        if tally.successes:
            # Only cached: a success costs no write.
            self._succeeded.put(subscription_id, times.unix())
        if not tally.failures and self.known(subscription_id) is None:
            # During long attempts, another function may have counted the first failure.
            self.look_up([subscription_id])
            if self.known(subscription_id) is None:
                return None
        for _ in attempts(_ATTEMPTS):
            before = self.known(subscription_id) or Circuit(
                id=new_id("cir"), last_success=self._succeeded.last(subscription_id)
            )
            after = before.after(tally, times.unix())
            if (before.state, after.state) == ("closed", "open") and self._has_moved(subscription):
                # Lanes know of another target late. Its failures must not hold the new one up.
                self._forget(subscription_id, before, None)
                return None
            event = about_circuit(subscription, before, after) if subscription else None
            if after.healthy:
                if self._forget(subscription_id, before, event):
                    return None
            elif self._put(subscription_id, after, event):
                self._known.put(subscription_id, after)
                if after.state != before.state:
                    logger.warning(
                        "circuit moved", subscription_id=subscription_id, state=after.state
                    )
                return after
            # Another function was faster: count on what it wrote.
            self._read_again(subscription_id)
        # So many functions count at the same time that one lost tally makes no difference.
        return None

    def _has_moved(self, subscription: Subscription | None) -> bool:
        """Returns whether a subscription has another target than when the attempts were made."""
        if subscription is None or self.current is None:
            return False
        current = self.current(subscription.id)
        return current is not None and current.target != subscription.target

    def _put(self, subscription_id: str, circuit: Circuit, event: Event | None) -> bool:
        if event is None or self.announced is None:
            return self.store.put(subscription_id, circuit)
        return self.announced.put(subscription_id, circuit, event)

    def _forget(self, subscription_id: str, circuit: Circuit, event: Event | None) -> bool:
        if event is None or self.announced is None:
            gone = self.store.forget(subscription_id, circuit)
        else:
            gone = self.announced.forget(subscription_id, circuit, event)
        if gone:
            self._known.forget(subscription_id)
        return gone

    def _read_again(self, subscription_id: str) -> None:
        found = self.store.get_many([subscription_id])
        self._known.put(subscription_id, found.get(subscription_id))


@dataclass(slots=True)
class Permits:
    """Permits the attempts of one batch, and reports each of them to the circuits.

    A permit is taken at the last moment before its attempt, so that no message holds one without
    making an attempt. If anything fails here, attempts are made all the same, so that no events are
    delayed.

    Attributes:
        circuits: The circuits.
        subscriptions: The subscriptions of the batch, by id.
    """

    circuits: Circuits
    subscriptions: Mapping[str, Subscription] = field(default_factory=dict)
    _tallies: dict[str, Tally] = field(default_factory=dict)
    _probing: set[str] = field(default_factory=set)
    _troubled: dict[str, Circuit] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look_up(self, subscription_ids: Iterable[str]) -> None:
        """Reads the circuits of these subscriptions, unless they are cached."""
        try:
            self.circuits.look_up(subscription_ids)
        except Exception:
            logger.exception("circuits not read")

    def retry_at(self, subscription_id: str) -> float | None:
        """Returns when a waiting delivery checks again, in Unix seconds; None if it need not wait.

        This takes no permit.
        """
        circuit, now = self.circuits.known(subscription_id), times.unix()
        return circuit.retry_at(now) if circuit and circuit.waits(now) else None

    def take(self, subscription_id: str) -> float | None:
        """Takes the permit for one attempt, which must then be made.

        Returns:
            None if it was granted; otherwise when the delivery checks again, in Unix seconds.
        """
        with self._lock:
            circuit = self.circuits.known(subscription_id)
            if circuit is None or circuit.permits:
                return None
            try:
                if self.circuits.probe(subscription_id):
                    self._probing.add(subscription_id)
                    return None
            except Exception:
                logger.exception("circuit not probed", subscription_id=subscription_id)
                return None
            circuit = self.circuits.known(subscription_id)
            if circuit is None or circuit.permits:
                return None
            return circuit.retry_at(times.unix())

    def ended(
        self, subscription_id: str, error: DeliveryError | None = None, *, delivered: bool
    ) -> None:
        """Reports the result of an attempt.

        The result of a probe is written at once, and so are failures that may open the circuit,
        because the next attempts of the batch depend on them.
        """
        with self._lock:
            tally = self._tallies.get(subscription_id, Tally()).with_one(error, delivered=delivered)
            self._tallies[subscription_id] = tally
            if subscription_id in self._probing or tally.trailing >= CONSECUTIVE_FAILURES:
                self._count(subscription_id)

    def unused(self, subscription_id: str) -> None:
        """Reports that an attempt sent nothing, so that another one may use its permit to probe."""
        with self._lock:
            if subscription_id in self._probing:
                self._give_back(subscription_id)
                self._probing.discard(subscription_id)

    def close(self) -> dict[str, Circuit]:
        """Counts remaining results, and returns unused permits.

        Returns:
            The circuits of subscriptions that are still failing.
        """
        with self._lock:
            # One read for all: otherwise, counting would read each of these circuits on its own.
            self.look_up(each for each, tally in self._tallies.items() if not tally.failures)
            for subscription_id in list(self._tallies):
                self._count(subscription_id)
            for subscription_id in self._probing:
                self._give_back(subscription_id)
            self._probing.clear()
            return self._troubled

    def _give_back(self, subscription_id: str) -> None:
        try:
            self.circuits.give_back(subscription_id)
        except Exception:
            # The next probe is sent when the time of this one is over.
            logger.exception("permit not given back", subscription_id=subscription_id)

    def _count(self, subscription_id: str) -> None:
        # Counts protect subscribers; no delivery depends on them.
        try:
            circuit = self.circuits.count(
                subscription_id,
                self._tallies[subscription_id],
                self.subscriptions.get(subscription_id),
            )
        except Exception:
            logger.exception("circuits not counted", subscription_id=subscription_id)
            return
        del self._tallies[subscription_id]
        self._probing.discard(subscription_id)
        if circuit:
            self._troubled[subscription_id] = circuit
        else:
            self._troubled.pop(subscription_id, None)
