"""Each event of a batch is checked and stored for itself."""

import itertools
import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from event_bus.errors import InvalidRequest, Unavailable, VersionConflict
from event_bus.model.event import Event
from event_bus.model.stream_name import StreamName
from event_bus.publishing.intake import MAX_BATCH, Accepted, Intake
from event_bus.requests.event import accept
from event_bus.stores.events import EventStore, Put

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import event, submission
from tests.faults import broken
from tests.unit.event_bus.publishing.taking import PLANNER, intake, pointers, statuses

__all__ = ["intake"]


def test_a_batch_is_answered_in_its_order(aws: Aws, intake: Intake) -> None:
    sent = [submission(id=f"evt_{number}") for number in range(MAX_BATCH)]
    results = intake.take_all(sent, PLANNER)
    assert [isinstance(each, Accepted) and each.event.id for each in results] == [
        each["id"] for each in sent
    ]
    assert len(aws.events.get_many([each["id"] for each in sent])) == MAX_BATCH


def test_a_fault_of_one_event_does_not_affect_the_others(intake: Intake) -> None:
    sent = [
        submission(),
        submission("role.made"),
        {"type": "task.created"},
        submission(),
        submission(source="other"),
        7,
    ]
    results = intake.take_all(sent, PLANNER)
    assert statuses(results) == [202, 403, 422, 202, 403, 422]
    assert pointers(results[1]) == ["/1/type"]
    assert pointers(results[2]) == ["/2/payload"]
    assert pointers(results[4]) == ["/4/source"]
    assert pointers(results[5]) == ["/5"]


def test_of_equal_ids_in_one_batch_the_first_counts(aws: Aws, intake: Intake) -> None:
    sent = [
        submission(id="evt_own", payload={"a": 1}),
        submission(id="evt_own", payload={"a": 1}),
        submission(id="evt_own", payload={"a": 2}),
        submission(id="evt_own", payload={"a": 1}),
    ]
    results = intake.take_all(sent, PLANNER)
    assert statuses(results) == [202, 200, 409, 200]
    assert pointers(results[2]) == ["/2/id"]
    stored = aws.events.get("evt_own")
    assert stored is not None
    assert stored.payload == b'{"a":1}'


@dataclass(frozen=True, slots=True)
class HesitantStore(EventStore):
    """Takes its time with the first event."""

    slow: list[float] = field(default_factory=lambda: [0.1])

    def put(
        self, event: Event, retention_days: int, expected: int | str | None = None
    ) -> tuple[Put, Event]:
        if self.slow:
            time.sleep(self.slow.pop())
        return EventStore.put(self, event, retention_days, expected)


def test_the_first_counts_even_where_it_takes_longest(aws: Aws, intake: Intake) -> None:
    store = HesitantStore(aws.table("events"), aws.payloads)
    sent = [submission(id="evt_own", payload={"a": number}) for number in range(3)]
    assert statuses(replace(intake, store=store).take_all(sent, PLANNER)) == [202, 409, 409]


@dataclass(frozen=True, slots=True)
class FailingStore(EventStore):
    """Cannot store one event."""

    failing: str = ""

    def put(
        self, event: Event, retention_days: int, expected: int | str | None = None
    ) -> tuple[Put, Event]:
        if event.id == self.failing:
            raise broken()
        return EventStore.put(self, event, retention_days, expected)


@dataclass(frozen=True)
class SlowFirst(EventStore):
    """Takes longer over the first event of the stream task/1."""

    def put(
        self, event: Event, retention_days: int, expected: int | str | None = None
    ) -> tuple[Put, Event]:
        if event.metadata.get("stream_id") == "task/1":
            time.sleep(0.1)
        return EventStore.put(self, event, retention_days, expected)


@pytest.mark.parametrize("stream", [None, "task/2"])
def test_the_first_of_an_id_counts_whatever_its_stream(
    aws: Aws, intake: Intake, stream: str | None
) -> None:
    slow = SlowFirst(aws.table("events"), aws.payloads, aws.streams)
    intake = replace(intake, store=slow)
    streams: list[str | None] = ["task/2", "task/2", "task/2", "task/1", stream]
    names = ["evt_0", "evt_1", "evt_2", "evt_own", "evt_own"]
    batch = [
        submission(id=name, metadata={"stream_id": each} if each else {})
        for name, each in zip(names, streams, strict=True)
    ]
    assert statuses(intake.take_all(batch, PLANNER)) == [202, 202, 202, 202, 409]
    stored = aws.events.get("evt_own")
    assert stored
    assert stored.stream == StreamName("planner", "task/1")
    assert aws.streams.last_version(StreamName("planner", "task/1")) == 1
    assert aws.streams.last_version(StreamName("planner", "task/2")) == 3


def test_the_events_of_a_stream_stand_in_it_as_they_were_sent(aws: Aws, intake: Intake) -> None:
    batch = [submission(id=f"evt_{n}", metadata={"stream_id": f"task/{n % 2}"}) for n in range(12)]
    intake.take_all(batch, PLANNER)
    for stream in (0, 1):
        entries = aws.streams.after(StreamName("planner", f"task/{stream}"), 0, 50)
        assert [each.event_id for each in entries] == [f"evt_{n}" for n in range(stream, 12, 2)]


