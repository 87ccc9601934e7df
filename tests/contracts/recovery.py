"""The contracts of circuits, cursors, streams, replays and inboxes, on every DynamoDB."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError
from event_bus import times
from event_bus.model.circuit import Circuit
from event_bus.model.delivery import DeliveryError, DeliveryKey
from event_bus.model.stream_name import StreamName
from event_bus.stores.announced_circuits import AnnouncedCircuits
from event_bus.stores.events import Put
from event_bus.stores.inboxes import InboxStore
from event_bus.stores.replays import DueStep
from event_bus.stores.streams import StreamEnd, StreamEntry, StreamStore

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import LATER, NOON, event, replay
from tests.faults import answer_lost, not_sent


class CircuitsContract:
    """The contract of circuits."""

    def test_a_subscription_that_never_failed_has_none(self, aws: Aws) -> None:
        assert aws.circuits.get_many(["sub_1"]) == {}
        assert aws.circuits.get_many([]) == {}

    def test_a_version_replaces_the_one_before_and_no_other(self, aws: Aws) -> None:
        first = Circuit(failures=1, failing_since=1_000.5, version=1)
        assert aws.circuits.put("sub_1", first)
        assert not aws.circuits.put("sub_1", replace(first, failures=7))
        second = replace(first, state="open", version=2)
        assert aws.circuits.put("sub_1", second)
        assert not aws.circuits.put("sub_1", replace(second, version=4))
        assert aws.circuits.get_many(["sub_1", "sub_2"]) == {"sub_1": second}

    def test_a_circuit_is_forgotten(self, aws: Aws) -> None:
        aws.circuits.put("sub_1", Circuit(version=1))
        aws.circuits.forget("sub_1")
        aws.circuits.forget("sub_1")
        assert aws.circuits.get_many(["sub_1"]) == {}

    def test_a_circuit_is_forgotten_as_it_was_read(self, aws: Aws) -> None:
        first = Circuit(id="cir_1", version=1)
        assert aws.circuits.put("sub_1", first)
        for other in (replace(first, id="cir_2"), replace(first, id=""), replace(first, version=2)):
            assert not aws.circuits.forget("sub_1", other)
        assert aws.circuits.get_many(["sub_1"]) == {"sub_1": first}
        assert aws.circuits.forget("sub_1", first)
        assert aws.circuits.forget("sub_1", first)
        assert aws.circuits.get_many(["sub_1"]) == {}

    def test_a_version_replaces_none_of_another_circuit(self, aws: Aws) -> None:
        assert aws.circuits.put("sub_1", Circuit(id="cir_1", version=1))
        for other in ("cir_2", ""):
            assert not aws.circuits.put("sub_1", Circuit(id=other, version=2))
        assert aws.circuits.put("sub_1", Circuit(id="cir_1", version=2))

    def test_a_circuit_comes_back_with_its_last_error(self, aws: Aws) -> None:
        error = DeliveryError("http_status", "500", NOON)
        circuit = Circuit(failures=1, last_error=error, version=1)
        aws.circuits.put("sub_1", circuit)
        assert aws.circuits.get_many(["sub_1"]) == {"sub_1": circuit}

    def test_a_circuit_changes_together_with_the_event_about_it(self, aws: Aws) -> None:
        announced = AnnouncedCircuits(aws.circuits, aws.events, RETENTION_DAYS)
        first = Circuit(failures=1, version=1)
        assert announced.put("sub_1", first, event("evt_1"))
        assert not announced.put("sub_1", first, event("evt_2"))
        assert aws.events.existing(["evt_1", "evt_2"]) == {"evt_1"}
        changed = replace(first, version=2)
        assert not announced.forget("sub_1", changed, event("evt_3"))
        assert aws.events.existing(["evt_3"]) == set()
        assert announced.forget("sub_1", first, event("evt_3"))
        assert aws.circuits.get_many(["sub_1"]) == {}
        assert aws.events.existing(["evt_3"]) == {"evt_3"}
        # An event that is stored already leaves only the circuit to remove.
        aws.circuits.put("sub_1", first)
        assert not announced.forget("sub_1", changed, event("evt_3"))
        assert announced.forget("sub_1", first, event("evt_3"))
        assert aws.circuits.get_many(["sub_1"]) == {}


class CursorsContract:
    """The contract of cursors."""

    def test_a_cursor_is_held_by_one_and_remembers_its_position(self, aws: Aws) -> None:
        first = aws.cursors.hold("sub_1", "task/1", "a", 60)
        assert first
        assert first.position == ""
        assert aws.cursors.hold("sub_1", "task/1", "b", 60) is None
        assert aws.cursors.hold("sub_1", "task/2", "b", 60)
        assert aws.cursors.release(first, "7")
        second = aws.cursors.hold("sub_1", "task/1", "b", 60)
        assert second
        assert second.position == "7"

    def test_a_cursor_that_was_held_too_long_is_taken_over(self, aws: Aws) -> None:
        first = aws.cursors.hold("sub_1", "task/1", "a", -1)
        second = aws.cursors.hold("sub_1", "task/1", "b", 60)
        assert first
        assert second
        assert not aws.cursors.release(first, "9")
        assert aws.cursors.release(second, "3")
        third = aws.cursors.hold("sub_1", "task/1", "c", 60)
        assert third
        assert third.position == "3"

    def test_a_hold_that_is_repeated_meets_itself(self, aws: Aws) -> None:
        cursors = replace(aws.cursors, client=aws.retrying)
        with answer_lost(aws.retrying, "UpdateItem", aws.carry_out):
            assert cursors.hold("sub_1", "task/1", "a", 60)


TASK_1 = StreamName("planner", "task/1")


@dataclass(frozen=True, slots=True)
class LateReader(StreamStore):
    """Reads a stream at first as it was before its last event."""

    looks: list[str] = field(default_factory=list)

    def end(self, stream: StreamName) -> StreamEnd:
        self.looks.append(stream.stream_id)
        end = StreamStore.end(self, stream)
        return replace(end, version=end.version - 1) if len(self.looks) == 1 else end


class StreamsContract:
    """The contract of events in streams."""

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
        late = replace(aws.events, streams=LateReader(aws.dynamodb, aws.tables["streams"]))
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
        assert aws.streams.version_before(TASK_1, "2026-05-02T12:00:00.000Z") == 2
        assert aws.streams.version_before(TASK_1, "2026-05-01T00:00:00.000Z") == 0
        assert aws.streams.version_before(StreamName("planner", "task/2"), LATER) == 0

    def test_a_stream_whose_times_are_out_of_order_loses_nothing(self, aws: Aws) -> None:
        seconds = ("00.000", "30.000", "29.500", "31.000")
        for number, second in enumerate(seconds, 1):
            entry = StreamEntry(number, f"evt_{number}", f"2026-05-01T00:05:{second}Z")
            aws.dynamodb.put_item(
                **aws.streams.adding_parts(TASK_1, [entry], listed=True)[0].item["Put"]
            )
        assert aws.streams.version_before(TASK_1, "2026-05-01T00:05:29.800Z") == 1
        assert aws.streams.version_before(TASK_1, "2026-05-01T00:05:30.500Z") == 3
        assert aws.streams.version_before(TASK_1, "2026-05-01T00:10:00.000Z") == 4


class ReplaysContract:
    """The contract of replays."""

    def test_a_replay_is_found_and_listed_newest_first(self, aws: Aws) -> None:
        made = [replay("rpl_1"), replay("rpl_2", service_id="other"), replay("rpl_3")]
        for each in made:
            aws.replays.add(each)
        assert aws.replays.get("rpl_2") == made[1]
        assert aws.replays.get("rpl_9") is None
        assert aws.replays.page(None, None, 2) == [made[2], made[1]]
        assert aws.replays.page(None, "rpl_2", 2) == [made[0]]
        assert aws.replays.page("planner", None, 9) == [made[2], made[0]]

    def test_a_replay_moves_on_from_where_it_was_read(self, aws: Aws) -> None:
        before = replay()
        aws.replays.add(before)
        after = replay(position="x", sent=3)
        assert aws.replays.move(before, after)
        assert aws.replays.get("rpl_1") == after
        assert not aws.replays.move(before, replay(position="y"))
        cancelled = replace(after, state="cancelled")
        assert aws.replays.move(after, cancelled)
        assert not aws.replays.move(after, replay(position="z"))
        assert aws.replays.get("rpl_1") == cancelled

    def test_a_move_that_is_repeated_meets_itself(self, aws: Aws) -> None:
        aws.replays.add(replay())
        replays = replace(aws.replays, client=aws.retrying)
        with answer_lost(aws.retrying, "PutItem", aws.carry_out):
            assert replays.move(replay(), replay(sent=3))

    def test_those_whose_next_step_is_due_are_found(self, aws: Aws) -> None:
        at = "2026-05-01T11:00:00.000Z"
        aws.replays.add(replay("rpl_1", updated_at=at))
        aws.replays.add(replay("rpl_2", updated_at="2026-05-01T13:00:00.000Z"))
        aws.replays.add(replay("rpl_3", updated_at=at, state="completed"))
        aws.replays.add(before := replay("rpl_4", updated_at=at))
        assert aws.replays.move(before, replace(before, sent=1), wait=7_200)
        assert aws.replays.due(NOON, 10) == [DueStep("rpl_1", at)]

    def test_a_due_step_is_postponed_unless_its_replay_has_continued(self, aws: Aws) -> None:
        at, later = "2026-05-01T11:00:00.000Z", "2026-05-01T11:01:00.000Z"
        aws.replays.add(replay("rpl_1", updated_at=at))
        aws.replays.add(before := replay("rpl_2", updated_at=at))
        due = aws.replays.due(NOON, 10)
        assert aws.replays.move(before, replace(before, updated_at=later))
        for each in due:
            aws.replays.postpone(each, NOON)
        assert aws.replays.due(NOON, 10) == [DueStep("rpl_2", later)]
        stands = aws.replays.get("rpl_1")
        assert stands == replay("rpl_1", updated_at=at)
        # A step that was read before can still be stored.
        assert aws.replays.move(stands, replace(stands, sent=1))


@dataclass(frozen=True, slots=True)
class LateFiller(InboxStore):
    """Reads an inbox at first as it was before its last entry."""

    looks: list[str] = field(default_factory=list)

    def last(self, subscription_id: str) -> int:
        self.looks.append(subscription_id)
        return InboxStore.last(self, subscription_id) - (len(self.looks) == 1)


class InboxesContract:
    """The contract of inboxes."""

    def _keys(self, *names: str) -> list[DeliveryKey]:
        return [DeliveryKey(name, "sub_1") for name in names]

    def _entries(self, aws: Aws, position: int = 0, limit: int = 10) -> list[tuple[int, str]]:
        found = aws.inboxes.after("sub_1", position, limit)
        return [(each.position, each.key.event_id) for each in found]

    def test_an_inbox_is_numbered_without_gaps(self, aws: Aws) -> None:
        assert aws.inboxes.last("sub_1") == 0
        aws.inboxes.append("sub_1", self._keys("evt_1", "evt_2"))
        aws.inboxes.append("sub_1", self._keys("evt_3"))
        aws.inboxes.append("sub_2", [DeliveryKey("evt_9", "sub_2", "rpl_1")])
        assert aws.inboxes.last("sub_1") == 3
        assert self._entries(aws) == [(1, "evt_1"), (2, "evt_2"), (3, "evt_3")]
        assert self._entries(aws, 1, 1) == [(2, "evt_2")]
        assert self._entries(aws, 3) == []
        [other] = aws.inboxes.after("sub_2", 0, 10)
        assert other.key == DeliveryKey("evt_9", "sub_2", "rpl_1")

    def test_a_late_writer_appends_behind_the_others(self, aws: Aws) -> None:
        aws.inboxes.append("sub_1", self._keys("evt_1"))
        late = LateFiller(aws.dynamodb, aws.tables["inbox"], RETENTION_DAYS)
        late.append("sub_1", self._keys("evt_2", "evt_3"))
        assert self._entries(aws) == [(1, "evt_1"), (2, "evt_2"), (3, "evt_3")]

    def test_a_writer_that_is_too_late_appends_nothing(self, aws: Aws) -> None:
        aws.inboxes.append("sub_1", self._keys("evt_1"), until=times.unix() + 60)
        with pytest.raises(TimeoutError):
            aws.inboxes.append("sub_1", self._keys("evt_2"), until=times.unix() - 1)
        assert self._entries(aws) == [(1, "evt_1")]

    def test_a_pushed_entry_is_marked_for_the_table_stream(self, aws: Aws) -> None:
        aws.inboxes.append("sub_1", self._keys("evt_1"), pushed=True)
        aws.inboxes.append("sub_1", self._keys("evt_2"))
        items = aws.dynamodb.scan(TableName=aws.tables["inbox"])["Items"]
        marked = [item["event_id"]["S"] for item in items if "pushed" in item]
        assert marked == ["evt_1"]

    def test_a_forgotten_inbox_begins_at_its_first_position(self, aws: Aws) -> None:
        aws.inboxes.append("sub_1", self._keys("evt_1"))
        aws.inboxes.forget("sub_1")
        aws.inboxes.forget("sub_1")
        assert aws.inboxes.last("sub_1") == 0

    def test_an_inbox_does_not_hold_an_entry_whose_request_was_not_sent(self, aws: Aws) -> None:
        with (
            not_sent(aws.dynamodb, "TransactWriteItems"),
            pytest.raises(ConnectionClosedError),
        ):
            aws.inboxes.append("sub_1", self._keys("evt_1"))
        assert self._entries(aws) == []
        assert aws.inboxes.last("sub_1") == 0

    def test_expired_entries_of_an_inbox_are_skipped(self, aws: Aws) -> None:
        expired = replace(aws.inboxes, retention_days=-1)
        expired.append("sub_1", self._keys("evt_1", "evt_2", "evt_3"))
        aws.inboxes.append("sub_1", self._keys("evt_4"))
        assert self._entries(aws, 0, 2) == [(4, "evt_4")]
