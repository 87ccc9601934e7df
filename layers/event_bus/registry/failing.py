"""Which subscriptions fail at present, and why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from event_bus.access.callers import Caller
from event_bus.model.circuit import Circuit
from event_bus.model.subscription import Subscription
from event_bus.stores.circuits import CircuitStore
from event_bus.stores.levels import LevelStore, waiting
from event_bus.stores.subscriptions import SubscriptionStore

MAX_FAILING = 1_000
"""The most failing subscriptions that are read; those that have failed longest come first."""


@dataclass(frozen=True, slots=True)
class FailingSubscription:
    """A subscription whose last attempt failed.

    Attributes:
        subscription: The subscription.
        circuit: The record of its failures.
        waiting: How many of its deliveries wait for another attempt; it may be a minute old.
    """

    subscription: Subscription
    circuit: Circuit
    waiting: int


@dataclass(frozen=True, slots=True)
class FailingSubscriptions:
    """Finds failing subscriptions, from their first failed attempt on.

    Circuits record it: each batch with a failure writes its circuit, and so does the success after
    it. Other deliveries cost no write.

    Attributes:
        subscriptions: The subscriptions.
        circuits: Their circuits.
        levels: How many deliveries wait.
    """

    subscriptions: SubscriptionStore
    circuits: CircuitStore
    levels: LevelStore

    def find(self, caller: Caller, limit: int) -> tuple[list[FailingSubscription], int]:
        """Returns the failing subscriptions that a caller may see, the worst first.

        Returns:
            The first `limit` of them, and the number of all; for an admin, at most `MAX_FAILING`.
        """
        if caller.admin:
            failing = _failing(self.circuits.by_subscription())
            found = self.subscriptions.get_many(_longest(failing))
        else:
            own = {each.id: each for each in self.subscriptions.of_service(caller.service_id)}
            failing = _failing(self.circuits.get_many(own)) if own else {}
            found = {each: own[each] for each in failing}
        ranked = sorted(found, key=lambda each: _badness(failing[each]))
        shown = ranked[:limit]
        levels = self.levels.read(map(waiting, shown)) if shown else {}
        return [
            FailingSubscription(found[each], failing[each], levels[waiting(each)]) for each in shown
        ], len(ranked)

    def among(self, subscriptions: Iterable[Subscription]) -> set[str]:
        """Returns the ids of those of these subscriptions that fail."""
        ids = [each.id for each in subscriptions]
        return set(_failing(self.circuits.get_many(ids))) if ids else set()


def _failing(circuits: Mapping[str, Circuit]) -> dict[str, Circuit]:
    return {each: circuit for each, circuit in circuits.items() if circuit.failing}


def _longest(failing: Mapping[str, Circuit]) -> list[str]:
    return sorted(failing, key=lambda each: failing[each].failing_since or 0.0)[:MAX_FAILING]


def _badness(circuit: Circuit) -> tuple[bool, float, int]:
    """Returns a sort key, worst first: without attempts at present, then the longest failing."""
    return circuit.permits, circuit.failing_since or 0.0, -circuit.consecutive
