"""Counting how many deliveries wait and how many events are held, from a batch of changes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from event_bus.metrics.observations import levels_changed
from event_bus.metrics.observer import identity, understood
from event_bus.stores.levels import LevelStore


@dataclass(frozen=True, slots=True)
class LevelObserver:
    """Counts waiting deliveries and held events.

    Attributes:
        levels: Keeps the levels.
    """

    levels: LevelStore

    def count(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Adds the changes of a batch once, even if the batch is repeated.

        Args:
            records: The records of the table stream, which come again unchanged if this fails.

        Raises:
            TimeoutError: The changes could not be stored.
        """
        changes: Counter[str] = Counter()
        for name, change in understood(records, levels_changed):
            changes[name] += change
        self.levels.add(identity([record["eventID"] for record in records]), changes)
