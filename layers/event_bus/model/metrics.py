"""MetricTotals: how often what happened, by whom, and how long deliveries took."""

import bisect
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

BOUNDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200, 21_600, 86_400)
"""The upper bounds of the histogram of latencies, in seconds; the last bucket has none."""

MAX_SERIES = 1_000
"""How many pairs of labels one kind of metric tells apart; what comes later counts as `OTHER`."""

OTHER = "other"
"""The label of what is beyond that. No service and no type of two segments is called so."""

Labels = tuple[str, str]
"""The type of an event, and the service that published it or was to receive it; see `DENIED`."""

KINDS = ("published", "delivered", "failed", "dead_lettered")
"""What becomes of events. A failure is an attempt that failed."""

SCHEMA_INVALID = "schema_invalid"
"""Events that were accepted although the schema of their type refuses their payloads."""

DENIED = "denied"
"""Requests that were refused for want of a good key or a right; labels are the action and why."""


@dataclass(frozen=True, slots=True)
class Observation:
    """Something that happened once.

    Attributes:
        kind: What: one of `KINDS`, `SCHEMA_INVALID` or `DENIED`.
        event_type: The event's type.
        service_id: Who published it, or who was to receive it.
        at: When it was recorded, in Unix seconds.
        latency: How long the delivery took from the event's acceptance on, in seconds, where that
            is known.
    """

    kind: str
    event_type: str
    service_id: str
    at: float
    latency: float | None = None


@dataclass(slots=True)
class Histogram:
    """Latencies in buckets.

    Attributes:
        counts: How many lay in each; the last one has no upper bound.
        total: Their sum, in seconds.
    """

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """Counts one."""
        self.counts[bisect.bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def merge(self, other: "Histogram") -> None:
        """Counts all of another one."""
        self.counts = [one + more for one, more in zip(self.counts, other.counts, strict=True)]
        self.total += other.total

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self.counts)

    def quantile(self, share: float) -> float | None:
        """The latency that a share of them does not exceed, within its bucket interpolated.

        In the last bucket, which has no bound, it is that of the bucket before: no less.
        """
        wanted, below = share * self.count, 0
        if not self.count:
            return None
        for place, count in enumerate(self.counts[:-1]):
            if count and below + count >= wanted:
                lower = BOUNDS[place - 1] if place else 0.0
                return round(lower + (BOUNDS[place] - lower) * (wanted - below) / count, 4)
            below += count
        return float(BOUNDS[-1])


@dataclass(slots=True)
class MetricTotals:
    """Counts by kind and labels, and latencies by labels."""

    counts: dict[str, Counter[Labels]] = field(
        default_factory=lambda: {kind: Counter() for kind in (*KINDS, SCHEMA_INVALID, DENIED)}
    )
    latencies: dict[Labels, Histogram] = field(default_factory=dict)

    def add(self, observation: Observation) -> None:
        """Counts what was observed."""
        labels = observation.event_type, observation.service_id
        self._count(observation.kind, labels, 1)
        if observation.latency is not None:
            self._histogram(labels).add(max(0.0, observation.latency))

    def merge(self, other: "MetricTotals") -> None:
        """Counts all of another's."""
        for kind, counter in other.counts.items():
            for labels, count in counter.items():
                self._count(kind, labels, count)
        for labels, histogram in other.latencies.items():
            self._histogram(labels).merge(histogram)

    def _count(self, kind: str, labels: Labels, count: int) -> None:
        counter = self.counts[kind]
        if labels not in counter and len(counter) >= MAX_SERIES:
            labels = OTHER, OTHER
        counter[labels] += count

    def _histogram(self, labels: Labels) -> Histogram:
        if labels not in self.latencies and len(self.latencies) >= MAX_SERIES:
            labels = OTHER, OTHER
        return self.latencies.setdefault(labels, Histogram())

    def packed(self) -> bytes:
        """All of it, as it is kept."""
        document = {
            "counts": {
                kind: [[*labels, count] for labels, count in counter.items()]
                for kind, counter in self.counts.items()
                if counter
            },
            "latencies": [[*labels, h.total, *h.counts] for labels, h in self.latencies.items()],
        }
        return zlib.compress(orjson.dumps(document))


def unpacked(packed: bytes) -> MetricTotals:
    """What `packed` made."""
    document: dict[str, Any] = orjson.loads(zlib.decompress(packed))
    metrics = MetricTotals()
    for kind, rows in document["counts"].items():
        metrics.counts[kind] = Counter({(row[0], row[1]): row[2] for row in rows})
    for event_type, service_id, total, *counts in document["latencies"]:
        metrics.latencies[event_type, service_id] = Histogram(counts, total)
    return metrics


def merged(all_metrics: Iterable[MetricTotals]) -> MetricTotals:
    """The sum of several."""
    total = MetricTotals()
    for metrics in all_metrics:
        total.merge(metrics)
    return total
