"""Computes metrics from the table stream of deliveries."""

from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit
from event_bus.model.metrics import KINDS, NAMESPACE, MetricTotals
from event_bus.runtime.metrics import dead_letter_events, level_observer, observer
from event_bus.settings import settings

_metrics = Metrics(namespace=NAMESPACE)
_metrics.set_default_dimensions(stage=settings().stage)
_observer = observer()
_levels = level_observer()
_dead_letters = dead_letter_events()


@_metrics.log_metrics
def handler(event: dict[str, Any], _context: object) -> None:
    """Counts a batch of changes; if it fails, Lambda sends the same batch again."""
    _dead_letters.announce(event["Records"])
    _levels.count(event["Records"])
    metrics = _observer.count(event["Records"])
    if metrics:
        _write(metrics)


def _write(metrics: MetricTotals) -> None:
    """Adds counts and latencies to the metrics that the log line of this call holds."""
    for kind in KINDS:
        if count := sum(metrics.counts[kind].values()):
            name = "".join(word.title() for word in kind.split("_"))
            _metrics.add_metric(name, MetricUnit.Count, count)
    for histogram in metrics.latencies.values():
        mean = histogram.total / histogram.count
        _metrics.add_metric("DeliveryLatency", MetricUnit.Seconds, mean)
