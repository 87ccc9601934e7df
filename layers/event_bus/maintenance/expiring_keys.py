"""Announcing keys that end soon."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from event_bus import times
from event_bus.ids import new_id
from event_bus.log import logger
from event_bus.model.api_keys import ApiKey
from event_bus.stores.cursors import CursorStore
from event_bus.stores.events import EventStore

DAYS_BEFORE = 14
"""How many days before its end the bus reports a key."""

INTERVAL_SECONDS = 3_600
"""The interval between two runs, in seconds."""

_OWNER, _NAME = "sweeper", "expiring_keys"
_HOLD_SECONDS = 120
_BEFORE_SECONDS = 86_400 * DAYS_BEFORE


@dataclass(frozen=True, slots=True)
class ExpiringKeys:
    """Publishes an event for each key that ends in `DAYS_BEFORE` days.

    A run announces the keys that came within this time since the previous run, so each key is
    announced once. A key that was created with less time is not announced, and neither is a
    replaced key, because its service knows.

    Attributes:
        ending: Reads the keys that end between two Unix times: after the first, and not after the
            second.
        cursors: The time up to which keys were announced.
        events: The event store.
        retention_days: How many days the events are kept.
    """

    ending: Callable[[int, int], Iterable[ApiKey]]
    cursors: CursorStore
    events: EventStore
    retention_days: int

    def run(self) -> int:
        """Announces keys, if the last run was an hour ago.

        Returns:
            The number of announced keys.
        """
        now = int(times.unix())
        if _recent(self.cursors.position(_OWNER, _NAME), now):
            return 0
        cursor = self.cursors.hold(_OWNER, _NAME, new_id("cur"), _HOLD_SECONDS)
        if cursor is None:
            return 0
        announced, reached = 0, cursor.position
        try:
            if not _recent(cursor.position, now):
                # The first sweep of a deployment reports all keys that end within these days.
                since = int(cursor.position) + _BEFORE_SECONDS if cursor.position else now
                announced = self._announce(since, now + _BEFORE_SECONDS)
                reached = str(now)
        finally:
            self.cursors.release(cursor, reached)
        return announced

    def _announce(self, first: int, last: int) -> int:
        # Imported here: few keys end, and the sweeper runs every minute.
        from event_bus.model.bus_events import about_key  # noqa: PLC0415

        announced = 0
        for key in self.ending(first, last):
            if key.token or key.replaced_by or key.expires_at is None:
                continue
            # If the event is already stored, it says the same.
            self.events.put(about_key(key, key.expires_at), self.retention_days)
            logger.info("key announced", key_id=key.id, service_id=key.service_id)
            announced += 1
        return announced


def _recent(position: str, now: int) -> bool:
    return bool(position) and now < int(position) + INTERVAL_SECONDS
