"""Counting a batch of changes."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from event_bus import times
from event_bus.log import logger
from event_bus.metrics.observations import by_subscription, observed
from event_bus.model.metrics import DENIED, MetricTotals, Observation, merged
from event_bus.stores.delivery_changes import DeliveryChange, RoutingChange, change_in
from event_bus.stores.metrics import MetricStore

_Observed = TypeVar("_Observed")


@dataclass(frozen=True, slots=True)
class Observer:
    """Counts what happened into metrics.

    Attributes:
        store: Keeps the metrics.
        subscriptions: How many subscriptions have metrics of their own; those that come later are
            counted together.
    """

    store: MetricStore
    subscriptions: int = 0

    def count(self, records: Sequence[Mapping[str, Any]]) -> MetricTotals | None:
        """Counts a batch once, even if the batch is repeated.

        Args:
            records: The records of the table stream, which come again unchanged if this fails.

        Returns:
            The metrics of the batch; None if they were counted before, or there is nothing to
            count.

        Raises:
            TimeoutError: They could not be stored.
        """
        by_minute: dict[str, MetricTotals] = {}
        for observation in understood(records, observed):
            minute = times.at(observation.at)
            by_minute.setdefault(minute[:16], MetricTotals()).add(observation)
        if not by_minute or not self.store.add(
            identity([record["eventID"] for record in records]),
            by_minute,
            self._by_subscription(records),
        ):
            return None
        return merged(by_minute.values())

    def _by_subscription(self, records: Sequence[Mapping[str, Any]]) -> MetricTotals | None:
        if not self.subscriptions:
            return None
        metrics = MetricTotals()
        for observation in understood(records, by_subscription):
            metrics.add(observation)
        # The bound applies to all batches together, so another subscription may have taken the last
        # place.
        metrics.most = self.subscriptions
        return metrics

    def count_denied(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Counts refused requests from entries of the audit log.

        Raises:
            TimeoutError: They could not be stored.
        """
        by_minute: dict[str, MetricTotals] = {}
        for entry in entries:
            if entry["status"] == DENIED:
                at = times.seconds(entry["timestamp"])
                reason = str(entry["details"].get("reason", ""))
                refusal = Observation(DENIED, str(entry["action"]), reason, at)
                by_minute.setdefault(times.at(at)[:16], MetricTotals()).add(refusal)
        if by_minute:
            self.store.add(identity([entry["id"] for entry in entries]), by_minute)


def understood(
    records: Sequence[Mapping[str, Any]],
    observations: Callable[[RoutingChange | DeliveryChange], Iterable[_Observed]],
) -> list[_Observed]:
    """Returns the observations of a batch, without records that cannot be read."""
    found: list[_Observed] = []
    for record in records:
        try:
            if change := change_in(record):
                found += observations(change)
        except Exception:
            # For whatever reason: one missing count is better than no counts from here on.
            logger.exception("change not understood", event_id=record.get("eventID"))
    return found


def identity(ids: Sequence[object]) -> str:
    """Returns the identifier of a batch, made of the ids of its records."""
    return hashlib.sha256("\n".join(map(str, ids)).encode()).hexdigest()
