"""Analytics: counts over time."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from event_bus import times
from event_bus.errors import MalformedRequest
from event_bus.matching.event_types import matches_type
from event_bus.model.metrics import KINDS, Histogram, Labels, MetricTotals, merged
from event_bus.stores.metrics import RETENTION_DAYS, SECONDS, Granularity, MetricStore, metric_key

MAX_BUCKETS = 400
"""The most minutes, hours or days that an answer covers."""

TOP = 10
"""The most types, sources and subscribers that an answer names."""

DELAY_SECONDS = 60
"""The usual delay of counts, in seconds."""

_DEFAULT_BUCKETS: dict[Granularity, int] = {"minute": 60, "hour": 24, "day": 30}


@dataclass(frozen=True, slots=True)
class AnalyticsQuery:
    """A query for analytics.

    Attributes:
        granularity: The length of each bucket.
        since: When the first bucket begins, in Unix seconds.
        until: When the last one ends, in Unix seconds.
        type: A type, or a type pattern, if not all.
        source: The publisher, if not all.
        subscriber: The subscriber, if not all.
    """

    granularity: Granularity
    since: float
    until: float
    type: str | None = None
    source: str | None = None
    subscriber: str | None = None

    def starts(self) -> Iterator[str]:
        """Yields the time at which each bucket begins, RFC 3339."""
        start = self.since
        while start < self.until:
            yield times.at(start)
            start += SECONDS[self.granularity]

    def selects(self, kind: str, labels: Labels) -> bool:
        """Returns whether a metric is part of the answer."""
        event_type, service_id = labels
        if self.type is not None and not matches_type(self.type, event_type):
            return False
        # Published events are counted by source, and deliveries by subscriber.
        named, other = (
            (self.source, self.subscriber)
            if kind == "published"
            else (self.subscriber, self.source)
        )
        return named == service_id if named is not None else other is None


def analytics_query(
    *,
    granularity: Granularity = "hour",
    since: str | None = None,
    until: str | None = None,
    type: str | None = None,  # noqa: A002
    source: str | None = None,
    subscriber: str | None = None,
) -> AnalyticsQuery:
    """Returns the query for the parameters of a request.

    Args:
        granularity: The length of each bucket.
        since: RFC 3339; by default 60 minutes, 24 hours or 30 days before `until`, after the
            granularity.
        until: RFC 3339; by default now.
        type: A type, or a type pattern.
        source: A publisher.
        subscriber: A subscriber.

    Raises:
        MalformedRequest: The period ends before it begins, has too many buckets, or begins before
            the oldest kept ones.
    """
    length = SECONDS[granularity]
    end = times.seconds(until or times.now())
    start = times.seconds(since) if since else end - _DEFAULT_BUCKETS[granularity] * length
    if start >= end:
        raise MalformedRequest.at("from", "must be before to")
    if (end - start) / length > MAX_BUCKETS:
        detail = f"must be at most {MAX_BUCKETS} {granularity}s before to"
        raise MalformedRequest.at("from", detail)
    kept = RETENTION_DAYS[granularity]
    if times.unix() - start > 86_400 * kept:
        detail = f"must be in the last {kept} days, for which {granularity}s are kept"
        raise MalformedRequest.at("from", detail)
    # The first and the last bucket are included as a whole.
    start, end = start - start % length, end + -end % length
    return AnalyticsQuery(granularity, start, end, type, source, subscriber)


def answer(query: AnalyticsQuery, store: MetricStore) -> dict[str, Any]:
    """Returns the answer, as the API shows it."""
    keys = {start: metric_key(query.granularity, start) for start in query.starts()}
    found = store.at(keys.values())
    chosen = {start: _chosen(found.get(key, MetricTotals()), query) for start, key in keys.items()}
    whole = merged(chosen.values())
    return {
        "granularity": query.granularity,
        "from": times.at(query.since),
        "to": times.at(query.until),
        "delay_seconds": DELAY_SECONDS,
        "totals": _sums(whole),
        "buckets": [{"start": start, **_sums(each)} for start, each in chosen.items()],
        "types": _by(whole, lambda labels: labels[0], "type"),
        "sources": _sources(whole),
        "subscribers": _by(whole, lambda labels: labels[1], "subscriber", of=KINDS[1:]),
    }


def _chosen(metrics: MetricTotals, query: AnalyticsQuery) -> MetricTotals:
    made = MetricTotals()
    for kind, counter in metrics.counts.items():
        made.counts[kind] = Counter(
            {labels: count for labels, count in counter.items() if query.selects(kind, labels)}
        )
    made.latencies = {
        labels: histogram
        for labels, histogram in metrics.latencies.items()
        if query.selects("delivered", labels)
    }
    return made


def _sums(metrics: MetricTotals) -> dict[str, Any]:
    latencies = Histogram()
    for histogram in metrics.latencies.values():
        latencies.merge(histogram)
    return {
        **{kind: sum(metrics.counts[kind].values()) for kind in KINDS},
        "latency_seconds": _latency(latencies),
    }


def _latency(histogram: Histogram) -> dict[str, Any] | None:
    if not histogram.count:
        return None
    return {
        "p50": histogram.quantile(0.5),
        "p90": histogram.quantile(0.9),
        "p99": histogram.quantile(0.99),
        "mean": round(histogram.total / histogram.count, 4),
    }


def _by(
    metrics: MetricTotals,
    label: Callable[[Labels], str],
    name: str,
    of: tuple[str, ...] = KINDS,
) -> list[dict[str, Any]]:
    """Returns the sums by one label, largest first; failures have the greatest weight."""
    parts: dict[str, MetricTotals] = {}
    for kind in of:
        for labels, count in metrics.counts[kind].items():
            parts.setdefault(label(labels), MetricTotals()).counts[kind][labels] += count
    for labels, histogram in metrics.latencies.items():
        parts.setdefault(label(labels), MetricTotals()).latencies[labels] = histogram
    rows = [{name: each, **_sums(part)} for each, part in parts.items()]
    rows.sort(key=lambda row: (-row["failed"], -sum(row[kind] for kind in KINDS), row[name]))
    return rows[:TOP]


def _sources(metrics: MetricTotals) -> list[dict[str, Any]]:
    published: Counter[str] = Counter()
    for (_, source), count in metrics.counts["published"].items():
        published[source] += count
    ranked = sorted(published.items(), key=lambda each: (-each[1], each[0]))
    return [{"source": source, "published": count} for source, count in ranked[:TOP]]
