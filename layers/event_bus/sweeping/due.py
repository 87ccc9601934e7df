"""Deliveries that wait in the table, and whose time has come."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from event_bus import times
from event_bus.delivery.message import Message, next_message
from event_bus.log import logger
from event_bus.model.circuit import Circuit
from event_bus.model.delivery import ON_LANE_SECONDS, DeliveryKey
from event_bus.routing.lanes import Lanes
from event_bus.routing.unsent import ended
from event_bus.stores.circuits import CircuitStore
from event_bus.stores.deliveries import SHARDS, DeliveryStore, Due

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
        sent = 0
        for shard in range(SHARDS):
            # One shard must not take the time of the others.
            end = self.clock() + seconds / SHARDS
            while self.clock() < end:
                due = self.deliveries.due(shard, _PAGE)
                moved = self._take(due)
                sent += moved.sent
                # An index lags behind its table: the same ones may come again, and do not move.
                if len(due) < _PAGE or not moved.any:
                    break
        if sent:
            logger.info("due deliveries sent", deliveries=sent)
        return sent

    def _take(self, due: Sequence[Due]) -> "_Moved":
        circuits = self.circuits.get_many(each.key.subscription_id for each in due)
        messages: list[Message] = []
        put_off = 0
        for each in due:
            retry_at = _retry_at(circuits.get(each.key.subscription_id))
            until = times.after(ON_LANE_SECONDS) if retry_at is None else times.at(retry_at)
            if self.deliveries.put_off(each, until, waits=retry_at is not None):
                put_off += 1
                if retry_at is None:
                    messages.append(next_message(each))
        refused = self.lanes.send(messages)
        self._end([message.key for message in refused])
        return _Moved(len(messages) - len(refused), put_off > 0)

    def _end(self, keys: list[DeliveryKey]) -> None:
        # They would be due again and again, and their messages refused each time.
        for delivery in self.deliveries.get_many(keys).values():
            self.deliveries.record(ended(delivery), delivery.attempts + 1)


@dataclass(frozen=True, slots=True)
class _Moved:
    sent: int
    any: bool


def _retry_at(circuit: Circuit | None) -> float | None:
    """When a delivery that waits for its circuit looks again; None where it may go."""
    now = times.unix()
    return circuit.retry_at(now) if circuit and circuit.waits(now) else None
