"""The contract of the archive: events that never expire move there, and stay readable."""

from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError
from event_bus.model.event import Event, EventOrigin
from event_bus.stores import listings
from event_bus.stores.archive import ARCHIVE_PREFIX
from event_bus.stores.archive_runs import ArchiveDamaged
from event_bus.stores.events import Put
from event_bus.stores.listings import ListedEvent
from event_bus.stores.payloads import is_missing

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import LARGE_PAYLOAD, NOON, binary_event, event
from tests.faults import answer_lost, not_sent
from tests.simulation.process import Inline

OLD = "2026-04-01T12:00:00.000Z"


def kept(name: str, **members: Any) -> Event:
    """An event that never expires, stored when it happened."""
    made = event(name, **members)
    return replace(made, kept=True, created_at=made.timestamp)


def of_all_kinds() -> list[Event]:
    """Returns events that never expire, with every member that an item may have."""
    flow = {"correlation_id": "c", "trace_id": "t"}
    sealed = replace(kept("evt_sealed"), sealed="c2VhbGVk", sealed_key="a2V5", hidden_hops=3)
    return [
        kept("evt_small", payload={"n": 1.50, "s": "ü\n", "big": 2**60}, metadata=flow),
        kept("evt_large", payload=LARGE_PAYLOAD),
        sealed,
        replace(binary_event(event_id="evt_binary"), kept=True, created_at=NOON),
        replace(
            kept("evt_schema", metadata={"stream_id": "task/1"}),
            origin=EventOrigin("planner", "key_1", "10.0.0.1"),
            schema_version=3,
            schema_valid=False,
        ),
    ]


def in_lists(aws: Aws, executor: Executor) -> list[list[ListedEvent]]:
    """Returns what all lists show."""
    of_flow = listings.of_correlation("c"), listings.of_trace("t")
    lists = (listings.all_events(), listings.all_odd_events(), *of_flow)
    return [list(aws.events.listed(each, executor).page(("0", "~"), 99).entries) for each in lists]


def move(aws: Aws, executor: Executor, *ids: str, odd: bool = False) -> int:
    """Archives those of some events that never expire; returns their number."""
    archive = aws.event_archive(executor)
    found = archive.kept(ids, odd=odd)
    if found:
        archive.move(found)
    return len(found)


def archived(aws: Aws) -> list[str]:
    """The keys of the objects of the archive."""
    return [each for each in aws.objects() if each.startswith(ARCHIVE_PREFIX)]


def stored(aws: Aws, event_id: str) -> dict[str, Any]:
    """The item of an event."""
    answer = aws.dynamodb.get_item(TableName=aws.tables["events"], Key={"id": {"S": event_id}})
    item: dict[str, Any] = answer["Item"]
    return item


