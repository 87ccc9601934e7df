"""The table of metrics: one item for all time, and one for each minute, hour and day."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from event_bus import times
from event_bus.batches import chunks
from event_bus.conflicts import attempts
from event_bus.model.metrics import MetricTotals, unpacked
from event_bus.stores.items import Item, number, text
from event_bus.stores.refusals import Outdated
from event_bus.stores.table import Table
from event_bus.stores.transactions import Part, transact

Granularity = Literal["minute", "hour", "day"]

RETENTION_DAYS: dict[Granularity, int] = {"minute": 2, "hour": 60, "day": 400}
"""How many days the metrics of each period are kept."""

SECONDS: dict[Granularity, int] = {"minute": 60, "hour": 3_600, "day": 86_400}
"""The length of each period, in seconds."""

_ATTEMPTS = 13
# A transaction holds 100 items: of 30 minutes in 30 days, 91.
_MINUTES_AT_ONCE = 30
_MARK_DAYS = 2
_EVER = 36_500
# How many characters of a time name the minute, the hour or the day, and how many name its
# partition: the minutes of an hour, the hours of a day, the days of a month.
_CUT: dict[Granularity, tuple[int, int]] = {"minute": (16, 13), "hour": (13, 10), "day": (10, 7)}


@dataclass(frozen=True, slots=True)
class MetricKey:
    """The key of an item of metrics, and how long it is kept.

    Attributes:
        span: The partition.
        start: The start of the period, or all time.
        days: How long they are kept.
    """

    span: str
    start: str
    days: int

    @property
    def item_key(self) -> Item:
        """The primary key of the item."""
        return {"span": text(self.span), "start": text(self.start)}


TOTAL = MetricKey("total", "all", _EVER)
"""The key of the metrics of all time."""

SUBSCRIPTIONS = MetricKey("total", "subscriptions", _EVER)
"""The key of the metrics of all time by subscription, if they are counted."""


def metric_key(granularity: Granularity, time: str) -> MetricKey:
    """Returns the key of the metrics of the minute, hour or day that contains a time.

    Args:
        granularity: Which of them.
        time: The time, RFC 3339, in UTC.
    """
    start, span = _CUT[granularity]
    return MetricKey(f"{granularity}#{time[:span]}", time[:start], RETENTION_DAYS[granularity])


@dataclass(frozen=True, slots=True)
class MetricStore:
    """Adds to metrics and reads them.

    Attributes:
        table: The table.
    """

    table: Table

    def add(
        self,
        batch_id: str,
        by_minute: Mapping[str, MetricTotals],
        by_subscription: MetricTotals | None = None,
    ) -> bool:
        """Adds the metrics of a batch once. A batch that comes again changes nothing.

        One transaction adds all metrics of a batch, however many events it has.

        Args:
            batch_id: Identifies the batch; the same if the batch is repeated.
            by_minute: Its metrics by minute, named by a time within the minute.
            by_subscription: Its metrics by subscription, where these are counted.

        Returns:
            Whether anything was added.

        Raises:
            TimeoutError: In every attempt, another writer was faster.
        """
        added = [
            self._add_once(
                MetricKey("batch", f"{batch_id}#{part}", _MARK_DAYS),
                {minute: by_minute[minute] for minute in minutes},
                by_subscription if part == 0 else None,
            )
            for part, minutes in enumerate(chunks(sorted(by_minute), _MINUTES_AT_ONCE))
        ]
        return any(added)

    def _add_once(
        self,
        mark: MetricKey,
        by_minute: Mapping[str, MetricTotals],
        by_subscription: MetricTotals | None,
    ) -> bool:
        more: dict[MetricKey, MetricTotals] = {}
        if by_subscription:
            more[SUBSCRIPTIONS] = by_subscription
        for minute, metrics in by_minute.items():
            for key in (TOTAL, *(metric_key(each, minute) for each in _CUT)):
                more.setdefault(key, MetricTotals()).merge(metrics)
        for _ in attempts(_ATTEMPTS, pause=0.02, longest_pause=1.28):
            found = self._read([mark, *more])
            if mark in found:
                return False
            parts = [self._putting(key, metrics, found.get(key)) for key, metrics in more.items()]
            try:
                transact([self._marking(mark), *parts])
            except Outdated:
                # Another batch came first: read what it wrote.
                continue
            return True
        raise TimeoutError(f"{self.table.name} is written by too many at a time")

    def total(self) -> MetricTotals:
        """Returns the metrics of all time."""
        return self.at([TOTAL]).get(TOTAL, MetricTotals())

    def at(self, keys: Iterable[MetricKey]) -> dict[MetricKey, MetricTotals]:
        """Returns the metrics of those of these keys that have any."""
        found = self._read(keys)
        return {key: unpacked(item["figures"]["B"]) for key, item in found.items()}

    def _read(self, wanted: Iterable[MetricKey]) -> dict[MetricKey, Any]:
        by_key = {(each.span, each.start): each for each in wanted}
        keys = [each.item_key for each in by_key.values()]
        items = self.table.batch_get(keys, ConsistentRead=True)
        return {by_key[each["span"]["S"], each["start"]["S"]]: each for each in items}

    def _marking(self, mark: MetricKey) -> Part:
        return self.table.put_part(
            {**mark.item_key, "expires_at": number(times.expiry(mark.days))},
            Outdated(mark.start),
            ConditionExpression="attribute_not_exists(span)",
        )

    def _putting(self, key: MetricKey, metrics: MetricTotals, stored: Any) -> Part:
        whole, version = MetricTotals(), 0
        if stored:
            whole, version = unpacked(stored["figures"]["B"]), int(stored["version"]["N"])
        whole.most = metrics.most
        whole.merge(metrics)
        return self.table.put_part(
            {
                **key.item_key,
                "figures": {"B": whole.packed()},
                "version": number(version + 1),
                "expires_at": number(times.expiry(key.days)),
            },
            Outdated(key.start),
            ConditionExpression="attribute_not_exists(version) OR version = :version",
            ExpressionAttributeValues={":version": number(version)},
        )
