"""The text for Prometheus has every metric under its documented name."""

from event_bus.metrics.exposition import CONTENT_TYPE, exposition
from event_bus.metrics.gauges import Gauge
from event_bus.model.metrics import MetricTotals, Observation
from prometheus_client.parser import text_string_to_metric_families

DENIED = "event_bus_authorization_failures_total"
SEEN = [
    Observation("published", "task.created", "shop", 0.0),
    Observation("published", "task.created", "planner", 0.0),
    Observation("delivered", "task.created", "worker", 0.0, 0.2),
    Observation("delivered", "task.created", "worker", 0.0, 7.0),
    Observation("delivered", "task.created", "worker", 0.0),
    Observation("failed", "task.created", "worker", 0.0),
    Observation("dead_lettered", "task.created", "worker", 0.0),
    Observation("schema_invalid", "task.created", "planner", 0.0),
    Observation("denied", "event.publish", "scope", 0.0),
    Observation("denied", "event.publish", "scope", 0.0),
    Observation("denied", "event.publish", "no_key", 0.0),
    Observation("denied", "event.list", "", 0.0),
]
SUBSCRIPTIONS = Gauge(
    "active_subscriptions", "Some.", ("type",), {("task.*",): 2, ('odd "\\ type',): 1}
)


def read(text: str) -> dict[tuple[str, ...], float]:
    """The samples of an exposition, by their names and labels."""
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_each_metrics_has_its_name() -> None:
    metrics = MetricTotals()
    for each in SEEN:
        metrics.add(each)
    text = exposition(metrics, [SUBSCRIPTIONS])
    samples = read(text)
    who = ("subscriber=worker", "type=task.created")
    expected = {
        ("event_bus_events_published_total", "type=task.created"): 2,
        ("event_bus_events_delivered_total", *who): 3,
        ("event_bus_delivery_failures_total", *who): 1,
        ("event_bus_dead_letters_total", *who): 1,
        ("event_bus_events_schema_invalid_total", "type=task.created"): 1,
        (DENIED, "action=event.publish", "reason=scope"): 2,
        (DENIED, "action=event.publish", "reason=no_key"): 1,
        # One that was counted without a reason.
        (DENIED, "action=event.list", "reason="): 1,
        ("event_bus_active_subscriptions", "type=task.*"): 2,
        ("event_bus_active_subscriptions", 'type=odd "\\ type'): 1,
        ("event_bus_delivery_latency_seconds_count",): 2,
        ("event_bus_delivery_latency_seconds_sum",): 7.2,
        ("event_bus_delivery_latency_seconds_bucket", "le=0.1"): 0,
        ("event_bus_delivery_latency_seconds_bucket", "le=0.25"): 1,
        ("event_bus_delivery_latency_seconds_bucket", "le=10.0"): 2,
        ("event_bus_delivery_latency_seconds_bucket", "le=+Inf"): 2,
    }
    assert {name: samples[name] for name in expected} == expected
    assert "# TYPE event_bus_delivery_latency_seconds histogram" in text
    assert "# TYPE event_bus_events_published_total counter" in text
    assert CONTENT_TYPE == "text/plain; version=0.0.4; charset=utf-8"


def test_metrics_without_events_are_valid() -> None:
    samples = read(exposition(MetricTotals(), []))
    assert samples["event_bus_delivery_latency_seconds_count",] == 0


def test_subscriptions_are_told_apart_where_they_are_counted() -> None:
    counted = MetricTotals(most=1)
    for name in ("sub_1", "sub_2", "sub_3"):
        counted.add(Observation("delivered", name, "worker", 0.0))
    counted.add(Observation("failed", "sub_2", "worker", 0.0))
    found = read(exposition(MetricTotals(), [], counted))
    labels = ("subscriber=worker", "subscription=sub_1")
    others = ("subscriber=other", "subscription=other")
    assert found["event_bus_subscription_deliveries_total", *labels] == 1
    assert found["event_bus_subscription_deliveries_total", *others] == 2
    assert found["event_bus_subscription_failures_total", labels[0], "subscription=sub_2"] == 1
    assert "subscription" not in exposition(MetricTotals(), [])
