"""Appending to event streams: with an expected version, and several events in one append."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError
from event_bus.model.event import Event
from event_bus.model.stream_name import StreamName
from event_bus.stores.deduplication import DeduplicationStore
from event_bus.stores.events import EventStore, Put
from event_bus.stores.refusals import Outdated, StreamDeleted, WrongVersion
from event_bus.stores.stream_times import version_before
from event_bus.stores.streams import (
    ListedStream,
    StreamEnd,
    StreamEntry,
    StreamMarks,
    StreamStore,
    last_with,
)

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import LARGE_PAYLOAD, NOON, event
from tests.contracts.expected_versions import EACH_EXPECTED_VERSION
from tests.faults import answer_lost, not_sent

TASK_1 = StreamName("planner", "task/1")


def in_stream(name: str, **metadata: Any) -> Event:
    return event(name, metadata={"stream_id": "task/1", **metadata})


def versions(aws: Aws) -> list[tuple[int, str]]:
    return [(each.version, each.event_id) for each in aws.streams.after(TASK_1, 0, 99)]


@dataclass(frozen=True)
class Overtaken(StreamStore):
    """Stores another event once, after the last version was read."""

    meanwhile: EventStore | None = None

    def end(self, stream: StreamName) -> StreamEnd:
        end = StreamStore.end(self, stream)
        if self.meanwhile:
            self.meanwhile.put(in_stream("evt_between"), RETENTION_DAYS)
        return end


class ExpectedVersionsContract:
    """The contract of expected versions."""

    @EACH_EXPECTED_VERSION
    def test_an_event_is_stored_if_its_stream_has_the_version(
        self, aws: Aws, stored: int, expected: Any, fits: bool
    ) -> None:
        for number in range(stored):
            aws.events.put(in_stream(f"evt_{number}"), RETENTION_DAYS)
        sent = in_stream("evt_new")
        if fits:
            put, found = aws.events.put(sent, RETENTION_DAYS, expected)
            assert (put, found.stream_version) == (Put.STORED, stored + 1)
            return
        with pytest.raises(WrongVersion) as refusal:
            aws.events.put(sent, RETENTION_DAYS, expected)
        assert refusal.value.version == stored
        assert aws.events.get("evt_new") is None
        assert len(versions(aws)) == stored

    def test_a_repeated_event_finds_itself_after_its_stream_went_on(self, aws: Aws) -> None:
        first = in_stream("evt_1")
        for number in (1, 2, 3):
            aws.events.put(in_stream(f"evt_{number}"), RETENTION_DAYS, number - 1)
        for expected in (0, "none", 2, 3, "exists", None):
            put, stored = aws.events.put(first, RETENTION_DAYS, expected)
            assert (put, stored.stream_version) == (Put.REPEATED, 1)
        other = replace(first, digest="another")
        assert aws.events.put(other, RETENTION_DAYS, 0)[0] is Put.CONFLICT

    def test_an_event_that_came_between_is_a_conflict(self, aws: Aws) -> None:
        streams = Overtaken(aws.table("streams"), aws.events)
        late = replace(aws.events, streams=streams)
        with pytest.raises(WrongVersion) as refusal:
            late.put(in_stream("evt_1"), RETENTION_DAYS, "none")
        assert refusal.value.version == 1
        assert versions(aws) == [(1, "evt_between")]

    def test_a_lost_answer_is_no_conflict(self, aws: Aws) -> None:
        sent = in_stream("evt_1")
        lost = answer_lost(aws.dynamodb, "TransactWriteItems", aws.carry_out)
        with lost, pytest.raises(ConnectionClosedError):
            aws.events.put(sent, RETENTION_DAYS, "none")
        put, stored = aws.events.put(sent, RETENTION_DAYS, "none")
        assert (put, stored.stream_version) == (Put.REPEATED, 1)


def with_keys(aws: Aws) -> EventStore:
    return replace(aws.events, deduplication=DeduplicationStore(aws.table("idempotency")))


class AppendContract:
    """The contract of appends of several events."""

    def test_all_events_follow_each_other_without_a_gap(self, aws: Aws) -> None:
        aws.events.put(in_stream("evt_0"), RETENTION_DAYS)
        events = [in_stream(f"evt_{number}") for number in range(1, 51)]
        results = aws.events.append(events, RETENTION_DAYS, 1)
        assert [put for put, _ in results] == [Put.STORED] * 50
        assert [each.stream_version for _, each in results] == list(range(2, 52))
        assert versions(aws) == [(number + 1, f"evt_{number}") for number in range(51)]
        assert aws.events.get("evt_50") == results[-1][1]

    def test_a_repeated_append_finds_itself(self, aws: Aws) -> None:
        events = [in_stream(f"evt_{number}") for number in range(3)]
        first = aws.events.append(events, RETENTION_DAYS, "none")
        aws.events.put(in_stream("evt_3"), RETENTION_DAYS)
        again = aws.events.append(events, RETENTION_DAYS, "none")
        assert again == [(Put.REPEATED, each) for _, each in first]
        assert len(versions(aws)) == 4

    def test_one_event_that_cannot_be_stored_keeps_out_all(self, aws: Aws) -> None:
        aws.events.put(in_stream("evt_1"), RETENTION_DAYS)
        other = replace(in_stream("evt_1"), digest="another")
        results = aws.events.append([in_stream("evt_0"), other], RETENTION_DAYS)
        assert [put for put, _ in results] == [Put.FREE, Put.CONFLICT]
        results = aws.events.append([in_stream("evt_0"), in_stream("evt_1")], RETENTION_DAYS)
        assert [put for put, _ in results] == [Put.FREE, Put.REPEATED]
        assert aws.events.get("evt_0") is None
        assert versions(aws) == [(1, "evt_1")]

    def test_a_wrong_version_keeps_out_all(self, aws: Aws) -> None:
        with pytest.raises(WrongVersion):
            aws.events.append([in_stream("evt_0"), in_stream("evt_1")], RETENTION_DAYS, 1)
        assert aws.events.get_many(["evt_0", "evt_1"]) == {}
        assert versions(aws) == []

    def test_deduplication_keys_hold(self, aws: Aws) -> None:
        store = with_keys(aws)
        store.put(event("evt_0", metadata={"deduplication_key": "a"}), RETENTION_DAYS)
        events = [in_stream("evt_1", deduplication_key="b"), in_stream("evt_2")]
        results = store.append([*events, in_stream("evt_3", deduplication_key="a")], RETENTION_DAYS)
        assert [put for put, _ in results] == [Put.FREE, Put.FREE, Put.DEDUPLICATED]
        assert results[2][1].id == "evt_0"
        assert versions(aws) == []
        assert [put for put, _ in store.append(events, RETENTION_DAYS)] == [Put.STORED] * 2
        late = in_stream("evt_4", deduplication_key="b")
        assert store.append([late], RETENTION_DAYS)[0][0] is Put.DEDUPLICATED

    def test_large_payloads_lie_in_the_bucket(self, aws: Aws) -> None:
        large = event("evt_1", payload=LARGE_PAYLOAD, metadata={"stream_id": "task/1"})
        aws.events.append([in_stream("evt_0"), large], RETENTION_DAYS)
        found = aws.events.get("evt_1")
        assert found
        assert (found.payload, found.stream_version) == (large.payload, 2)

    @pytest.mark.parametrize("lost", [False, True])
    def test_an_append_without_an_answer_can_be_repeated(self, aws: Aws, lost: bool) -> None:
        events = [in_stream(f"evt_{number}") for number in range(3)]
        operation = "TransactWriteItems"
        fault = (
            answer_lost(aws.dynamodb, operation, aws.carry_out)
            if lost
            else not_sent(aws.dynamodb, operation)
        )
        with fault, pytest.raises(ConnectionClosedError):
            aws.events.append(events, RETENTION_DAYS, "none")
        assert len(versions(aws)) == (3 if lost else 0)
        results = aws.events.append(events, RETENTION_DAYS, "none")
        assert {put for put, _ in results} == {Put.REPEATED if lost else Put.STORED}
        assert [each.stream_version for _, each in results] == [1, 2, 3]


class ListedStreamsContract:
    """The contract of listing, truncating and deleting streams."""

    def _put(self, aws: Aws, *names: str, source: str = "planner") -> None:
        for place, name in enumerate(names):
            sent = event(f"evt_{source}_{place}", source=source, metadata={"stream_id": name})
            aws.events.put(sent, RETENTION_DAYS)

    def _ids(self, found: list[ListedStream]) -> list[str]:
        return [each.name.stream_id for each in found]

    def test_streams_are_listed_once_by_their_source_in_order(self, aws: Aws) -> None:
        self._put(aws, "task/2", "order/1", "task/1", "task/2", "task/1", "task", "task/10")
        self._put(aws, "task/3", source="other")
        whole = aws.streams.listed("planner", " ", last_with(""), None, 9)
        assert self._ids(whole) == ["order/1", "task", "task/1", "task/10", "task/2"]
        assert whole[0].first.event_id == "evt_planner_1"
        assert whole[0].first.version == 1
        some = aws.streams.listed("planner", "task/", last_with("task/"), None, 2)
        assert self._ids(some) == ["task/1", "task/10"]
        rest = aws.streams.listed("planner", "task/", last_with("task/"), "task/10", 2)
        assert self._ids(rest) == ["task/2"]
        assert aws.streams.listed("planner", "task/", last_with("task/"), "task/2", 2) == []
        assert aws.streams.listed("planner", "a", "b", "c", 2) == []

    def test_ids_of_many_bytes_are_listed(self, aws: Aws) -> None:
        name = "task/" + "\U0010fffd" * 251
        self._put(aws, name, "task/a")
        found = aws.streams.listed("planner", "task/", last_with("task/"), None, 9)
        assert self._ids(found) == ["task/a", name]
        assert aws.streams.listed("planner", "task/", last_with("task/"), name, 9) == []

    def test_a_stream_of_an_earlier_release_is_listed_with_its_next_event(self, aws: Aws) -> None:
        [part] = aws.streams.adding_parts(TASK_1, [StreamEntry(1, "evt_old", NOON)], listed=True)
        put = part.item["Put"]
        del put["Item"]["listed"]
        aws.dynamodb.put_item(**put)
        assert aws.streams.end(TASK_1) == StreamEnd(1, listed=False)
        self._put(aws, "task/1", "task/1")
        assert aws.streams.end(TASK_1) == StreamEnd(3, listed=True)
        [found] = aws.streams.listed("planner", "task/1", "task/1", None, 9)
        assert found.first.version == 2

    def test_a_truncation_moves_forward_only(self, aws: Aws) -> None:
        self._put(aws, "task/1", "task/1")
        assert aws.streams.marks(TASK_1) == StreamMarks()
        for version, marked in ((2, 2), (1, 2), (3, 3)):
            aws.streams.truncate(TASK_1, version)
            assert aws.streams.marks(TASK_1) == StreamMarks(marked)
            assert aws.streams.marks(TASK_1).first_visible == marked
        # The bus itself reads the same as before.
        assert [each.version for each in aws.streams.after(TASK_1, 0, 9)] == [1, 2]
        other = StreamName("planner", "task/2")
        assert aws.streams.marks_of([TASK_1, other]) == {TASK_1: StreamMarks(3)}

    def test_a_deleted_stream_takes_no_event(self, aws: Aws) -> None:
        self._put(aws, "task/1", "task/1")
        aws.streams.delete(TASK_1, 2)
        assert aws.streams.end(TASK_1) == StreamEnd(2, listed=True, deleted=True)
        assert aws.streams.marks(TASK_1).deleted_at
        for expected in (None, 2, 3, "exists", "none"):
            with pytest.raises(StreamDeleted):
                aws.events.put(in_stream("evt_new"), RETENTION_DAYS, expected)
        with pytest.raises(StreamDeleted):
            aws.events.append([in_stream("evt_new")], RETENTION_DAYS)
        assert aws.events.get("evt_new") is None
        # A stored event is answered as before, and the end of a stream is not an event.
        again = event("evt_planner_0", metadata={"stream_id": "task/1"})
        assert aws.events.put(again, RETENTION_DAYS)[0] is Put.REPEATED
        assert [each.version for each in aws.streams.after(TASK_1, 0, 9)] == [1, 2]
        for limit in (1, 2, 3):
            back = aws.streams.between(TASK_1, 1, 9, limit, newest_first=True)
            assert [each.version for each in back] == [2, 1][:limit]
        assert version_before(aws.streams, TASK_1, "2000-01-01T00:00:00.000Z") == 0

    def test_a_deletion_does_not_pass_an_event_that_came_between(self, aws: Aws) -> None:
        self._put(aws, "task/1", "task/1")
        with pytest.raises(Outdated):
            aws.streams.delete(TASK_1, 1)
        assert aws.streams.marks(TASK_1) == StreamMarks()
        assert aws.streams.end(TASK_1).deleted is False
