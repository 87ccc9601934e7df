"""The text format of Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/)."""

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from event_bus.metrics.gauges import Gauge
from event_bus.model.metrics import (
    BOUNDS,
    DENIED,
    SCHEMA_INVALID,
    Histogram,
    MetricTotals,
)

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""The media type."""

_PREFIX = "event_bus_"
_BOTH = ("type", "subscriber")
_COUNTERS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("published", "events_published", "Events accepted and routed.", ("type",)),
    ("delivered", "events_delivered", "Deliveries that succeeded.", _BOTH),
    ("failed", "delivery_failures", "Attempts that failed.", _BOTH),
    ("dead_lettered", "dead_letters", "Deliveries that became dead letters.", _BOTH),
    (
        SCHEMA_INVALID,
        "events_schema_invalid",
        "Events accepted although their schema refuses them.",
        ("type",),
    ),
    (
        DENIED,
        "authorization_failures",
        "Requests refused because a key or a right was missing.",
        ("action", "reason"),
    ),
)


_OF_SUBSCRIPTION = ("subscription", "subscriber")
_BY_SUBSCRIPTION = (
    ("delivered", "subscription_deliveries", "Deliveries that succeeded, by subscription."),
    ("failed", "subscription_failures", "Attempts that failed, by subscription."),
    (
        "dead_lettered",
        "subscription_dead_letters",
        "Deliveries that became dead letters, by subscription.",
    ),
)


class _Collected(Collector):
    """A collector that returns finished metrics."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def exposition(
    metrics: MetricTotals, gauges: Iterable[Gauge], by_subscription: MetricTotals | None = None
) -> str:
    """Returns the text for Prometheus.

    Args:
        metrics: The counters of all time.
        gauges: The gauges of the present state.
        by_subscription: The counters by subscription, if these are counted.
    """
    registry = CollectorRegistry(auto_describe=False)
    counters = [*_counters(metrics)]
    if by_subscription:
        counters += _subscription_counters(by_subscription)
    registry.register(_Collected([*counters, _latency(metrics), *map(_gauge, gauges)]))
    return generate_latest(registry).decode()


def _counters(metrics: MetricTotals) -> Iterator[Metric]:
    for kind, name, said, labels in _COUNTERS:
        metric = CounterMetricFamily(_PREFIX + name, said, labels=labels)
        sums: dict[tuple[str, ...], int] = {}
        for found, count in metrics.counts[kind].items():
            key = found[: len(labels)]
            sums[key] = sums.get(key, 0) + count
        for key, count in sorted(sums.items()):
            metric.add_metric(key, count)
        yield metric


def _subscription_counters(metrics: MetricTotals) -> Iterator[Metric]:
    for kind, name, said in _BY_SUBSCRIPTION:
        metric = CounterMetricFamily(_PREFIX + name, said, labels=_OF_SUBSCRIPTION)
        for labels, count in sorted(metrics.counts[kind].items()):
            metric.add_metric(labels, count)
        yield metric


def _latency(metrics: MetricTotals) -> Metric:
    whole = Histogram()
    for histogram in metrics.latencies.values():
        whole.merge(histogram)
    metric = HistogramMetricFamily(
        _PREFIX + "delivery_latency_seconds",
        "Time from an event's acceptance to its delivery, without replays.",
    )
    buckets, reached = [], 0
    for bound, count in zip((*map(str, map(float, BOUNDS)), "+Inf"), whole.counts, strict=True):
        reached += count
        buckets.append((bound, reached))
    metric.add_metric([], buckets, sum_value=whole.total)
    return metric


def _gauge(gauge: Gauge) -> Metric:
    metric = GaugeMetricFamily(_PREFIX + gauge.name, gauge.help, labels=gauge.labels)
    for values, number in sorted(gauge.values.items()):
        metric.add_metric(values, number)
    return metric
