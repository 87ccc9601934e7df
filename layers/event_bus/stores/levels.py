"""How many deliveries wait and how many events are held, counted from a table stream.

A level rises and falls. Each level is an item of the table of metrics. The changes of a batch
are added in one transaction with a mark, by which a repeated batch is recognised.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from event_bus import times
from event_bus.batches import chunks
from event_bus.conflicts import attempts
from event_bus.stores.items import Item, number, text
from event_bus.stores.refusals import Contended, IdTaken
from event_bus.stores.table import Table
from event_bus.stores.transactions import Part, transact

_SPAN, _MARKS = "level", "level_batch"
_DAYS, _MARK_DAYS = 400, 2
# A transaction holds 100 items. One of them is the mark.
_AT_ONCE = 99


def waiting(subscription_id: str) -> str:
    """Returns the name of the level of the deliveries of a subscription that wait to be retried."""
    return f"waiting#{subscription_id}"


def held(subscription_id: str, pause: int) -> str:
    """Returns the name of the level of the events that a pause of a subscription has held."""
    return f"{HELD}{subscription_id}#{pause}"


HELD = "held#"
"""The prefix of the names of levels of held events."""


@dataclass(frozen=True, slots=True)
class LevelStore:
    """Adds to levels, and reads them.

    Attributes:
        table: The table of metrics.
        retention_days: How many days a level of held events is kept after its last change.
    """

    table: Table
    retention_days: int = 0

    def add(self, batch_id: str, changes: Mapping[str, int]) -> None:
        """Adds the changes of a batch, once: a batch that comes again changes nothing.

        Args:
            batch_id: Identifies the batch; the same if the batch is repeated.
            changes: What is added to each level, by its name.

        Raises:
            TimeoutError: In every attempt, another writer was faster.
        """
        names = sorted(name for name, change in changes.items() if change)
        for part, some in enumerate(chunks(names, _AT_ONCE)):
            self._add_once(f"{batch_id}#{part}", {name: changes[name] for name in some})

    def _add_once(self, mark: str, changes: Mapping[str, int]) -> None:
        marking = self.table.put_part(
            {
                "span": text(_MARKS),
                "start": text(mark),
                "expires_at": number(times.expiry(_MARK_DAYS)),
            },
            IdTaken(mark),
            ConditionExpression="attribute_not_exists(span)",
        )
        parts = [self._adding_part(name, change) for name, change in changes.items()]
        for _ in attempts(12):
            try:
                return transact([marking, *parts])
            except IdTaken:
                return None
            except Contended:
                continue
        raise TimeoutError(f"{self.table.name} is written by too many at a time")

    def _adding_part(self, name: str, change: int) -> Part:
        days = self.retention_days if name.startswith(HELD) else _DAYS
        return self.table.update_part(
            _key(name),
            UpdateExpression="SET expires_at = :expiry, "
            "amount = if_not_exists(amount, :zero) + :change",
            ExpressionAttributeValues={
                ":expiry": number(times.expiry(days)),
                ":change": number(change),
                ":zero": number(0),
            },
        )

    def read(self, names: Iterable[str]) -> dict[str, int]:
        """Returns the levels of these names; 0 for those to which nothing was added."""
        wanted = list(dict.fromkeys(names))
        items = self.table.batch_get([_key(name) for name in wanted])
        return dict.fromkeys(wanted, 0) | dict(map(_level, items))

    def beginning_with(self, beginning: str, limit: int) -> dict[str, int]:
        """Returns the levels whose names have a prefix, up to a limit, in the order of names."""
        items = self.table.query(
            limit,
            KeyConditionExpression="span = :span AND begins_with(#start, :beginning)",
            ExpressionAttributeNames={"#start": "start"},
            ExpressionAttributeValues={":span": text(_SPAN), ":beginning": text(beginning)},
        )
        return dict(map(_level, items))


def _key(name: str) -> Item:
    return {"span": text(_SPAN), "start": text(name)}


def _level(item: Item) -> tuple[str, int]:
    return item["start"]["S"], max(0, int(item["amount"]["N"]))
