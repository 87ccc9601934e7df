"""The contract of the versions of events in streams, on every DynamoDB."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError
from event_bus.model.stream_name import StreamName
from event_bus.stores.events import Put
from event_bus.stores.stream_times import version_before
from event_bus.stores.streams import StreamEnd, StreamEntry, StreamStore

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import LATER, NOON, event
from tests.faults import answer_lost, not_sent

TASK_1 = StreamName("planner", "task/1")


@dataclass(frozen=True, slots=True)
class LateReader(StreamStore):
    """Reads a stream at first as it was before its last event."""

    looks: list[str] = field(default_factory=list)

    def end(self, stream: StreamName) -> StreamEnd:
        self.looks.append(stream.stream_id)
        end = StreamStore.end(self, stream)
        return replace(end, version=end.version - 1) if len(self.looks) == 1 else end


class StreamVersionsContract:
    """The contract of the versions of events in streams."""

    def _put(self, aws: Aws, name: str, stream: str = "task/1") -> tuple[Put, int]:
        put, stored = aws.events.put(event(name, metadata={"stream_id": stream}), RETENTION_DAYS)
        return put, stored.metadata["stream_version"]

    def test_events_are_numbered_without_gaps_by_stream(self, aws: Aws) -> None:
        assert [self._put(aws, f"evt_{number}") for number in (1, 2, 3)] == [
            (Put.STORED, 1),
            (Put.STORED, 2),
            (Put.STORED, 3),
        ]
        assert self._put(aws, "evt_4", "task/2") == (Put.STORED, 1)
        entries = aws.streams.after(TASK_1, 1, 10)
        assert [(each.version, each.event_id) for each in entries] == [(2, "evt_2"), (3, "evt_3")]
        assert aws.streams.after(TASK_1, 0, 1)[0].event_id == "evt_1"
        between = aws.streams.between(TASK_1, 1, 2, 9, newest_first=True)
        assert [each.version for each in between] == [2, 1]
        assert [each.version for each in aws.streams.between(TASK_1, 2, 9, 1)] == [2]
        assert aws.streams.between(TASK_1, 3, 2, 9) == []
        stored = aws.events.get("evt_2")
        assert stored
        assert stored.metadata == {"stream_id": "task/1", "stream_version": 2}

    def test_each_source_has_streams_of_its_own(self, aws: Aws) -> None:
        self._put(aws, "evt_1")
        sent = event("evt_2", source="outsider", metadata={"stream_id": "task/1"})
        stored = aws.events.put(sent, RETENTION_DAYS)[1]
        assert stored.metadata["stream_version"] == 1
        assert self._put(aws, "evt_3") == (Put.STORED, 2)
        entries = aws.streams.after(StreamName("outsider", "task/1"), 0, 9)
        assert [each.event_id for each in entries] == ["evt_2"]

    def test_a_stream_continues_from_the_number_that_all_sources_shared(self, aws: Aws) -> None:
        for number in (1, 2):
            entry = StreamEntry(number, f"evt_0{number}", NOON)
            put: Any = aws.streams.adding_parts(TASK_1, [entry], listed=True)[0].item["Put"]
            put["Item"]["stream_id"] = {"S": "task/1"}
            aws.dynamodb.put_item(**put)
        assert [self._put(aws, f"evt_{number}") for number in (1, 2)] == [
            (Put.STORED, 3),
            (Put.STORED, 4),
        ]
        sent = event("evt_3", source="outsider", metadata={"stream_id": "task/1"})
        assert aws.events.put(sent, RETENTION_DAYS)[1].metadata["stream_version"] == 3
        assert self._put(aws, "evt_4", "task/2") == (Put.STORED, 1)

    def test_an_event_has_one_place_however_often_it_is_put(self, aws: Aws) -> None:
        self._put(aws, "evt_1")
        assert self._put(aws, "evt_1") == (Put.REPEATED, 1)
        other = event("evt_1", payload={"a": 1}, metadata={"stream_id": "task/1"})
        assert aws.events.put(other, RETENTION_DAYS)[0] is Put.CONFLICT
        assert aws.streams.last_version(TASK_1) == 1

    def test_a_put_whose_answer_was_lost_has_one_place(self, aws: Aws) -> None:
        with (
            answer_lost(aws.dynamodb, "TransactWriteItems", aws.carry_out),
            pytest.raises(ConnectionClosedError),
        ):
            self._put(aws, "evt_1")
        assert self._put(aws, "evt_1") == (Put.REPEATED, 1)
        assert self._put(aws, "evt_2") == (Put.STORED, 2)

    def test_a_place_that_another_took_meanwhile_is_left_to_it(self, aws: Aws) -> None:
        self._put(aws, "evt_1")
        late = replace(aws.events, streams=LateReader(aws.table("streams")))
        put, stored = late.put(event("evt_2", metadata={"stream_id": "task/1"}), RETENTION_DAYS)
        assert (put, stored.metadata["stream_version"]) == (Put.STORED, 2)
        assert [each.event_id for each in aws.streams.after(TASK_1, 0, 9)] == ["evt_1", "evt_2"]

    def test_an_event_whose_request_was_not_sent_has_no_version(self, aws: Aws) -> None:
        with (
            not_sent(aws.dynamodb, "TransactWriteItems"),
            pytest.raises(ConnectionClosedError),
        ):
            self._put(aws, "evt_1")
        assert aws.streams.last_version(TASK_1) == 0
        assert aws.events.get("evt_1") is None

    def test_the_last_place_before_a_moment_is_found(self, aws: Aws) -> None:
        for number in (1, 2, 3):
            entry = StreamEntry(number, f"evt_{number}", f"2026-05-0{number}T00:00:00.000Z")
            put = aws.streams.adding_parts(TASK_1, [entry], listed=True)[0].item["Put"]
            aws.dynamodb.put_item(**put)
        assert version_before(aws.streams, TASK_1, "2026-05-02T12:00:00.000Z") == 2
        assert version_before(aws.streams, TASK_1, "2026-05-01T00:00:00.000Z") == 0
        assert version_before(aws.streams, StreamName("planner", "task/2"), LATER) == 0

    def test_a_stream_whose_times_are_out_of_order_loses_nothing(self, aws: Aws) -> None:
        seconds = ("00.000", "30.000", "29.500", "31.000")
        for number, second in enumerate(seconds, 1):
            entry = StreamEntry(number, f"evt_{number}", f"2026-05-01T00:05:{second}Z")
            aws.dynamodb.put_item(
                **aws.streams.adding_parts(TASK_1, [entry], listed=True)[0].item["Put"]
            )
        assert version_before(aws.streams, TASK_1, "2026-05-01T00:05:29.800Z") == 1
        assert version_before(aws.streams, TASK_1, "2026-05-01T00:05:30.500Z") == 3
        assert version_before(aws.streams, TASK_1, "2026-05-01T00:10:00.000Z") == 4
