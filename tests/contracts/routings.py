"""The contract of the store of routing records, on every DynamoDB."""

from dataclasses import replace

import pytest

from tests.aws import Aws
from tests.builders import NOON, delivery, routing
from tests.faults import answer_lost, grudging


class RoutingsContract:
    """The contract of routing records: no write takes matches from one."""

    def test_the_routing_record_of_a_kept_event_never_expires(self, aws: Aws) -> None:
        many = {f"sub_{number}": "worker" for number in range(20_000)}
        aws.routings.record(
            [
                replace(routing("evt_1", sub_1="worker"), kept=True),
                routing("evt_2", sub_1="worker"),
                replace(routing("evt_3", **many), kept=True),
            ]
        )
        items = aws.dynamodb.scan(TableName=aws.tables["deliveries"])["Items"]
        assert len(items) > 3
        expiring = {each["event_id"]["S"] for each in items if "expires_at" in each}
        assert expiring == {"evt_2"}
        assert aws.routings.get_many(["evt_3"])["evt_3"].matched == many

    def test_a_later_record_adds_matches_and_takes_none_away(self, aws: Aws) -> None:
        first = replace(routing("evt_1", sub_1="a", sub_2="b"), held={"sub_1": 1})
        assert aws.routings.record([first]).standing == [first]
        late = routing("evt_1", sub_1="a")
        recorded = aws.routings.record([late, routing("evt_2")])
        assert (recorded.standing, recorded.refused) == ([first, routing("evt_2")], [])
        aws.routings.release(first, ["sub_1"])
        more = replace(
            routing("evt_1", sub_1="a", sub_3="c", sub_4="d"),
            held={"sub_1": 2, "sub_3": 3},
            handler="sub_4",
        )
        both = replace(
            first,
            matched={"sub_1": "a", "sub_2": "b", "sub_3": "c", "sub_4": "d"},
            held={"sub_3": 3},
            handler="sub_4",
        )
        assert aws.routings.record([more]).standing == [both]
        assert aws.deliveries.of_event("evt_1") == (both, [])
        other = replace(routing("evt_1", sub_5="e"), handler="sub_5")
        [standing] = aws.routings.record([other]).standing
        assert standing == replace(both, matched={**both.matched, "sub_5": "e"})
        assert aws.deliveries.of_event("evt_1") == (standing, [])

    def test_of_two_records_of_an_event_at_once_the_first_counts(self, aws: Aws) -> None:
        first = routing("evt_1", sub_1="worker")
        recorded = aws.routings.record([first, routing("evt_1", sub_2="other")])
        assert recorded.standing == [first]
        assert aws.deliveries.of_event("evt_1") == (first, [])

    def test_a_record_whose_answer_was_lost_stands(self, aws: Aws) -> None:
        store = replace(aws, dynamodb=aws.retrying).routings
        with answer_lost(aws.retrying, "PutItem", aws.carry_out):
            assert store.record([routing()]).standing == [routing()]

    @pytest.mark.parametrize(
        ("stored_at", "matched"),
        [
            ("2026-05-01T12:00:30.000Z", {"sub_1": "worker", "sub_2": "other"}),
            ("2026-05-01T12:01:01.000Z", {"sub_2": "other"}),
        ],
    )
    def test_the_record_of_an_earlier_event_with_the_same_id_does_not_count(
        self, aws: Aws, stored_at: str, matched: dict[str, str]
    ) -> None:
        aws.routings.record([replace(routing("evt_1", sub_1="worker"), routed_at=NOON)])
        later = replace(routing("evt_1", sub_2="other"), routed_at=NOON, stored_at=stored_at)
        assert aws.routings.record([later]).standing == [replace(later, matched=matched)]

    def test_what_was_released_is_held_no_longer(self, aws: Aws) -> None:
        paused = replace(routing(sub_1="a", sub_2="b", sub_3="c"), held={"sub_1": 1, "sub_2": 2})
        aws.routings.record([paused])
        aws.routings.release(paused, ["sub_1"])
        # Another router has read the record before.
        aws.routings.release(paused, ["sub_2"])
        aws.routings.release(paused, ["sub_2"])
        released = aws.routings.get_many(["evt_1"])["evt_1"]
        assert released == replace(paused, held={})
        assert released.released == {"sub_1": 1, "sub_2": 2}
        aws.routings.release(replace(paused, event_id="evt_2"), ["sub_1"])
        assert aws.routings.get_many(["evt_2"]) == {}

    def test_more_records_than_one_request_takes(self, aws: Aws) -> None:
        routed = [routing(f"evt_{number}", sub_1="worker") for number in range(110)]
        aws.routings.record(routed)
        found = aws.routings.get_many([each.event_id for each in routed])
        assert found == {each.event_id: each for each in routed}

    def test_a_record_that_exceeds_an_item_is_read_as_a_whole(self, aws: Aws) -> None:
        services = {f"sub_{number:026}": f"service_{number % 7}" for number in range(20_000)}
        held = dict.fromkeys(list(services)[::5], 3)
        wide = replace(routing("evt_2", **services), held=held, limited=True)
        routed = [routing("evt_1", sub_1="worker"), wide, routing("evt_3")]
        assert aws.routings.record(routed).standing == routed
        found = aws.routings.get_many([each.event_id for each in routed], consistent=True)
        assert found == {each.event_id: each for each in routed}
        aws.deliveries.record(delivery(event_id="evt_2"), 1)
        seen, [recorded] = aws.deliveries.of_event("evt_2")
        assert (seen, recorded.key.event_id) == (wide, "evt_2")
        # A function that stood still has matched fewer: its parts are not those of the record.
        late = replace(wide, matched=dict.fromkeys(list(services)[:9_000], "late"), held={})
        assert aws.routings.record([late]).standing == [wide]
        assert aws.deliveries.of_event("evt_2")[0] == wide
        wide = replace(wide, matched={**services, "sub_other": "other"})
        assert aws.routings.record([replace(late, matched={"sub_other": "other"})]).standing == [
            wide
        ]
        assert aws.deliveries.of_event("evt_2")[0] == wide
        aws.routings.release(wide, held)
        assert aws.deliveries.of_event("evt_2")[0] == replace(wide, held={})

    def test_no_records_are_no_request(self, aws: Aws) -> None:
        slow = grudging(aws.dynamodb, 0)
        store = replace(aws, dynamodb=slow).routings
        store.record([])
        assert store.get_many([]) == {}
        assert slow.calls == 0
