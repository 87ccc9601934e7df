"""Old events that never expire are archived, each once, and whatever is in the way is passed."""

from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError
from event_bus import times
from event_bus.maintenance import archiving
from event_bus.maintenance.archiving import Archiver
from event_bus.stores.event_items import is_stub

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import NOON, event
from tests.faults import not_sent

_DAY = 86_400.0
AFTER_DAYS = 30


class Clock:
    """A clock that tests move; a read of it may take time."""

    def __init__(self) -> None:
        self.now = times.seconds(NOON)
        self.passes = 0.0

    def unix(self) -> float:
        return self.now

    def steady(self) -> float:
        self.now += self.passes
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(times, "unix", clock.unix)
    return clock


def archiver(aws: Aws, executor: Executor, clock: Clock) -> Archiver:
    archive = aws.event_archive(executor)
    return Archiver(aws.events, archive, aws.cursors, executor, AFTER_DAYS, clock.steady)


def store(aws: Aws, *names: str, ago: float = 0, happened: float = 0, kept: bool = True) -> None:
    """Stores events; `happened` is how many seconds earlier than it was stored each happened."""
    for name in names:
        at = times.at(times.unix() - ago)
        stamp = times.at(times.unix() - ago - happened)
        made = event(name, timestamp=stamp, metadata={"stream_id": "task/1"})
        made = replace(made, kept=kept, created_at=at)
        aws.events.put(made, RETENTION_DAYS)


def archived(aws: Aws, *names: str) -> list[str]:
    """Which of some events are archived."""
    table = aws.tables["events"]
    items = [
        aws.dynamodb.get_item(TableName=table, Key={"id": {"S": name}})["Item"] for name in names
    ]
    return [each["id"]["S"] for each in items if is_stub(each)]


def test_events_are_archived_once_they_are_old(aws: Aws, executor: Executor, clock: Clock) -> None:
    store(aws, "evt_old", "evt_expiring", ago=31 * _DAY)
    store(aws, "evt_short", ago=31 * _DAY, kept=False)
    store(aws, "evt_young", ago=29 * _DAY)
    # A late record is as old as its place in the table.
    store(aws, "evt_late", ago=2 * _DAY, happened=400 * _DAY)
    store(aws, "evt_once_late", ago=40 * _DAY, happened=400 * _DAY)
    names = ("evt_old", "evt_expiring", "evt_young", "evt_late", "evt_once_late")
    before = {name: aws.events.get(name) for name in names}
    job = archiver(aws, executor, clock)
    assert job.run(20) == 3
    assert archived(aws, *names) == ["evt_old", "evt_expiring", "evt_once_late"]
    assert job.run(20) == 0
    clock.now += 2 * _DAY
    assert job.run(20) == 1
    clock.now += 30 * _DAY
    assert job.run(20) == 1
    assert archived(aws, *names) == list(names)
    assert {name: aws.events.get(name) for name in names} == before
    assert [aws.events.get("evt_short")] == [None]


def test_an_idle_run_reads_two_cursors_and_no_more(
    aws: Aws, executor: Executor, clock: Clock
) -> None:
    store(aws, "evt_old", ago=31 * _DAY)
    job = archiver(aws, executor, clock)
    job.run(20)
    made: list[str] = []
    client: Any = aws.dynamodb
    intercept = client.intercept

    def count(service: str, operation: str, carry_out: Any) -> Any:
        made.append(operation)
        return intercept(service, operation, carry_out)

    client.intercept = count
    clock.now += archiving.INTERVAL_SECONDS - 60
    assert job.run(20) == 0
    assert made == ["GetItem", "GetItem"]
    clock.now += 120
    assert job.run(20) == 0
    # Once an hour, each list is looked at: a lease, its partitions, and the end of the lease.
    assert made.count("UpdateItem") == 4


def test_a_run_ends_in_time_and_the_next_run_continues(
    aws: Aws, executor: Executor, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"evt_{number:02}" for number in range(40)]
    for place, name in enumerate(names):
        store(aws, name, ago=40 * _DAY - place)
    monkeypatch.setattr(archiving, "_AT_ONCE", 4)
    clock.passes = 1.0
    job = archiver(aws, executor, clock)
    done = [job.run(6) for _ in range(20)]
    assert sum(done) == 40
    assert 0 < done[0] < 40
    assert archived(aws, *names) == names
    # No time at all is no fault.
    assert job.run(-5) == 0


def test_objects_are_bounded_by_events_and_bytes(
    aws: Aws, executor: Executor, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        store(aws, f"evt_{number:02}", ago=40 * _DAY - number)
    monkeypatch.setattr(archiving, "_AT_ONCE", 7)
    monkeypatch.setattr(archiving, "MOST_EVENTS", 10)
    assert archiver(aws, executor, clock).run(20) == 30
    assert 3 <= len(aws.objects()) <= 5
    store(aws, *(f"evt_more_{number}" for number in range(4)), ago=30 * _DAY)
    before = len(aws.objects())
    monkeypatch.setattr(archiving, "MOST_BYTES", 1)
    clock.now += _DAY
    assert archiver(aws, executor, clock).run(20) == 4
    assert len(aws.objects()) == before + 4


@pytest.mark.parametrize("operation", ["PutObject", "PutItem", "BatchGetItem"])
def test_a_failed_run_is_done_again(
    aws: Aws, executor: Executor, clock: Clock, operation: str
) -> None:
    names = ["evt_1", "evt_2", "evt_3"]
    store(aws, *names, ago=31 * _DAY)
    job = archiver(aws, executor, clock)
    client: Any = aws.s3 if operation == "PutObject" else aws.dynamodb
    with not_sent(client, operation), pytest.raises(ConnectionClosedError):
        job.run(20)
    job.run(20)
    assert archived(aws, *names) == names


def test_an_event_that_cannot_be_archived_is_passed(
    aws: Aws, executor: Executor, clock: Clock
) -> None:
    store(aws, "evt_1", "evt_broken", "evt_2", ago=31 * _DAY)
    table = aws.tables["events"]
    item = aws.dynamodb.get_item(TableName=table, Key={"id": {"S": "evt_broken"}})["Item"]
    aws.dynamodb.put_item(TableName=table, Item={**item, "payload_bytes": {"S": "many"}})
    job = archiver(aws, executor, clock)
    assert job.run(20) == 2
    assert archived(aws, "evt_1", "evt_broken", "evt_2") == ["evt_1", "evt_2"]
    clock.now += _DAY
    assert job.run(20) == 0


def test_two_archivers_do_not_meet(aws: Aws, executor: Executor, clock: Clock) -> None:
    store(aws, "evt_1", ago=31 * _DAY)
    held = aws.cursors.hold("archiver", "by_cell", "other", 60)
    assert held
    assert archiver(aws, executor, clock).run(20) == 0
    clock.now += 120
    assert archiver(aws, executor, clock).run(20) == 1
