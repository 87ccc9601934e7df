"""Metric totals add up in any order, and stay bounded."""

import zlib

import orjson
import pytest
from event_bus.model.metrics import (
    BOUNDS,
    KINDS,
    OTHER,
    Histogram,
    MetricTotals,
    Observation,
    merged,
    unpacked,
)
from hypothesis import given
from hypothesis import strategies as st

OBSERVATIONS = st.lists(
    st.builds(
        Observation,
        st.sampled_from(KINDS),
        st.sampled_from(["task.created", "task.closed"]),
        st.sampled_from(["planner", "worker"]),
        st.just(0.0),
        st.none() | st.sampled_from([0.01, 0.05, 0.3, 7.0, 100_000.0]),
    ),
    max_size=30,
)


def metrics_of(observations: list[Observation]) -> MetricTotals:
    made = MetricTotals()
    for observation in observations:
        made.add(observation)
    return made


@given(OBSERVATIONS, st.integers(0, 30))
def test_parts_add_up_to_the_whole(observations: list[Observation], cut: int) -> None:
    whole = metrics_of(observations)
    parts = metrics_of(observations[:cut]), metrics_of(observations[cut:])
    for order in (parts, parts[::-1]):
        sums = merged(order)
        assert sums.counts == whole.counts
        assert sums.latencies.keys() == whole.latencies.keys()
        for labels, histogram in whole.latencies.items():
            assert sums.latencies[labels].counts == histogram.counts
            assert sums.latencies[labels].total == pytest.approx(histogram.total)
    assert unpacked(whole.packed()) == whole


def test_refusals_kept_without_a_reason_still_count() -> None:
    kept = {"counts": {"denied": [["event.publish", "", 3]]}, "latencies": []}
    total = unpacked(zlib.compress(orjson.dumps(kept)))
    total.merge(metrics_of([Observation("denied", "event.publish", "scope", 0.0)]))
    assert unpacked(total.packed()).counts["denied"] == {
        ("event.publish", ""): 3,
        ("event.publish", "scope"): 1,
    }


def test_names_beyond_the_limit_count_as_other() -> None:
    made = MetricTotals(most=2)
    for name in ("a.x", "b.x", "c.x", "a.x", "d.x"):
        made.add(Observation("delivered", name, "worker", 0.0, 1.0))
    assert made.counts["delivered"] == {
        ("a.x", "worker"): 2,
        ("b.x", "worker"): 1,
        (OTHER, OTHER): 2,
    }
    assert made.latencies[OTHER, OTHER].count == 2


@pytest.mark.parametrize(
    ("seconds", "place"), [(0.0, 0), (0.05, 0), (0.051, 1), (86_400, 14), (86_401, 15)]
)
def test_a_bound_belongs_to_its_bucket(seconds: float, place: int) -> None:
    made = Histogram()
    made.add(seconds)
    assert made.counts.index(1) == place


def test_quantiles_lie_within_their_bucket() -> None:
    made = Histogram()
    assert made.quantile(0.5) is None
    for _ in range(98):
        made.add(0.2)
    made.add(4.0)
    made.add(200_000.0)
    median, late, last = (made.quantile(share) for share in (0.5, 0.99, 1.0))
    assert median is not None
    assert 0.1 < median <= 0.25
    assert late == 5.0
    assert last == BOUNDS[-1]
