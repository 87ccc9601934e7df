"""What happened is counted once: as it was written, however often it is told."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ConnectionClosedError
from event_bus import times
from event_bus.metrics.observer import Observer
from event_bus.model.delivery import Attempt, Delivery, DeliveryKey
from event_bus.model.metrics import KINDS, MetricTotals
from event_bus.stores import metrics as module
from event_bus.stores.delivery_changes import change_in as read_change
from event_bus.stores.metrics import SUBSCRIPTIONS, TOTAL, MetricStore, metric_key
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.aws import Aws
from tests.builders import NOON, delivery, routing
from tests.faults import answer_lost, not_sent

pytestmark = pytest.mark.moto

AT = times.seconds(NOON)
FAILED = Attempt(1, NOON, 12, "http_status", "no", 500)
TAKEN = Attempt(2, NOON, 7, status_code=204)
LATER = "2026-05-01T12:00:02.500Z"


def broken() -> Any:
    return pytest.raises(ConnectionClosedError)


class Stream:
    """The stream of a table, as Lambda hands it over."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.records: list[dict[str, Any]] = []
        self._known: dict[tuple[str, str], Any] = {}

    def look(self, at: float = AT) -> None:
        """Notes every item that has changed since the last look."""
        items = self.aws.dynamodb.scan(TableName=self.aws.tables["deliveries"])["Items"]
        for item in items:
            key = item["event_id"]["S"], item["subscription_id"]["S"]
            before = self._known.get(key)
            if before == item:
                continue
            images = {"NewImage": item} | ({"OldImage": before} if before else {})
            self.records.append(
                {
                    "eventID": f"e{len(self.records)}",
                    "eventName": "MODIFY" if before else "INSERT",
                    "dynamodb": {"ApproximateCreationDateTime": at, **images},
                }
            )
            self._known[key] = item


@pytest.fixture
def store(aws: Aws) -> MetricStore:
    return MetricStore(aws.table("metrics"))


@pytest.fixture
def observer(store: MetricStore) -> Observer:
    return Observer(store)


def sums(metrics: MetricTotals) -> dict[str, int]:
    return {kind: sum(metrics.counts[kind].values()) for kind in KINDS}


def way_of_an_event(aws: Aws) -> Stream:
    """An event that is published, fails, becomes a dead letter, and is delivered in the end."""
    stream, store = Stream(aws), aws.deliveries
    published = replace(
        routing("evt_1", sub_1="worker"),
        event_type="task.created",
        source="shop",
        held={"sub_1": 1},
    )
    aws.routings.record([published])
    stream.look()
    # A router that is run again changes nothing, and a pause that has ended is no publication.
    aws.routings.record([replace(published, routed_at=LATER)])
    aws.routings.release(published, ["sub_1"])
    stream.look()
    failing = delivery("retrying", waiting=True, dead_letter_id="dl_1", log=(FAILED,))
    store.record(replace(failing, stored_at=NOON), 1)
    stream.look()
    # An answer that was lost, and the attempt made again: it meets itself.
    store.record(replace(failing, stored_at=NOON), 1)
    stream.look()
    done = delivery("delivered", attempts=2, dead_letter_id="dl_1", log=(FAILED, TAKEN))
    store.record(replace(done, stored_at=NOON, delivered_at=LATER), 2)
    stream.look(AT + 120)
    key = DeliveryKey("evt_1", "sub_1", "rpl_1")
    replayed = replace(done, key=key, log=(TAKEN,), dead_letter_id=None)
    store.record(replace(replayed, attempts=1), 1)
    stream.look(AT + 120)
    return stream


WAY = {"published": 1, "delivered": 2, "failed": 1, "dead_lettered": 1}


