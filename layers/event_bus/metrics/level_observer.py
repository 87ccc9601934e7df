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
    """Counts what goes up and down.

    Attributes:
        levels: Keeps the levels.
    """

    levels: LevelStore

    def count(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Adds what a batch changes, once, however often it comes.

        Args:
            records: The records of a stream, which come again as they are where this fails.

        Raises:
            TimeoutError: The changes could not be kept.
        """
        changes: Counter[str] = Counter()
        for name, change in understood(records, levels_changed):
            changes[name] += change
        self.levels.add(identity([record["eventID"] for record in records]), changes)