class ArchiveContract:
    """Moving events, and reading them afterwards."""

    def test_an_archived_event_reads_as_before(self, aws: Aws, executor: Executor) -> None:
        events = [aws.events.put(each, RETENTION_DAYS)[1] for each in of_all_kinds()]
        ids = [each.id for each in events]
        # In lists, a large payload is in the bucket.
        listed, shown = aws.events.get_many(ids), in_lists(aws, executor)
        assert move(aws, executor, *ids) == 5
        assert "payload" not in stored(aws, "evt_small")
        assert [aws.events.get(each.id) for each in events] == events
        assert aws.events.get_many([*ids, "evt_none"]) == listed
        assert aws.events.readable(ids) == (listed, set())
        assert in_lists(aws, executor) == shown
        # All are in one object, and there is nothing left to archive.
        assert len(archived(aws)) == 1
        assert move(aws, executor, *ids) == 0

    def test_a_publisher_is_answered_as_before(self, aws: Aws, executor: Executor) -> None:
        first = kept("evt_1", metadata={"stream_id": "task/1"})
        _, in_stream = aws.events.put(first, RETENTION_DAYS)
        alone = kept("evt_2", payload=LARGE_PAYLOAD)
        aws.events.put(alone, RETENTION_DAYS)
        assert move(aws, executor, "evt_1", "evt_2") == 2
        assert aws.events.put(first, RETENTION_DAYS) == (Put.REPEATED, in_stream)
        assert aws.events.append([first], RETENTION_DAYS, 0) == [(Put.REPEATED, in_stream)]
        put, found = aws.events.put(alone, RETENTION_DAYS)
        assert (put, aws.events.with_payload(found)) == (Put.REPEATED, alone)
        for each in (first, alone):
            other = replace(each, digest="other", payload=b"{}", payload_bytes=2)
            assert aws.events.put(other, RETENTION_DAYS)[0] is Put.CONFLICT
        assert aws.events.get("evt_1") == in_stream

    def test_only_what_never_expires_is_archived(self, aws: Aws, executor: Executor) -> None:
        aws.events.put(event("evt_expiring"), RETENTION_DAYS)
        odd = replace(kept("evt_odd", timestamp=OLD), created_at="2026-04-02T12:00:00.000Z")
        for each in (odd, kept("evt_even")):
            aws.events.put(each, RETENTION_DAYS)
        ids = ("evt_expiring", "evt_odd", "evt_even", "evt_none")
        assert move(aws, executor, *ids) == 1
        assert "expires_at" in stored(aws, "evt_expiring")
        assert "payload" in stored(aws, "evt_odd")
        shown = in_lists(aws, executor)
        # It is in a list of its own, sorted by the time of storing.
        assert move(aws, executor, *ids, odd=True) == 1
        assert aws.events.get("evt_odd") == odd
        assert in_lists(aws, executor) == shown
        assert len(archived(aws)) == 2

    @pytest.mark.parametrize("breaks", ["not_sent", "answer_lost"])
    @pytest.mark.parametrize("operation", ["PutObject", "PutItem"])
    def test_an_interrupted_archiving_is_repeated(
        self, aws: Aws, breaks: str, operation: str
    ) -> None:
        events = [kept(f"evt_{number}") for number in range(3)]
        for each in events:
            aws.events.put(each, RETENTION_DAYS)
        ids = [each.id for each in events]
        client: Any = aws.s3 if operation == "PutObject" else aws.dynamodb
        breaking = (
            not_sent(client, operation)
            if breaks == "not_sent"
            else answer_lost(client, operation, aws.carry_out)
        )
        one_by_one: Any = Inline()
        with breaking, pytest.raises(ConnectionClosedError):
            move(aws, one_by_one, *ids)
        assert [aws.events.get(each) for each in ids] == events
        left = 2 if (operation, breaks) == ("PutItem", "answer_lost") else 3
        assert move(aws, one_by_one, *ids) == left
        assert [aws.events.get(each) for each in ids] == events
        assert all("archived" in stored(aws, each) for each in ids)
        # The same events make the same object.
        assert len(archived(aws)) == (1 if left == 3 else 2)

    def test_an_event_that_took_its_place_is_not_replaced(
        self, aws: Aws, executor: Executor
    ) -> None:
        names = ("evt_gone", "evt_other", "evt_expiring", "evt_1")
        for name in names:
            aws.events.put(kept(name), RETENTION_DAYS)
        archive = aws.event_archive(executor)
        found = archive.kept(names, odd=False)
        for name in names[:3]:
            aws.dynamodb.delete_item(TableName=aws.tables["events"], Key={"id": {"S": name}})
        other = event("evt_other", payload={"other": 1})
        # Differs from the event before only in that it expires.
        expiring = replace(kept("evt_expiring"), kept=False)
        for each in (other, expiring):
            aws.events.put(each, RETENTION_DAYS)
        archive.move(found)
        assert "archived" not in stored(aws, "evt_expiring")
        assert aws.events.get("evt_gone") is None
        assert aws.events.get("evt_other") == other
        assert aws.events.get("evt_1") == kept("evt_1")

    def test_an_event_that_cannot_be_read_stays_and_holds_up_no_other(
        self, aws: Aws, executor: Executor
    ) -> None:
        for name in ("evt_1", "evt_broken"):
            aws.events.put(kept(name), RETENTION_DAYS)
        broken = {**stored(aws, "evt_broken"), "metadata": {"S": "{"}}
        aws.dynamodb.put_item(TableName=aws.tables["events"], Item=broken)
        assert move(aws, executor, "evt_1", "evt_broken") == 1
        assert stored(aws, "evt_broken") == broken
        assert aws.events.get("evt_1") == kept("evt_1")

    def test_a_lost_object_differs_from_one_that_cannot_be_read_now(
        self, aws: Aws, executor: Executor
    ) -> None:
        events = {name: kept(name) for name in ("evt_1", "evt_2", "evt_whole")}
        for each in events.values():
            aws.events.put(each, RETENTION_DAYS)
        for names in (("evt_1", "evt_2"), ("evt_whole",)):
            before = archived(aws)
            move(aws, executor, *names)
            if "evt_1" in names:
                [key] = set(archived(aws)) - set(before)
        whole = aws.s3.get_object(Bucket=aws.bucket, Key=key)["Body"].read()
        for content in (None, b"", whole[:-1], b"x" * len(whole)):
            if content is None:
                aws.s3.delete_object(Bucket=aws.bucket, Key=key)
            else:
                aws.s3.put_object(Bucket=aws.bucket, Key=key, Body=content)
            for read in (aws.events.get, lambda each: aws.events.get_many([each])):
                with pytest.raises((ClientError, ArchiveDamaged)) as lost:
                    read("evt_1")
                assert is_missing(lost.value), content
            found, unreadable = aws.events.readable(events)
            assert list(found) == ["evt_whole"]
            assert unreadable == {"evt_1", "evt_2"}
        with not_sent(aws.s3, "GetObject"), pytest.raises(BotoCoreError):
            aws.events.readable(["evt_1"])
        aws.s3.put_object(Bucket=aws.bucket, Key=key, Body=whole)
        assert aws.events.readable(events) == (events, set())
