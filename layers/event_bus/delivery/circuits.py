"""The circuit breakers of the subscriptions that a lane delivers to."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from event_bus import times
from event_bus.log import logger
from event_bus.model.circuit import Circuit
from event_bus.stores.circuits import CircuitStore

CACHE_SECONDS = 5.0
"""How late a lane learns what another of its functions found out."""

_CACHED = 10_000
_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Tally:
    """How the attempts of a batch for one subscription ended."""

    successes: int = 0
    failures: int = 0

    def with_one(self, *, delivered: bool) -> "Tally":
        """The tally with one attempt more."""
        if delivered:
            return replace(self, successes=self.successes + 1)
        return replace(self, failures=self.failures + 1)


@dataclass(slots=True)
class Circuits:
    """Tells whether a subscriber is to be left alone, and counts how attempts end.

    A subscription that does not fail costs one read in `CACHE_SECONDS`, and no write.

    Attributes:
        store: The circuits.
        clock: Seconds that only grow.
    """

    store: CircuitStore
    clock: Callable[[], float] = times.steady
    _cached: dict[str, tuple[Circuit | None, float]] = field(default_factory=dict)

    def look_up(self, subscription_ids: Iterable[str]) -> None:
        """Reads the circuits of these subscriptions, where they were not read lately."""
        now = self.clock()
        wanted = set(subscription_ids)
        stale = {each for each in wanted if not (self._fresh(each, now))}
        if not stale:
            return
        if len(self._cached) > _CACHED:
            self._cached.clear()
            stale = wanted
        found = self.store.get_many(stale)
        for each in stale:
            self._cached[each] = (found.get(each), now + CACHE_SECONDS)

    def closed_until(self, subscription_id: str) -> float | None:
        """Until when a delivery must wait, in Unix seconds; None where it may be attempted.

        An open circuit whose pause is over lets one delivery through, as a probe.
        """
        circuit = self._known(subscription_id)
        if circuit is None or circuit.permits:
            return None
        probed = circuit.probed(times.unix())
        if probed is None:
            return circuit.until
        if self.store.put(subscription_id, probed):
            self._cached[subscription_id] = (probed, self.clock() + CACHE_SECONDS)
            logger.info("circuit probed", subscription_id=subscription_id)
            return None
        # Another function was faster.
        self._cached.pop(subscription_id, None)
        return probed.until

    def count(self, tallies: Mapping[str, Tally]) -> dict[str, Circuit]:
        """Takes in how attempts ended.

        Returns:
            The circuits of those subscriptions that are still in trouble.
        """
        troubled: dict[str, Circuit] = {}
        for subscription_id, tally in tallies.items():
            if not tally.failures and self._known(subscription_id) is None:
                continue
            if circuit := self._counted(subscription_id, tally):
                troubled[subscription_id] = circuit
        return troubled

    def _counted(self, subscription_id: str, tally: Tally) -> Circuit | None:
        for _ in range(_ATTEMPTS):
            before = self._known(subscription_id) or Circuit()
            after = before.after(tally.successes, tally.failures, times.unix())
            if after.healthy:
                self.store.forget(subscription_id)
                self._cached.pop(subscription_id, None)
                return None
            if self.store.put(subscription_id, after):
                self._cached[subscription_id] = (after, self.clock() + CACHE_SECONDS)
                if after.state != before.state:
                    logger.warning(
                        "circuit moved", subscription_id=subscription_id, state=after.state
                    )
                return after
            # Another function was faster: count on what it wrote.
            self._cached.pop(subscription_id, None)
            self.look_up([subscription_id])
        # A tally that is lost among so many makes no difference.
        return None

    def _known(self, subscription_id: str) -> Circuit | None:
        return self._cached.get(subscription_id, (None, 0.0))[0]

    def _fresh(self, subscription_id: str, now: float) -> bool:
        cached = self._cached.get(subscription_id)
        return cached is not None and now < cached[1]