@pytest.mark.parametrize("reason", ["TransactionConflict", "ThrottlingError"])
def test_a_batch_takes_its_places_in_a_stream_among_competing_events(
    aws: Aws, intake: Intake, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    batch = [submission(id=f"evt_{n}", metadata={"stream_id": "task/1"}) for n in range(6)]
    transact, calls = aws.dynamodb.transact_write_items, itertools.count()

    def compete(**request: Any) -> Any:
        number = next(calls)
        if number % 3 == 0:
            # Another publisher takes the version that was read.
            other = event(f"evt_other_{number}", metadata={"stream_id": "task/1"})
            monkeypatch.setattr(aws.dynamodb, "transact_write_items", transact)
            aws.events.put(other, RETENTION_DAYS)
            monkeypatch.setattr(aws.dynamodb, "transact_write_items", compete)
        if number % 3 == 1:
            reasons = [{"Code": "None"}, {"Code": reason}]
            error: Any = {
                "Error": {"Code": "TransactionCanceledException", "Message": "cancelled"},
                "CancellationReasons": reasons,
            }
            raise ClientError(error, "TransactWriteItems")
        return transact(**request)

    monkeypatch.setattr(aws.dynamodb, "transact_write_items", compete)
    assert statuses(intake.take_all(batch, PLANNER)) == [202] * 6
    entries = aws.streams.after(StreamName("planner", "task/1"), 0, 50)
    stored = [each.event_id for each in entries if "other" not in each.event_id]
    assert stored == [each["id"] for each in batch]
    assert len(entries) == 12


def test_one_put_that_fails_does_not_touch_the_others(aws: Aws, intake: Intake) -> None:
    store = FailingStore(aws.table("events"), aws.payloads, failing="evt_1")
    sent = [submission(id=f"evt_{number}") for number in range(3)]
    results = replace(intake, store=store).take_all(sent, PLANNER)
    assert statuses(results) == [202, 503, 202]
    assert isinstance(results[1], Unavailable)
    assert "evt_1" in results[1].detail
    assert aws.events.get_many(["evt_0", "evt_1", "evt_2"]).keys() == {"evt_0", "evt_2"}


@pytest.mark.parametrize("size", [0, MAX_BATCH + 1])
def test_a_batch_has_a_size(intake: Intake, size: int) -> None:
    with pytest.raises(InvalidRequest, match="1 to 100 events"):
        intake.take_all([submission()] * size, PLANNER)


@dataclass(frozen=True, slots=True)
class MeetingStore(EventStore):
    """Stores an event only once another is being stored."""

    barrier: threading.Barrier = threading.Barrier(4)  # noqa: RUF009

    def put(
        self, event: Event, retention_days: int, expected: int | str | None = None
    ) -> tuple[Put, Event]:
        self.barrier.wait(5)
        return EventStore.put(self, event, retention_days, expected)


def test_the_events_of_a_batch_are_stored_side_by_side(aws: Aws, intake: Intake) -> None:
    store = MeetingStore(aws.table("events"), aws.payloads)
    results = replace(intake, store=store).take_all([submission()] * 4, PLANNER)
    assert statuses(results) == [202] * 4


@pytest.mark.parametrize("step", ["accept", "EventStore.put"])
def test_a_fault_of_the_bus_with_one_event_is_not_its_neighbours(
    aws: Aws, intake: Intake, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    module = "event_bus.publishing.intake" if step == "accept" else "event_bus.stores.events"
    sound = accept if step == "accept" else EventStore.put

    def picky(*arguments: Any) -> Any:
        if any(getattr(each, "id", None) == "evt_own" for each in arguments):
            raise RecursionError
        return sound(*arguments)

    monkeypatch.setattr(f"{module}.{step}", picky)
    sent = [submission(), submission(id="evt_own"), submission()]
    assert statuses(intake.take_all(sent, PLANNER)) == [202, 500, 202]
    assert aws.events.get("evt_own") is None


def test_a_version_that_is_not_there_refuses_its_event_alone(aws: Aws, intake: Intake) -> None:
    def sent(name: str, expected: Any, stream: str = "task/1") -> dict[str, Any]:
        return submission(id=name, stream={"id": stream, "expected_version": expected})

    batch = [
        sent("evt_1", "none"),
        sent("evt_2", 0),
        sent("evt_3", 1),
        sent("evt_4", "exists", "task/2"),
        sent("evt_5", 2),
        sent("evt_1", 9),
    ]
    results = intake.take_all(batch, PLANNER)
    assert statuses(results) == [202, 409, 202, 409, 202, 200]
    assert pointers(results[1]) == ["/1/stream/expected_version"]
    assert isinstance(results[1], VersionConflict)
    assert results[1].document()["actual_version"] == 1
    assert isinstance(results[3], VersionConflict)
    assert results[3].document()["actual_version"] == 0
    entries = aws.streams.after(StreamName("planner", "task/1"), 0, 9)
    assert [each.event_id for each in entries] == ["evt_1", "evt_3", "evt_5"]
