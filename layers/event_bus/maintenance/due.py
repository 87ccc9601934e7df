"""Sending deliveries that are due to their lanes."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from event_bus import times
from event_bus.log import logger
from event_bus.model.circuit import Circuit
from event_bus.model.delivery import ON_LANE_SECONDS, Delivery, DeliveryKey
from event_bus.model.transitions import refused_by_queue
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import Message, next_message
from event_bus.stores.circuits import CircuitStore
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.delivery_items import SHARDS
from event_bus.stores.due_deliveries import DueDeliveries, DueDelivery

INTERVAL_SECONDS = 60
"""The interval between two sweeps, in seconds."""

AHEAD_SECONDS = 90
"""How far the sweep looks ahead; longer than its interval, so that a late run misses nothing."""

_PAGE = 100


@dataclass(frozen=True, slots=True)
class DueSweep:
    """Sends due deliveries to their lanes, each with a delay until it is due.

    The delays keep deliveries apart that were due at different times within a minute: a subscriber
    that recovers from an outage does not get all of them at once.

    A delivery is postponed before it is sent, and stays due until its attempt is recorded. So it is
    not lost with a message or with this function.

    Attributes:
        due: The due deliveries.
        deliveries: Ends deliveries whose messages the queue refuses.
        circuits: The circuit breakers of their subscriptions.
        lanes: Where they are sent.
        following: Makes the message that continues a stream behind a refused delivery.
        clock: Monotonic clock, in seconds.
    """

    due: DueDeliveries
    deliveries: DeliveryStore
    circuits: CircuitStore
    lanes: Lanes
    following: Callable[[Delivery], Message | None] = lambda _: None
    clock: Callable[[], float] = times.steady

    def run(self, seconds: float) -> int:
        """Sends due deliveries for at most some seconds; the next sweep sends the rest.

        Returns:
            How many deliveries were sent to their lanes.

        Raises:
            Exception: Some were not sent, and fall due again a minute later; or a table failed.
        """
        sent = 0
        failure: Exception | None = None
        until = times.after(AHEAD_SECONDS)
        for shard in range(SHARDS):
            # One shard must not take the time of the others.
            end = self.clock() + seconds / SHARDS
            while self.clock() < end:
                due = self.due.page(shard, until, _PAGE)
                moved = self._take(due)
                sent += moved.sent
                failure = moved.failure or failure
                # The index lags behind its table, so it may list deliveries that were already
                # postponed.
                if len(due) < _PAGE or not moved.postponed:
                    break
        if sent:
            logger.info("due deliveries sent", deliveries=sent)
        if failure:
            raise failure
        return sent

    def _take(self, due: Sequence[DueDelivery]) -> "_Moved":
        """Postpones due deliveries, and sends those that do not wait for a circuit.

        Raises:
            Exception: The table failed at one of them. Those before it are sent nevertheless.
        """
        circuits = self.circuits.get_many(each.key.subscription_id for each in due)
        now = times.unix()
        messages: list[Message] = []
        sent: list[tuple[DueDelivery, float]] = []
        postponed = 0
        try:
            for each in due:
                due_at = times.seconds(each.due_at)
                retry_at = _retry_at(circuits.get(each.key.subscription_id), due_at, now)
                delay = _delay(due_at, now)
                # Random, since two sweeps that write the same time would both send the delivery.
                on_lane = ON_LANE_SECONDS + random.uniform(0, 1)  # noqa: S311
                until = now + delay + on_lane if retry_at is None else retry_at
                if self.due.postpone(each, times.at(until), waits=retry_at is not None):
                    postponed += 1
                    if retry_at is None:
                        messages.append(replace(next_message(each), delay=delay))
                        sent.append((replace(each, due_at=times.at(until)), now + delay))
        finally:
            # Also if the table fails: without their messages, they would wait `ON_LANE_SECONDS`.
            moved = self._send(messages, sent, postponed=postponed > 0)
        return moved

    def _send(
        self,
        messages: Sequence[Message],
        sent: Sequence[tuple[DueDelivery, float]],
        *,
        postponed: bool,
    ) -> "_Moved":
        """Sends the messages of postponed deliveries.

        Args:
            messages: The messages.
            sent: The delivery of each, as it was postponed, and when its message comes, in Unix
                seconds.
            postponed: Whether any delivery of the page was postponed.
        """
        try:
            refused = self.lanes.send(messages)
        except Exception as error:
            # A lane that takes nothing must not hold up the deliveries of the others.
            logger.exception("due deliveries not sent")
            self._send_again(sent)
            return _Moved(0, postponed, error)
        self._end([message.key for message in refused])
        return _Moved(len(messages) - len(refused), postponed)

    def _send_again(self, sent: Sequence[tuple[DueDelivery, float]]) -> None:
        """Lets deliveries fall due a minute after their messages, some of which were not sent.

        Otherwise all of them would wait for `ON_LANE_SECONDS`. A message that was sent has made its
        attempt by then.
        """
        for each, comes_at in sent:
            self.due.postpone(each, times.at(comes_at + INTERVAL_SECONDS), waits=False)

    def _end(self, keys: list[DeliveryKey]) -> None:
        # Otherwise they would fall due again and again, and SQS would refuse their messages each
        # time.
        refused = self.deliveries.get_many(keys)
        # Sent first: if this function crashes in between, both are done again.
        self.lanes.send([each for one in refused.values() if (each := self.following(one))])
        for delivery in refused.values():
            if delivery.continues:
                self.deliveries.continued(delivery)
            else:
                self.deliveries.record(refused_by_queue(delivery), delivery.attempts + 1)


@dataclass(frozen=True, slots=True)
class _Moved:
    """What became of a page of due deliveries.

    Attributes:
        sent: How many were sent to their lanes.
        postponed: Whether any is due later now, so that the next page lists others.
        failure: Why a lane did not take some of them, if one did not.
    """

    sent: int
    postponed: bool
    failure: Exception | None = None


def _delay(due_at: float, now: float) -> int:
    """Returns the delay of a delivery on its lane, in seconds.

    A delivery that is not due yet comes at most a second after its time, and never before it. One
    that is overdue by less than a minute was not seen by the previous sweep. It comes at a random
    time before that minute ends. One that is overdue by more belongs to a backlog, which is spread
    over a whole minute.
    """
    if due_at > now:
        return int(due_at - now) + 1
    left = due_at + INTERVAL_SECONDS - now
    return int(random.uniform(0, left if left > 0 else INTERVAL_SECONDS))  # noqa: S311


def _retry_at(circuit: Circuit | None, due_at: float, now: float) -> float | None:
    """Returns when a delivery that waits for its circuit is due again; None if the lane decides.

    When the wait of a circuit is over, its lane sends the probe and knows the result.
    """
    if circuit is None or circuit.state != "open" or circuit.until <= max(due_at, now):
        return None
    return circuit.retry_at(now)
