"""Analytics: metric totals of minutes, hours and days."""

from typing import Any

import pytest
from event_bus import times
from event_bus.api.operations.metrics import ANALYTICS, analytics_query
from event_bus.api.query import Query
from event_bus.errors import MalformedRequest
from event_bus.metrics.analytics import MAX_BUCKETS, TOP, AnalyticsQuery, answer
from event_bus.model.metrics import MetricTotals, Observation
from event_bus.stores.metrics import MetricStore

from tests.aws import Aws

pytestmark = pytest.mark.moto

FROM, TO = "2026-05-01T12:00:00Z", "2026-05-01T15:00:00Z"
AT = times.seconds(times.parse(FROM))


@pytest.fixture(autouse=True)
def _in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asks a few hours later: minutes are not kept for long."""
    monkeypatch.setattr(times, "unix", lambda: AT + 86_400)


@pytest.fixture
def store(aws: Aws) -> MetricStore:
    made = MetricStore(aws.table("metrics"))
    seen = [
        (0, Observation("published", "task.created", "shop", AT)),
        (0, Observation("delivered", "task.created", "worker", AT, 0.2)),
        (0, Observation("failed", "task.created", "mailer", AT)),
        (130, Observation("published", "role.made", "planner", AT)),
        (130, Observation("delivered", "role.made", "worker", AT, 0.2)),
    ]
    for number, (minutes, observation) in enumerate(seen):
        metrics = MetricTotals()
        metrics.add(observation)
        made.add(f"b{number}", {times.at(AT + 60 * minutes)[:16]: metrics})
    return made


def read_question(query: dict[str, str]) -> AnalyticsQuery:
    return analytics_query(Query(query, ANALYTICS.query))


def told(store: MetricStore, **query: str) -> dict[str, Any]:
    return answer(read_question({"from": FROM, "to": TO, **query}), store)


def test_metrics_are_summed_by_hour_and_in_total(store: MetricStore) -> None:
    said = told(store)
    assert [each["start"] for each in said["buckets"]] == [
        f"2026-05-01T{hour}:00:00.000Z" for hour in (12, 13, 14)
    ]
    assert [each["published"] for each in said["buckets"]] == [1, 0, 1]
    assert said["buckets"][1]["latency_seconds"] is None
    totals = said["totals"]
    assert (totals["published"], totals["delivered"], totals["failed"]) == (2, 2, 1)
    assert 0.1 < totals["latency_seconds"]["p50"] <= 0.25
    assert said["sources"] == [
        {"source": "planner", "published": 1},
        {"source": "shop", "published": 1},
    ]
    # Failing subscriptions come first.
    assert [each["subscriber"] for each in said["subscribers"]] == ["mailer", "worker"]
    assert [each["type"] for each in said["types"]] == ["task.created", "role.made"]


def test_minutes_and_days_add_up_to_the_same(store: MetricStore) -> None:
    whole = told(store)["totals"]
    minutes, days = told(store, granularity="minute"), told(store, granularity="day")
    assert minutes["totals"] == days["totals"] == whole
    assert len(minutes["buckets"]) == 180
    assert [each["start"] for each in days["buckets"]] == ["2026-05-01T00:00:00.000Z"]


@pytest.mark.parametrize(
    ("query", "sums"),
    [
        ({"type": "task.*"}, (1, 1, 1)),
        ({"type": "role.made"}, (1, 1, 0)),
        ({"source": "shop"}, (1, 0, 0)),
        ({"subscriber": "worker"}, (0, 2, 0)),
        ({"subscriber": "worker", "source": "shop"}, (1, 2, 0)),
        ({"subscriber": "nobody"}, (0, 0, 0)),
    ],
)
def test_a_question_may_be_narrower(
    store: MetricStore, query: dict[str, str], sums: tuple[int, int, int]
) -> None:
    totals = told(store, **query)["totals"]
    assert (totals["published"], totals["delivered"], totals["failed"]) == sums


@pytest.mark.parametrize(
    ("granularity", "since", "until"),
    [
        ("minute", "2026-05-01T12:10:00.000Z", "2026-05-01T12:12:00.000Z"),
        ("hour", "2026-05-01T12:00:00.000Z", "2026-05-01T13:00:00.000Z"),
        ("day", "2026-05-01T00:00:00.000Z", "2026-05-02T00:00:00.000Z"),
    ],
)
def test_whole_buckets_are_told_of(
    store: MetricStore, granularity: str, since: str, until: str
) -> None:
    ends = {"from": "2026-05-01T12:10:30Z", "to": "2026-05-01T12:11:01Z"}
    said = told(store, granularity=granularity, **ends)
    assert (said["from"], said["to"]) == (since, until)
    again = told(store, granularity=granularity, **{"from": since, "to": until})
    assert again == said


def test_the_longest_lists_are_cut(store: MetricStore) -> None:
    metrics = MetricTotals()
    for number in range(2 * TOP):
        metrics.add(Observation("published", f"t.n{number}", f"s{number}", AT))
    store.add("more", {times.at(AT)[:16]: metrics})
    said = told(store)
    assert len(said["types"]) == len(said["sources"]) == TOP
    assert said["totals"]["published"] == 2 + 2 * TOP


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({"granularity": "week"}, "granularity"),
        ({"from": "yesterday"}, "from"),
        ({"to": "12:00"}, "to"),
        ({"from": TO, "to": FROM}, "from"),
        ({"from": "2020-01-01T00:00:00Z", "to": TO}, "from"),
        ({"type": "a..b"}, "type"),
        ({"granularity": "minute", "from": "2026-04-30T11:59:00Z", "to": FROM}, "from"),
    ],
)
def test_an_invalid_query_is_refused_with_its_fault(query: dict[str, str], where: str) -> None:
    with pytest.raises(MalformedRequest) as refusal:
        read_question(query)
    assert [fault.pointer for fault in refusal.value.faults] == [where]


def test_the_last_hours_are_what_is_asked_for_by_default() -> None:
    asked = read_question({})
    assert asked.granularity == "hour"
    assert 24 <= len(list(asked.starts())) <= 25
    longest = read_question({"granularity": "minute", "from": FROM, "to": "2026-05-01T18:40:00Z"})
    assert len(list(longest.starts())) == MAX_BUCKETS