def test_the_way_of_an_event_is_counted(aws: Aws, store: MetricStore, observer: Observer) -> None:
    stream = way_of_an_event(aws)
    assert len(stream.records) == 5
    metrics = observer.count(stream.records)
    assert metrics
    assert sums(metrics) == WAY
    total = store.total()
    assert total == metrics
    assert total.counts["published"] == {("task.created", "shop"): 1}
    assert total.counts["delivered"] == {("task.created", "worker"): 2}
    # The replay's is left out.
    [histogram] = total.latencies.values()
    assert (histogram.count, histogram.total) == (1, 2.5)
    minutes = [metric_key("minute", time) for time in (NOON, "2026-05-01T12:02:00.000Z")]
    first, second = (sums(store.at(minutes)[place]) for place in minutes)
    assert first == {"published": 1, "delivered": 0, "failed": 1, "dead_lettered": 1}
    assert second == {"published": 0, "delivered": 2, "failed": 0, "dead_lettered": 0}
    for granularity in ("hour", "day"):
        place = metric_key(granularity, NOON)
        assert sums(store.at([place])[place]) == WAY


def test_events_that_their_schema_refuses_are_counted(aws: Aws, observer: Observer) -> None:
    stream = Stream(aws)
    refused = replace(routing("evt_1"), event_type="task.created", source="shop")
    aws.routings.record([replace(refused, schema_invalid=True)])
    aws.routings.record([replace(refused, event_id="evt_2")])
    stream.look()

    metrics = observer.count(stream.records)
    assert metrics
    assert metrics.counts["published"] == {("task.created", "shop"): 2}
    assert metrics.counts["schema_invalid"] == {("task.created", "shop"): 1}


def test_a_batch_that_comes_again_counts_once(
    aws: Aws, store: MetricStore, observer: Observer
) -> None:
    records = way_of_an_event(aws).records
    assert observer.count(records)
    assert observer.count(records) is None
    assert sums(store.total()) == WAY


@pytest.fixture
def way(aws: Aws) -> list[dict[str, Any]]:
    return way_of_an_event(aws).records


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(cuts=st.sets(st.integers(1, 4)), again=st.lists(st.integers(0, 4), max_size=4))
def test_any_batches_that_come_any_number_of_times_add_up(
    store: MetricStore, way: list[dict[str, Any]], cuts: set[int], again: list[int]
) -> None:
    before, example = sums(store.total()), uuid4()
    records = [{**each, "eventID": f"{example}-{each['eventID']}"} for each in way]
    batches = [records[start:end] for start, end in pairwise([0, *sorted(cuts), len(records)])]
    for batch in (*batches, *(batches[each % len(batches)] for each in again)):
        Observer(store).count(batch)
    after = sums(store.total())
    assert {kind: after[kind] - before[kind] for kind in KINDS} == WAY


def test_a_write_whose_answer_was_lost_counts_once(
    aws: Aws, store: MetricStore, observer: Observer
) -> None:
    records = way_of_an_event(aws).records
    with answer_lost(aws.dynamodb, "TransactWriteItems", aws.carry_out), broken():
        observer.count(records)
    assert observer.count(records) is None
    assert sums(store.total()) == WAY
    with not_sent(aws.dynamodb, "BatchGetItem"), broken():
        observer.count([{**each, "eventID": f"x{each['eventID']}"} for each in records])
    assert sums(store.total()) == WAY


def test_observers_side_by_side_lose_nothing(aws: Aws, store: MetricStore) -> None:
    records = way_of_an_event(aws).records
    batches = [
        [{**each, "eventID": f"{number}-{each['eventID']}"} for each in records]
        for number in range(6)
    ]
    with ThreadPoolExecutor(3) as side_by_side:
        list(side_by_side.map(Observer(store).count, batches))
    assert sums(store.total()) == {kind: 6 * count for kind, count in WAY.items()}


