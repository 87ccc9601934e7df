"""Deliveries that wait in the table, and whose time has come."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from event_bus import times
from event_bus.delivery.message import Message
from event_bus.log import logger
from event_bus.model.circuit import Circuit
from event_bus.routing.lanes import Lanes
from event_bus.stores.circuits import CircuitStore
from event_bus.stores.deliveries import SHARDS, DeliveryStore, Due

LEASE_SECONDS = 1800
"""After how long a delivery that was sent to its lane, and not attempted, is sent again."""

_PAGE = 100


@dataclass(frozen=True, slots=True)
class DueSweep:
    """Sends to their lanes the deliveries that are due.

    A delivery is put off before it is sent, and leaves the waiting room only by the record of its
    attempt: so none is lost with a message or with this function.

    Attributes:
        deliveries: The deliveries.
        circuits: The circuit breakers of their subscriptions.
        lanes: Where they are sent.
        clock: Seconds that only grow.
    """

    deliveries: DeliveryStore
    circuits: CircuitStore
    lanes: Lanes
    clock: Callable[[], float] = times.steady

    def run(self, seconds: float) -> int:
        """Works off what is due, for some seconds at most; the rest is left to the next time.

        Returns:
            How many deliveries were sent to their lanes.
        """
        end = self.clock() + seconds
        sent = 0
        for shard in range(SHARDS):
            while self.clock() < end:
                due = self.deliveries.due(shard, _PAGE)
                taken = self._take(due)
                sent += len(taken)
                # An index lags behind its table: the same ones may come again, and are not taken.
                if len(due) < _PAGE or not taken:
                    break
        if sent:
            logger.info("due deliveries sent", deliveries=sent)
        return sent

    def _take(self, due: Sequence[Due]) -> list[Message]:
        circuits = self.circuits.get_many(each.key.subscription_id for each in due)
        taken = [
            Message(
                event_id=each.key.event_id,
                subscription_id=each.key.subscription_id,
                service_id=each.service_id,
                subscription_version=0,
                replay_id=each.key.replay_id,
                attempt=each.attempts + 1,
                round_start=each.round_start,
            )
            for each in due
            if self._may_go(each, circuits.get(each.key.subscription_id))
        ]
        self.lanes.send(taken)
        return taken

    def _may_go(self, due: Due, circuit: Circuit | None) -> bool:
        now = times.unix()
        if circuit and not circuit.permits and circuit.until > now:
            # Not all at the moment that the circuit lets a probe through.
            spread = random.uniform(0, 0.5) * (circuit.until - now)  # noqa: S311
            self.deliveries.put_off(due, times.at(circuit.until + spread))
            return False
        return self.deliveries.put_off(due, times.at(now + LEASE_SECONDS))
