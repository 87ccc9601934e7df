"""What the event store promises, on whatever it stands."""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import replace

import pytest
from botocore.exceptions import ConnectionClosedError
from event_bus.model.event import Event
from event_bus.stores import events as strands
from event_bus.stores.events import EventStore, Put, Strand

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import LARGE_PAYLOAD, event
from tests.faults import answer_lost, grudging, not_sent

ALL = ("0", "~")


class PutContract:
    """How events are stored."""

    def test_a_stored_event_is_read_back_as_it_was(self, aws: Aws) -> None:
        sent = event(payload={"n": 1.5, "s": "ü"}, metadata={"trace_id": "t", "own": "x"})
        assert aws.events.put(sent, RETENTION_DAYS) == (Put.STORED, sent)
        assert aws.events.get(sent.id) == sent
        assert aws.events.get_many([sent.id, sent.id, "evt_none"]) == {sent.id: sent}

    def test_there_is_no_event_that_was_not_stored(self, aws: Aws) -> None:
        assert aws.events.get("evt_1") is None

    def test_a_repeated_event_is_one_event_the_first(self, aws: Aws) -> None:
        first = event()
        aws.events.put(first, RETENTION_DAYS)
        again = replace(first, created_at="2026-05-02T00:00:00.000Z")
        assert aws.events.put(again, RETENTION_DAYS) == (Put.REPEATED, first)
        assert aws.events.get(first.id) == first

    def test_another_event_of_the_same_id_is_a_conflict(self, aws: Aws) -> None:
        first = event()
        aws.events.put(first, RETENTION_DAYS)
        assert aws.events.put(event(payload={"other": 1}), RETENTION_DAYS) == (Put.CONFLICT, first)
        assert aws.events.get(first.id) == first

    def test_an_expired_event_is_gone_and_its_id_free(self, aws: Aws) -> None:
        aws.events.put(event(), -1)
        assert aws.events.get("evt_1") is None
        assert aws.events.get_many(["evt_1"]) == {}
        other = event(payload={"other": 1})
        assert aws.events.put(other, RETENTION_DAYS) == (Put.STORED, other)
        assert aws.events.get("evt_1") == other

    def test_a_large_payload_lies_in_the_bucket(self, aws: Aws) -> None:
        sent = event(payload=LARGE_PAYLOAD)
        aws.events.put(sent, RETENTION_DAYS)
        assert len(aws.objects()) == 1
        assert aws.events.get(sent.id) == sent
        listed = aws.events.get_many([sent.id])[sent.id]
        assert listed == replace(sent, payload=None)
        assert aws.events.with_payload(listed) == sent

    def test_a_conflicting_large_payload_leaves_the_first(self, aws: Aws) -> None:
        first = event(payload=LARGE_PAYLOAD)
        aws.events.put(first, RETENTION_DAYS)
        other = event(payload={"text": "y" * len(LARGE_PAYLOAD["text"])})
        put, stored = aws.events.put(other, RETENTION_DAYS)
        assert put is Put.CONFLICT
        assert aws.events.with_payload(stored) == first
        assert aws.events.get("evt_1") == first

    def test_a_repeated_large_event_is_one_event(self, aws: Aws) -> None:
        first = event(payload=LARGE_PAYLOAD)
        aws.events.put(first, RETENTION_DAYS)
        assert aws.events.put(first, RETENTION_DAYS)[0] is Put.REPEATED
        assert len(aws.objects()) == 1

    def test_no_event_points_at_a_payload_that_is_not_there(self, aws: Aws) -> None:
        sent = event(payload=LARGE_PAYLOAD)
        with not_sent(aws.s3, "PutObject"), pytest.raises(ConnectionClosedError):
            aws.events.put(sent, RETENTION_DAYS)
        assert aws.events.get(sent.id) is None
        with not_sent(aws.dynamodb, "PutItem"), pytest.raises(ConnectionClosedError):
            aws.events.put(sent, RETENTION_DAYS)
        assert len(aws.objects()) == 1

    def test_a_put_that_was_not_sent_can_be_sent_again(self, aws: Aws) -> None:
        with not_sent(aws.dynamodb, "PutItem"), pytest.raises(ConnectionClosedError):
            aws.events.put(event(), RETENTION_DAYS)
        assert aws.events.get("evt_1") is None
        assert aws.events.put(event(), RETENTION_DAYS)[0] is Put.STORED

    def test_a_put_whose_answer_was_lost_is_no_conflict_for_the_publisher(self, aws: Aws) -> None:
        sent = event()
        lost = answer_lost(aws.dynamodb, "PutItem", aws.carry_out)
        with lost, pytest.raises(ConnectionClosedError):
            aws.events.put(sent, RETENTION_DAYS)
        assert aws.events.put(sent, RETENTION_DAYS) == (Put.REPEATED, sent)

    def test_a_put_that_the_client_repeats_meets_itself(self, aws: Aws) -> None:
        store = EventStore(aws.retrying, aws.tables["events"], aws.payloads)
        sent = event()
        with answer_lost(aws.retrying, "PutItem", aws.carry_out):
            assert store.put(sent, RETENTION_DAYS) == (Put.REPEATED, sent)

    def test_any_number_of_events_is_read_at_once(self, aws: Aws) -> None:
        ids = [f"evt_{number}" for number in range(120)]
        for each in ids:
            aws.events.put(event(each), RETENTION_DAYS)
        assert aws.events.get_many(ids).keys() == set(ids)

    def test_what_the_table_left_unread_is_asked_for_again(self, aws: Aws) -> None:
        ids = ["evt_1", "evt_2", "evt_3"]
        for each in ids:
            aws.events.put(event(each), RETENTION_DAYS)
        slow = replace(aws.events, client=grudging(aws.dynamodb, 1))
        assert slow.get_many(ids).keys() == set(ids)

    def test_a_table_that_never_reads_is_given_up(self, aws: Aws) -> None:
        never = replace(aws.events, client=grudging(aws.dynamodb, 0))
        with pytest.raises(TimeoutError):
            never.get_many(["evt_1"])


