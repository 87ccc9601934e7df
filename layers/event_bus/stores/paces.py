"""The paces of subscriptions: items of the table of circuits, read together with the circuits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from event_bus import times
from event_bus.conflicts import attempts
from event_bus.model.pace import Pace
from event_bus.stored import restored
from event_bus.stores.items import Item, document, number, text
from event_bus.stores.table import Table
from event_bus.stores.transactions import Part

_SUFFIX = "#pace"
_NEW = Pace()

_ATTEMPTS, _PATIENT_ATTEMPTS = 8, 40
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.02, 0.5


def pace_key(subscription_id: str) -> Item:
    """Returns the primary key of a pace's item."""
    return {"subscription_id": text(subscription_id + _SUFFIX)}


def pace_in(item: Mapping[str, Any]) -> tuple[str, Pace] | None:
    """Returns the subscription and its pace; None if the item holds no pace."""
    if "pace" not in item:
        return None
    members = orjson.loads(item["pace"]["S"])
    members["leases"] = {name: tuple(lease) for name, lease in members["leases"].items()}
    return item["subscription_id"]["S"].removesuffix(_SUFFIX), restored(Pace, members)


@dataclass(frozen=True, slots=True)
class PaceStore:
    """Reads and writes paces.

    Attributes:
        table: The table of circuits.
        retention_days: How many days a pace is kept after its last change.
        sleep: Sleeps for a number of seconds.
    """

    table: Table
    retention_days: int = 0
    sleep: Callable[[float], None] = times.sleep

    def get(self, subscription_id: str) -> Pace | None:
        """Returns the pace of a subscription, or None."""
        item = self.table.get(pace_key(subscription_id), ConsistentRead=True)
        found = pace_in(item) if item else None
        return found[1] if found else None

    def change(
        self,
        subscription_id: str,
        change: Callable[[Pace], Pace],
        known: Pace | None,
        *,
        new: Pace = _NEW,
        patient: bool = False,
    ) -> Pace | None:
        """Changes a pace; reads it and changes it again if another function wrote it first.

        Args:
            subscription_id: The subscription.
            change: Returns the changed pace; nothing is written if it is the same.
            known: The pace as it was last read, which may be out of date; None if there was none.
            new: The pace that is changed if none is stored.
            patient: Whether to try for several seconds, and not for a moment only.

        Returns:
            The changed pace, as it is stored; None if other functions wrote it first in every
            attempt.
        """
        for _ in attempts(
            _PATIENT_ATTEMPTS if patient else _ATTEMPTS,
            pause=_PAUSE_SECONDS,
            longest_pause=_LONGEST_PAUSE_SECONDS if patient else _PAUSE_SECONDS,
            sleep=self.sleep,
        ):
            before = known or new
            after = change(before)
            if after == before:
                return after
            after = replace(after, version=before.version + 1)
            if self.put(subscription_id, after):
                return after
            known = self.get(subscription_id)
        return None

    def put(self, subscription_id: str, pace: Pace) -> bool:
        """Replaces a pace by its next version.

        Returns:
            Whether it was written; False if another function wrote that version first.
        """
        # Turns must not be lost with the answer to the request that takes them.
        return self.table.put_unless_refused(
            self._item(subscription_id, pace),
            ConditionExpression="attribute_not_exists(version) OR version = :before",
            ExpressionAttributeValues={":before": number(pace.version - 1)},
        )

    def putting_part(self, subscription_id: str, pace: Pace) -> Part:
        """Returns the part that writes a pace over any other."""
        return self.table.put_part(self._item(subscription_id, pace))

    def put_anew(self, subscription_id: str, pace: Pace) -> None:
        """Writes a pace over any other, as its next version.

        So a function that has read the one before does not overwrite it. Turns that were given
        under a rate limit stay valid, because messages carry them.
        """

        def anew(before: Pace) -> Pace:
            turn = max(before.next_turn, pace.next_turn)
            rate = pace.rate or before.rate
            return replace(pace, next_turn=turn, rate=rate, series=before.series)

        self.change(subscription_id, anew, self.get(subscription_id), patient=True)

    def forget_turns(self, subscription_id: str) -> None:
        """Begins a new series of turns, unless none was given in the present one."""
        before = self.get(subscription_id)
        if before and before.next_turn:
            self.change(subscription_id, Pace.without_turns, before, patient=True)

    def _item(self, subscription_id: str, pace: Pace) -> Item:
        return {
            **pace_key(subscription_id),
            "version": number(pace.version),
            "pace": document(pace),
            "expires_at": number(times.expiry(self.retention_days)),
        }
