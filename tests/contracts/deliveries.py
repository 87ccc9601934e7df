"""What the store of deliveries promises, on whatever it stands."""

from dataclasses import replace

import pytest
from botocore.exceptions import ConnectionClosedError
from event_bus.model.delivery import DeliveryStatus

from tests.aws import Aws
from tests.builders import delivery, routing
from tests.faults import answer_lost, grudging


class DeliveriesContract:
    """How outcomes and routings are kept."""

    def test_of_an_event_that_was_not_routed_nothing_is_known(self, aws: Aws) -> None:
        assert aws.deliveries.of_event("evt_1") == (None, [])
        assert aws.deliveries.routings(["evt_1"]) == {}

    def test_routing_and_outcomes_stand_beside_each_other(self, aws: Aws) -> None:
        routed = routing("evt_1", sub_1="worker", sub_2="other")
        aws.deliveries.record_routings([routed])
        outcomes = [delivery(), delivery("retrying", subscription_id="sub_2", attempts=3)]
        for each in outcomes:
            aws.deliveries.record(each)
        aws.deliveries.record(delivery(event_id="evt_2"))
        assert aws.deliveries.of_event("evt_1") == (routed, outcomes)

    @pytest.mark.parametrize("later", ["retrying", "exhausted", "dropped"])
    def test_no_later_outcome_undoes_a_success(self, aws: Aws, later: DeliveryStatus) -> None:
        success = delivery(attempts=2)
        aws.deliveries.record(success)
        aws.deliveries.record(delivery(later, attempts=3))
        assert aws.deliveries.of_event("evt_1") == (None, [success])

    def test_a_success_takes_the_error_away(self, aws: Aws) -> None:
        aws.deliveries.record(delivery("retrying"))
        success = delivery(attempts=2)
        aws.deliveries.record(success)
        assert aws.deliveries.of_event("evt_1") == (None, [success])

    def test_a_later_failure_replaces_an_earlier_one(self, aws: Aws) -> None:
        aws.deliveries.record(delivery("retrying"))
        last = replace(delivery("exhausted", attempts=5), last_error={"code": "http_status"})
        aws.deliveries.record(last)
        assert aws.deliveries.of_event("evt_1") == (None, [last])

    def test_an_outcome_whose_answer_was_lost_can_be_recorded_again(self, aws: Aws) -> None:
        lost = answer_lost(aws.dynamodb, "UpdateItem", aws.carry_out)
        with lost, pytest.raises(ConnectionClosedError):
            aws.deliveries.record(delivery())
        aws.deliveries.record(delivery())
        assert aws.deliveries.of_event("evt_1") == (None, [delivery()])

    def test_an_event_that_is_routed_again_has_one_record(self, aws: Aws) -> None:
        aws.deliveries.record_routings([routing("evt_1", sub_1="worker")])
        again = routing("evt_1", sub_1="worker", sub_2="other")
        aws.deliveries.record_routings([again])
        assert aws.deliveries.of_event("evt_1") == (again, [])

    def test_two_records_of_an_event_at_once_are_one(self, aws: Aws) -> None:
        later = routing("evt_1", sub_2="other")
        aws.deliveries.record_routings([routing("evt_1", sub_1="worker"), later])
        assert aws.deliveries.of_event("evt_1") == (later, [])

    def test_more_records_than_one_request_takes(self, aws: Aws) -> None:
        routed = [routing(f"evt_{number}", sub_1="worker") for number in range(110)]
        aws.deliveries.record_routings(routed)
        found = aws.deliveries.routings([each.event_id for each in routed])
        assert found == {each.event_id: each for each in routed}

    def test_what_was_left_unwritten_is_written_again(self, aws: Aws) -> None:
        slow = replace(aws.deliveries, client=grudging(aws.dynamodb, 4))
        routed = [routing(f"evt_{number}") for number in range(30)]
        slow.record_routings(routed)
        assert len(aws.deliveries.routings([each.event_id for each in routed])) == 30

    def test_a_table_that_never_writes_is_given_up(self, aws: Aws) -> None:
        never = replace(aws.deliveries, client=grudging(aws.dynamodb, 0))
        with pytest.raises(TimeoutError):
            never.record_routings([routing()])

    def test_no_records_are_no_request(self, aws: Aws) -> None:
        slow = grudging(aws.dynamodb, 0)
        store = replace(aws.deliveries, client=slow)
        store.record_routings([])
        assert store.routings([]) == {}
        assert slow.calls == 0
