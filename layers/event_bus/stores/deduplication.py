"""Deduplication keys: for each key of a publisher, the first event that had it.

A key is stored in the table of idempotency keys until its window ends. The transaction that stores
an event also claims its key, so a key always leads to a stored event.
"""

import hashlib
from dataclasses import dataclass

from event_bus import times
from event_bus.model.event import Event
from event_bus.stores.items import number, text, unexpired
from event_bus.stores.refusals import Refused
from event_bus.stores.table import Table
from event_bus.stores.transactions import Part

_MINUTE_SECONDS = 60


class Deduplicated(Refused):
    """Another event of the publisher has the key."""


@dataclass(frozen=True, slots=True)
class DeduplicationStore:
    """Claims deduplication keys.

    Attributes:
        table: The table of idempotency keys.
    """

    table: Table

    def claiming_part(self, event: Event) -> Part | None:
        """Returns the part that claims the key of an event; None if it has no key."""
        if event.deduplication_key is None:
            return None
        now = int(times.unix())
        return self.table.put_part(
            {
                "id": text(_id(event)),
                "event_id": text(event.id),
                "expires_at": number(now + _MINUTE_SECONDS * event.deduplication_window),
            },
            Deduplicated(event.id),
            ConditionExpression="attribute_not_exists(id) OR expires_at <= :now",
            ExpressionAttributeValues={":now": number(now)},
        )

    def first(self, event: Event) -> str | None:
        """Returns the id of the event that has the key; None if its window is over."""
        item = self.table.get({"id": text(_id(event))}, ConsistentRead=True)
        return item["event_id"]["S"] if item and unexpired(item) else None


def _id(event: Event) -> str:
    # A length that no client chooses; the source first, so that a key is its publisher's own.
    words = f"{event.source}\n{event.deduplication_key}"
    return f"deduplication#{hashlib.sha256(words.encode()).hexdigest()}"