def test_many_minutes_are_written_in_parts(
    aws: Aws, store: MetricStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MINUTES_AT_ONCE", 2)
    [record] = way_of_an_event(aws).records[:1]
    records = [
        {
            **record,
            "eventID": f"m{minute}",
            "dynamodb": {**record["dynamodb"], "ApproximateCreationDateTime": AT + 60 * minute},
        }
        for minute in range(5)
    ]
    assert Observer(store).count(records)
    assert Observer(store).count(records) is None
    assert sums(store.total())["published"] == 5
    assert len(store.at([metric_key("minute", times.at(AT + 60 * m)) for m in range(6)])) == 5


def test_unreadable_records_are_skipped(aws: Aws, observer: Observer) -> None:
    records = way_of_an_event(aws).records
    odd = {"eventID": "x", "dynamodb": {"NewImage": {"subscription_id": {"N": "1"}}}}
    metrics = observer.count([odd, *records])
    assert metrics
    assert sums(metrics) == WAY


@pytest.mark.parametrize("fault", [AttributeError, OverflowError, RecursionError, KeyError])
def test_a_record_that_fails_for_whatever_reason_is_skipped(
    aws: Aws, observer: Observer, monkeypatch: pytest.MonkeyPatch, fault: type[Exception]
) -> None:
    records = way_of_an_event(aws).records
    odd = {"eventID": "x"}

    def change_in(record: Any) -> Any:
        if record is odd:
            raise fault
        return read_change(record)

    monkeypatch.setattr("event_bus.metrics.observer.change_in", change_in)
    metrics = observer.count([odd, *records])
    assert metrics
    assert sums(metrics) == WAY


def test_a_batch_without_observations_writes_nothing(aws: Aws, observer: Observer) -> None:
    stream, claimed = Stream(aws), delivery("pending", attempts=0)
    aws.claims.take(claimed, "clm_1", 60, once=False)
    stream.look()
    assert len(stream.records) == 1
    assert observer.count(stream.records) is None
    assert aws.dynamodb.scan(TableName=aws.tables["metrics"])["Items"] == []


def test_refusals_are_counted_by_what_was_asked_and_why(
    observer: Observer, store: MetricStore
) -> None:
    told = [
        ("event.publish", "denied", {"reason": "scope"}),
        ("event.publish", "denied", {"reason": "scope"}),
        ("event.publish", "denied", {"reason": "no_key"}),
        # An entry without a reason is counted as a refusal.
        ("event.publish", "denied", {}),
        ("key.create", "success", {}),
    ]
    entries = [
        {"id": f"a{n}", "timestamp": NOON, "action": action, "status": status, "details": details}
        for n, (action, status, details) in enumerate(told)
    ]
    observer.count_denied(entries)
    observer.count_denied(entries)
    expected = {"scope": 2, "no_key": 1, "": 1}
    assert store.total().counts["denied"] == {
        ("event.publish", reason): count for reason, count in expected.items()
    }
    assert TOTAL.days > 10_000


def test_a_delivery_remembers_when_its_event_was_accepted(aws: Aws) -> None:
    made: Delivery = replace(delivery("retrying"), stored_at=NOON)
    aws.deliveries.record(made, 1)
    found = aws.deliveries.get(made.key)
    assert found
    assert found.stored_at == NOON


def test_so_many_subscriptions_are_counted_by_themselves(aws: Aws) -> None:
    stream, store = Stream(aws), MetricStore(aws.table("metrics"))
    observer = Observer(store, subscriptions=1)
    aws.deliveries.record(delivery(log=(TAKEN,), attempts=2), 2)
    aws.deliveries.record(delivery(event_id="evt_2", log=(TAKEN,), attempts=2), 2)
    stream.look()
    observer.count(stream.records)
    # A batch that comes again changes nothing.
    observer.count(stream.records)
    [found] = store.at([SUBSCRIPTIONS]).values()
    assert found.counts["delivered"] == {("sub_1", "worker"): 2}
    first = len(stream.records)
    aws.deliveries.record(delivery(subscription_id="sub_2", log=(TAKEN,), attempts=2), 2)
    aws.deliveries.record(delivery(event_id="evt_3", log=(TAKEN,), attempts=2), 2)
    stream.look()
    observer.count(stream.records[first:])
    [found] = store.at([SUBSCRIPTIONS]).values()
    assert found.counts["delivered"] == {("sub_1", "worker"): 3, ("other", "other"): 1}


def test_without_the_setting_nothing_more_is_written(aws: Aws) -> None:
    stream, store = Stream(aws), MetricStore(aws.table("metrics"))
    aws.deliveries.record(delivery(log=(TAKEN,), attempts=2), 2)
    stream.look()
    Observer(store).count(stream.records)
    assert store.at([SUBSCRIPTIONS]) == {}
