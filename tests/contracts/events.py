"""The contract of the event store, on every backend."""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError
from event_bus.model.event import Event
from event_bus.querying.event_query import EventQuery
from event_bus.stores import event_lists, listings
from event_bus.stores.events import EventStore, Put
from event_bus.stores.listings import EventSelector, Listing
from event_bus.stores.table import Table

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import BESIDE_PLANNER, LARGE_PAYLOAD, event
from tests.faults import answer_lost, grudging, not_sent

ALL = ("0", "~")


class PutContract:
    """The contract of storing events."""

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

    def test_an_expired_event_is_not_found_and_its_id_is_free(self, aws: Aws) -> None:
        aws.events.put(event(), -1)
        assert aws.events.get("evt_1") is None
        assert aws.events.get_many(["evt_1"]) == {}
        other = event(payload={"other": 1})
        assert aws.events.put(other, RETENTION_DAYS) == (Put.STORED, other)
        assert aws.events.get("evt_1") == other

    def test_an_event_that_is_kept_never_expires(self, aws: Aws) -> None:
        small, large = (
            replace(event(name, payload=payload), kept=True)
            for name, payload in (("evt_1", {"a": 1}), ("evt_2", LARGE_PAYLOAD))
        )
        for each in (small, large):
            # Another event of its id would have expired by now.
            assert aws.events.put(each, -1) == (Put.STORED, each)
            assert aws.events.get(each.id) == each
            assert aws.events.put(each, -1)[0] is Put.REPEATED
            other = replace(event(each.id, payload={"other": 1}), kept=True)
            assert aws.events.put(other, -1)[0] is Put.CONFLICT
        assert [each.expires_at for each in aws.events.get_many(["evt_1", "evt_2"]).values()] == [
            None,
            None,
        ]
        # The lifecycle rule of the bucket deletes objects under events/.
        assert [each.split("/")[:2] for each in aws.objects()] == [["kept", "evt_2"]]
        # Two events with the same id have payloads of their own, kept or not.
        expiring = event("evt_2", payload={"text": "y" * len(LARGE_PAYLOAD["text"])})
        assert aws.events.put(expiring, RETENTION_DAYS)[0] is Put.CONFLICT
        assert aws.events.get("evt_2") == large

    def test_a_large_payload_lies_in_the_bucket(self, aws: Aws) -> None:
        sent = event(payload=LARGE_PAYLOAD)
        aws.events.put(sent, RETENTION_DAYS)
        assert len(aws.objects()) == 1
        assert aws.events.get(sent.id) == sent
        listed = aws.events.get_many([sent.id])[sent.id]
        assert listed == replace(sent, payload=None)
        assert aws.events.with_payload(listed) == sent

    @pytest.mark.parametrize("payload", [{"a": 1}, LARGE_PAYLOAD], ids=["small", "large"])
    def test_the_sealed_part_of_a_payload_comes_back_with_it(
        self, aws: Aws, payload: dict[str, Any]
    ) -> None:
        sent = replace(event(payload=payload), sealed="sealed-part")
        aws.events.put(sent, RETENTION_DAYS)
        assert aws.events.get(sent.id) == sent
        assert aws.events.find(sent.id) == (sent, False)

    def test_an_event_that_cannot_be_read_is_told_from_one_that_is_not_there(
        self, aws: Aws
    ) -> None:
        aws.events.put(event(), RETENTION_DAYS)
        assert aws.events.find("evt_none") == (None, False)
        assert aws.events.existing(["evt_1", "evt_none"]) == {"evt_1"}
        aws.dynamodb.update_item(
            TableName=aws.tables["events"],
            Key={"id": {"S": "evt_1"}},
            UpdateExpression="SET metadata = :broken",
            ExpressionAttributeValues={":broken": {"S": "{"}},
        )
        assert aws.events.find("evt_1") == (None, True)
        assert aws.events.existing(["evt_1"]) == {"evt_1"}

    def test_a_table_that_answers_passes_its_probe(self, aws: Aws) -> None:
        aws.events.probe()
        with not_sent(aws.dynamodb, "GetItem"), pytest.raises(ConnectionClosedError):
            aws.events.probe()

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
        store = EventStore(Table(aws.retrying, aws.tables["events"]), aws.payloads)
        sent = event()
        with answer_lost(aws.retrying, "PutItem", aws.carry_out):
            assert store.put(sent, RETENTION_DAYS) == (Put.REPEATED, sent)

    def test_any_number_of_events_is_read_at_once(self, aws: Aws) -> None:
        ids = [f"evt_{number}" for number in range(120)]
        for each in ids:
            aws.events.put(event(each), RETENTION_DAYS)
        assert aws.events.get_many(ids).keys() == set(ids)

    def test_unprocessed_keys_are_read_again(self, aws: Aws) -> None:
        ids = ["evt_1", "evt_2", "evt_3"]
        for each in ids:
            aws.events.put(event(each), RETENTION_DAYS)
        slow = replace(aws, dynamodb=grudging(aws.dynamodb, 1)).events
        assert slow.get_many(ids).keys() == set(ids)

    def test_a_table_that_never_reads_ends_in_an_error(self, aws: Aws) -> None:
        never = replace(aws, dynamodb=grudging(aws.dynamodb, 0)).events
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
    """The contract of listing events."""

    @pytest.mark.parametrize(
        ("listing", "others"),
        [
            (listings.all_events(), ["evt_other", "evt_same_source"]),
            (listings.with_any(EventSelector(domain="task")), []),
            (listings.with_any(EventSelector(source="planner")), ["evt_same_source"]),
            (listings.with_any(EventSelector("planner", "task")), []),
            (
                listings.with_any(EventSelector("planner", "task"), EventSelector("other", "role")),
                ["evt_other"],
            ),
            (listings.of_correlation("c"), []),
            (listings.of_trace("t"), []),
            (listings.of_correlation("c") + listings.of_trace("t"), []),
        ],
        ids=["all", "domain", "source", "both", "any", "correlation", "trace", "flow"],
    )
    @pytest.mark.parametrize("newest_first", [False, True])
    def test_every_list_holds_its_events_in_order(
        self,
        aws: Aws,
        executor: Executor,
        listing: Listing,
        others: list[str],
        newest_first: bool,
    ) -> None:
        events = list(_moments())
        for each in events:
            aws.events.put(each, RETENTION_DAYS)
        for name, kind, source in (
            ("evt_other", "role.made", "other"),
            # Types that begin alike may have different first segments.
            ("evt_same_source", "tasks.made", "planner"),
        ):
            made = event(name, kind, source, metadata={"correlation_id": "x"})
            aws.events.put(made, RETENTION_DAYS)
        page = aws.events.listed(listing, executor, newest_first=newest_first).page(ALL, 10)
        assert page.reached is None
        expected = [each.id for each in sorted(events, key=lambda e: e.timestamp)]
        if newest_first:
            expected.reverse()
        found = [entry.id for entry in page.entries]
        assert [each for each in found if each not in others] == expected
        assert sorted(set(found) - set(expected)) == others
        first = next(entry for entry in page.entries if entry.id == "evt_0")
        assert (first.type, first.source) == ("task.created", "planner")
        assert (first.correlation_id, first.trace_id) == ("c", "t")
        assert first.position == f"{events[0].timestamp}#evt_0"

    def test_a_type_of_one_segment_is_of_its_domain(self, aws: Aws, executor: Executor) -> None:
        aws.events.put(event("evt_1", "eventbus"), RETENTION_DAYS)
        listing = listings.with_any(EventSelector(domain="eventbus"))
        [entry] = aws.events.listed(listing, executor).page(ALL, 10).entries
        assert entry.type == "eventbus"

    def test_an_event_without_ids_has_none_in_its_entry(self, aws: Aws, executor: Executor) -> None:
        aws.events.put(event(), RETENTION_DAYS)
        all_events = listings.all_events()
        [entry] = aws.events.listed(all_events, executor).page(ALL, 10).entries
        assert entry.correlation_id is None
        assert entry.trace_id is None

    def test_both_bounds_are_included(self, aws: Aws, executor: Executor) -> None:
        for each in _moments():
            aws.events.put(each, RETENTION_DAYS)
        listing = listings.of_trace("t")
        between = ("2026-05-01T12:01:00.000Z#evt_1", "2026-05-01T12:03:00.000Z#evt_3")
        forward = aws.events.listed(listing, executor, newest_first=False).page(between, 10)
        assert [entry.id for entry in forward.entries] == ["evt_1", "evt_2", "evt_3"]
        back = aws.events.listed(listing, executor).page(between, 2)
        assert [entry.id for entry in back.entries] == ["evt_3", "evt_2"]
        assert back.reached == back.entries[-1].position

    def test_bounds_in_the_wrong_order_hold_nothing(self, aws: Aws, executor: Executor) -> None:
        page = aws.events.listed(listings.all_events(), executor).page(("b", "a"), 10)
        assert (page.entries, page.reached) == ((), None)

    @pytest.mark.parametrize("newest_first", [False, True])
    @pytest.mark.parametrize("depth", [1, 2, 3, 7])
    def test_a_list_is_read_without_a_gap(
        self, aws: Aws, executor: Executor, depth: int, newest_first: bool
    ) -> None:
        for number, each in enumerate(_moments()):
            source = ("planner", "worker", "other")[number % 3]
            aws.events.put(replace(each, source=source), RETENTION_DAYS)
        listing = listings.with_any(EventSelector(source="planner"), EventSelector(source="worker"))
        found: list[str] = []
        first, last = ALL
        for _ in range(12):
            listed = aws.events.listed(listing, executor, newest_first=newest_first)
            page = listed.page((first, last), depth)
            found += [entry.id for entry in page.entries]
            if page.reached is None:
                break
            if newest_first:
                last = page.reached[:-1]
            else:
                first = page.reached + " "
        expected = ["evt_0", "evt_1", "evt_3", "evt_4"]
        assert found == (expected[::-1] if newest_first else expected)

    def test_filtered_entries_count_as_read(self, aws: Aws, executor: Executor) -> None:
        for number in range(4):
            aws.events.put(event(f"evt_{number}", source=BESIDE_PLANNER), RETENTION_DAYS)
        listing = listings.with_any(EventSelector("planner", "task"))
        page = aws.events.listed(listing, executor).page(ALL, 10)
        assert (page.entries, page.reached, page.looked_at) == ([], None, 4)

    @pytest.mark.parametrize("newest_first", [False, True])
    def test_a_search_for_rare_events_deepens_and_ends(
        self,
        aws: Aws,
        executor: Executor,
        monkeypatch: pytest.MonkeyPatch,
        newest_first: bool,
    ) -> None:
        for number in range(40):
            aws.events.put(event(f"evt_{number:02}", source=BESIDE_PLANNER), RETENTION_DAYS)
        listing = listings.with_any(EventSelector("planner", "task"))
        query = EventQuery(order="newest" if newest_first else "oldest")

        def looked_at(behind: str | None) -> tuple[list[int], str | None]:
            listed = aws.events.listed(listing, executor, newest_first=newest_first)
            pages = list(listed.pages(query.between, behind, 1))
            assert not any(each.entries for each in pages)
            return [each.looked_at for each in pages], pages[-1].reached

        [*some, _], reached = looked_at(None)
        assert reached is None
        assert some == sorted(some)
        assert len(some) < 5
        monkeypatch.setattr(event_lists, "LOOK_BUDGET", 20)
        turns, behind = 0, None
        while turns == 0 or behind:
            counts, behind = looked_at(behind)
            assert sum(counts) < 20 + len(listing.partitions)
            turns += 1
        assert 1 < turns < 10
