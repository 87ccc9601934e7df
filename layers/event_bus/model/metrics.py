"""Metrics: counts by kind and labels, and latencies of deliveries."""

import bisect
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

NAMESPACE = "EventBus"
"""The namespace of the bus's metrics in CloudWatch."""

BOUNDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200, 21_600, 86_400)
"""The upper bounds of the histogram of latencies, in seconds; the last bucket has none."""

MAX_SERIES = 1_000
"""The most pairs of labels of one kind of metric; further pairs count as `OTHER`."""

OTHER = "other"
"""The label of further pairs; no service and no type of two segments has this name."""

Labels = tuple[str, str]
"""The type of an event, and the service that published or should receive it; see `DENIED`. For
metrics by subscription: the subscription and its service.
"""

KINDS = ("published", "delivered", "failed", "dead_lettered")
"""The kinds of metrics. A failure is a failed attempt."""

SCHEMA_INVALID = "schema_invalid"
"""Events that were accepted although the schema of their type refuses their payloads."""

DENIED = "denied"
"""Requests that were refused with 401 or 403; the labels are the action and the reason."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One counted occurrence.

    Attributes:
        kind: One of `KINDS`, `SCHEMA_INVALID` or `DENIED`.
        event_type: The event's type.
        service_id: The service that published or should receive it.
        at: When it was recorded, in Unix seconds.
        latency: The time from storing the event to its delivery, in seconds, if known.
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
        counts: The number in each bucket; the last one has no upper bound.
        total: Their sum, in seconds.
    """

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """Counts a latency, in seconds."""
        self.counts[bisect.bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def merge(self, other: "Histogram") -> None:
        """Adds another histogram."""
        self.counts = [one + more for one, more in zip(self.counts, other.counts, strict=True)]
        self.total += other.total

    @property
    def count(self) -> int:
        """The number of latencies."""
        return sum(self.counts)

    def quantile(self, share: float) -> float | None:
        """Returns the latency that a share of them does not exceed, interpolated within its bucket.

        In the last bucket, which has no bound, it is the bound of the bucket before.
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
    """Counts by kind and labels, and latencies by labels.

    Attributes:
        counts: The counts, by kind.
        latencies: The latencies.
        most: The most pairs of labels of a kind.
    """

    counts: dict[str, Counter[Labels]] = field(
        default_factory=lambda: {kind: Counter() for kind in (*KINDS, SCHEMA_INVALID, DENIED)}
    )
    latencies: dict[Labels, Histogram] = field(default_factory=dict)
    most: int = MAX_SERIES

    def add(self, observation: Observation) -> None:
        """Counts an observation."""
        labels = observation.event_type, observation.service_id
        self._count(observation.kind, labels, 1)
        if observation.latency is not None:
            self._histogram(labels).add(max(0.0, observation.latency))

    def merge(self, other: "MetricTotals") -> None:
        """Adds other totals."""
        for kind, counter in other.counts.items():
            for labels, count in counter.items():
                self._count(kind, labels, count)
        for labels, histogram in other.latencies.items():
            self._histogram(labels).merge(histogram)

    def _count(self, kind: str, labels: Labels, count: int) -> None:
        counter = self.counts[kind]
        if labels not in counter and len(counter) >= self.most:
            labels = OTHER, OTHER
        counter[labels] += count

    def _histogram(self, labels: Labels) -> Histogram:
        if labels not in self.latencies and len(self.latencies) >= self.most:
            labels = OTHER, OTHER
        return self.latencies.setdefault(labels, Histogram())

    def packed(self) -> bytes:
        """Returns the stored form."""
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
    """Reads the stored form."""
    document: dict[str, Any] = orjson.loads(zlib.decompress(packed))
    metrics = MetricTotals()
    for kind, rows in document["counts"].items():
        metrics.counts[kind] = Counter({(row[0], row[1]): row[2] for row in rows})
    for event_type, service_id, total, *counts in document["latencies"]:
        metrics.latencies[event_type, service_id] = Histogram(counts, total)
    return metrics


def merged(all_metrics: Iterable[MetricTotals]) -> MetricTotals:
    """Returns the sum of several totals."""
    total = MetricTotals()
    for metrics in all_metrics:
        total.merge(metrics)
    return total
