"""The table of inboxes: the deliveries to subscriptions that fetch their events.

The entries of an inbox are numbered without gaps, and an entry keeps its number. So a consumer that
has read up to a number has seen every entry before it.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from event_bus import times
from event_bus.conflicts import attempts
from event_bus.model.delivery import DeliveryKey
from event_bus.stores.items import ConditionFailed, Item, number, text, unexpired
from event_bus.stores.refusals import Outdated
from event_bus.stores.table import Table
from event_bus.stores.transactions import Part, transact

_HEAD = 0
_ATTEMPTS = 13

_FORGOTTEN_SECONDS = 86_400
"""How long the number of the last entry is kept after the end of its subscription, in seconds."""

_MOST_READ = 4_000
"""The most entries that one query reads."""


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """An entry of an inbox.

    Attributes:
        position: Its place in the inbox, from 1 on.
        key: The key of the delivery. The event is in the events table.
        shaped: Whether the subscription had a transform when the event was put.
    """

    position: int
    key: DeliveryKey
    shaped: bool = False


@dataclass(frozen=True, slots=True)
class InboxStore:
    """Fills and reads inboxes.

    Attributes:
        table: The table.
        retention_days: How many days an entry is kept.
    """

    table: Table
    retention_days: int = 0

    def append(
        self,
        subscription_id: str,
        keys: Sequence[DeliveryKey],
        *,
        pushed: bool = False,
        shaped: bool = False,
        until: float | None = None,
    ) -> None:
        """Appends deliveries to an inbox, all or none.

        Args:
            subscription_id: The subscription that owns the inbox.
            keys: The keys of the deliveries, in order; at most 99.
            pushed: Whether they are pushed to connected WebSocket subscribers.
            shaped: Whether the subscription has a transform.
            until: When it is too late to append them, in Unix seconds, because another function may
                have appended later ones.

        Raises:
            TimeoutError: Other functions filled the inbox in every attempt, or it is too late.
                Nothing is appended.
        """
        set_marks = [name for name, is_set in (("pushed", pushed), ("shaped", shaped)) if is_set]
        marks: Item = {name: {"BOOL": True} for name in set_marks}
        for _ in attempts(_ATTEMPTS):
            last = self.last(subscription_id)
            # An entry that others append from now on makes the transaction fail.
            if until is not None and times.unix() >= until:
                raise TimeoutError(f"it is too late to fill the inbox of {subscription_id}")
            try:
                transact(self._appending(subscription_id, last, keys, marks))
            except Outdated:
                # Another function was faster: append after its entries.
                continue
            return
        raise TimeoutError(f"the inbox of {subscription_id} grows too fast")

    def _appending(
        self, subscription_id: str, last: int, keys: Sequence[DeliveryKey], marks: Item
    ) -> list[Part]:
        expires_at = number(times.expiry(self.retention_days))
        head = self.table.update_part(
            _key(subscription_id, _HEAD),
            Outdated(subscription_id),
            UpdateExpression="SET #last = :new",
            ConditionExpression="#last = :old" if last else "attribute_not_exists(#last)",
            ExpressionAttributeNames={"#last": "last"},
            ExpressionAttributeValues={
                ":new": number(last + len(keys)),
                **({":old": number(last)} if last else {}),
            },
        )
        entries: list[Item] = [
            {
                **_key(subscription_id, last + place),
                "event_id": text(key.event_id),
                "expires_at": expires_at,
                **({"replay_id": text(key.replay_id)} if key.replay_id else {}),
                **marks,
            }
            for place, key in enumerate(keys, 1)
        ]
        return [head, *map(self.table.put_part, entries)]

    def last(self, subscription_id: str) -> int:
        """Returns the number of the last entry that was ever appended; 0 before the first."""
        item = self.table.get(_key(subscription_id, _HEAD), ConsistentRead=True) or {}
        return int(item["last"]["N"]) if "last" in item else 0

    def forget(self, subscription_id: str) -> None:
        """Lets the number of the last entry expire, once the subscription is gone."""
        # A delivery under way may still append an entry. It would write a deleted number anew.
        self.table.update(
            _key(subscription_id, _HEAD),
            UpdateExpression="SET expires_at = :expiry",
            ExpressionAttributeValues={":expiry": number(int(times.unix()) + _FORGOTTEN_SECONDS)},
        )

    def pass_again(self, subscription_id: str, position: int) -> None:
        """Has the table stream pass an entry to what pushes, if the entry exists."""
        with suppress(ConditionFailed):
            self.table.update(
                _key(subscription_id, position),
                # The stream passes only changes.
                UpdateExpression="SET pushed = :pushed, passed_at = :now",
                ConditionExpression="attribute_exists(event_id)",
                ExpressionAttributeValues={
                    ":pushed": {"BOOL": True},
                    ":now": number(int(1000 * times.unix())),
                },
            )

    def after(self, subscription_id: str, position: int, limit: int) -> list[InboxEntry]:
        """Returns the entries after a number, in order."""
        size = limit
        while True:
            items = self.table.query(
                size,
                KeyConditionExpression="subscription_id = :subscription AND #position > :position",
                ExpressionAttributeNames={"#position": "position"},
                ExpressionAttributeValues={
                    ":subscription": text(subscription_id),
                    ":position": number(max(_HEAD, position)),
                },
                ConsistentRead=True,
            )
            found = [_entry(item) for item in items if unexpired(item)]
            if found or len(items) < size:
                return found[:limit]
            # DynamoDB deletes expired entries late. Many are passed over in few requests.
            position, size = int(items[-1]["position"]["N"]), min(4 * size, _MOST_READ)


def last_positions_in(records: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Returns the last place that was filled of each inbox, by subscription.

    Args:
        records: Records of the table stream, as Lambda hands them over.
    """
    last: dict[str, int] = {}
    for record in records:
        key = record["dynamodb"]["Keys"]
        subscription_id, position = key["subscription_id"]["S"], int(key["position"]["N"])
        last[subscription_id] = max(position, last.get(subscription_id, 0))
    return last


def _key(subscription_id: str, position: int) -> Item:
    return {"subscription_id": text(subscription_id), "position": number(position)}


def _entry(item: Mapping[str, Any]) -> InboxEntry:
    return InboxEntry(
        position=int(item["position"]["N"]),
        key=DeliveryKey(
            item["event_id"]["S"],
            item["subscription_id"]["S"],
            item["replay_id"]["S"] if "replay_id" in item else None,
        ),
        shaped="shaped" in item,
    )