def _moments() -> Iterator[Event]:
    for minute in range(6):
        yield event(
            f"evt_{minute}",
            "task.created",
            "planner",
            timestamp=f"2026-05-01T12:0{minute}:00.000Z",
            metadata={"correlation_id": "c", "trace_id": "t"},
        )


class ListContract:
    """How events are listed."""

    @pytest.mark.parametrize(
        "holding",
        [
            strands.all_events(),
            strands.of_domain("task"),
            strands.of_source("planner"),
            strands.of_correlation("c"),
            strands.of_trace("t"),
        ],
        ids=lambda holding: holding[0].index,
    )
    @pytest.mark.parametrize("newest_first", [False, True])
    def test_every_index_lists_its_events_in_order(
        self, aws: Aws, executor: Executor, holding: list[Strand], newest_first: bool
    ) -> None:
        events = list(_moments())
        for each in events:
            aws.events.put(each, RETENTION_DAYS)
        aws.events.put(
            event("evt_other", "role.made", "other", metadata={"correlation_id": "x"}),
            RETENTION_DAYS,
        )
        entries = aws.events.pages(holding, ALL, 10, executor, newest_first=newest_first)
        expected = [each.id for each in sorted(events, key=lambda e: e.timestamp)]
        if newest_first:
            expected.reverse()
        found = [entry.id for entry in entries if entry.id != "evt_other"]
        assert found == expected
        assert ("evt_other" in [entry.id for entry in entries]) == (holding[0].index == "by_time")
        first = next(entry for entry in entries if entry.id == "evt_0")
        assert (first.type, first.source) == ("task.created", "planner")
        assert (first.correlation_id, first.trace_id) == ("c", "t")
        assert first.position == f"{events[0].timestamp}#evt_0"

    def test_an_event_without_ids_has_none_in_its_entry(self, aws: Aws, executor: Executor) -> None:
        aws.events.put(event(), RETENTION_DAYS)
        [entry] = aws.events.pages(strands.all_events(), ALL, 10, executor, newest_first=True)
        assert entry.correlation_id is None
        assert entry.trace_id is None

    def test_both_bounds_are_included(self, aws: Aws) -> None:
        for each in _moments():
            aws.events.put(each, RETENTION_DAYS)
        [strand] = strands.of_trace("t")
        between = ("2026-05-01T12:01:00.000Z#evt_1", "2026-05-01T12:03:00.000Z#evt_3")
        forward = aws.events.page(strand, between, 10, newest_first=False)
        assert [entry.id for entry in forward] == ["evt_1", "evt_2", "evt_3"]
        back = aws.events.page(strand, between, 2, newest_first=True)
        assert [entry.id for entry in back] == ["evt_3", "evt_2"]

    def test_bounds_in_the_wrong_order_hold_nothing(self, aws: Aws) -> None:
        assert aws.events.page(strands.all_events()[0], ("b", "a"), 10, newest_first=True) == []

    def test_an_event_of_several_strands_is_listed_once(self, aws: Aws, executor: Executor) -> None:
        for each in _moments():
            aws.events.put(each, RETENTION_DAYS)
        several = strands.of_source("planner") + strands.of_domain("task")
        entries = aws.events.pages(several, ALL, 4, executor, newest_first=True)
        assert [entry.id for entry in entries] == ["evt_5", "evt_4", "evt_3", "evt_2"]
