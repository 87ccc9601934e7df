"""The contract of the store of deliveries, on every DynamoDB."""

from dataclasses import replace

import pytest
from botocore.exceptions import ConnectionClosedError
from event_bus import times
from event_bus.model import transitions
from event_bus.model.delivery import (
    Attempt,
    Delivery,
    DeliveryError,
    DeliveryKey,
    DeliveryStatus,
)
from event_bus.stores.delivery_items import SHARDS, shard_of
from event_bus.stores.due_deliveries import DueDelivery

from tests.aws import Aws
from tests.builders import LATER, NOON, delivery, routing
from tests.faults import answer_lost

KEY = DeliveryKey("evt_1", "sub_1")


def waiting(due_at: str = NOON, **members: object) -> Delivery:
    """Returns a dead letter that waits for its next attempt."""
    return replace(
        delivery("retrying", next_retry_at=due_at, waiting=True, dead_letter_id="dl_1"),
        **members,  # type: ignore[arg-type]
    )


def due(aws: Aws) -> list[DueDelivery]:
    """Returns the due deliveries of all shards."""
    return [each for shard in range(SHARDS) for each in aws.due.page(shard, times.now(), 10)]


class DeliveriesContract:
    """The contract of deliveries, and of routing records beside them."""

    def test_an_unrouted_event_has_no_record(self, aws: Aws) -> None:
        assert aws.deliveries.of_event("evt_1") == (None, [])
        assert aws.routings.get_many(["evt_1"]) == {}
        assert aws.deliveries.get(KEY) is None

    def test_routing_and_deliveries_stand_beside_each_other(self, aws: Aws) -> None:
        routed = replace(routing("evt_1", sub_1="worker", sub_2="other"), limited=True)
        aws.routings.record([routed])
        log = (Attempt(1, NOON, 12, "http_status", "500", 500, "no"), Attempt(2, NOON, 8))
        replayed = replace(delivery(), key=DeliveryKey("evt_1", "sub_1", "rpl_1"), log=log)
        failed = delivery("retrying", subscription_id="sub_2", attempts=3)
        for each in (delivery(), replayed, failed):
            assert aws.deliveries.record(each, each.attempts) is None
        aws.deliveries.record(delivery(event_id="evt_2"), 1)
        assert aws.deliveries.of_event("evt_1") == (routed, [delivery(), replayed, failed])
        assert aws.deliveries.get(replayed.key) == replayed
        keys = [replayed.key, failed.key, DeliveryKey("evt_9", "sub_9")]
        assert aws.deliveries.get_many(keys) == {replayed.key: replayed, failed.key: failed}

    @pytest.mark.parametrize("later", ["retrying", "exhausted", "dropped", "delivered"])
    def test_no_later_outcome_undoes_a_success(self, aws: Aws, later: DeliveryStatus) -> None:
        success = delivery(attempts=2)
        assert aws.deliveries.record(success, 2) is None
        assert aws.deliveries.record(delivery(later, attempts=3), 3) == success
        assert aws.deliveries.get(KEY) == success

    @pytest.mark.parametrize("earlier", ["retrying", "exhausted", "dropped"])
    def test_a_success_counts_whatever_was_before(self, aws: Aws, earlier: DeliveryStatus) -> None:
        aws.deliveries.record(delivery(earlier, attempts=2), 2)
        late = delivery(attempts=1)
        assert aws.deliveries.record(late, 1) is None
        assert aws.deliveries.get(KEY) == late

    def test_a_later_failure_replaces_an_earlier_one(self, aws: Aws) -> None:
        aws.deliveries.record(delivery("retrying"), 1)
        error = DeliveryError("http_status", "500", NOON)
        last = replace(delivery("exhausted", attempts=5), last_error=error, dead_letter_id="dl_1")
        assert aws.deliveries.record(last, 5) is None
        assert aws.deliveries.get(KEY) == last

    @pytest.mark.parametrize("settled", ["exhausted", "dropped"])
    def test_a_settled_delivery_does_not_fail_again(
        self, aws: Aws, settled: DeliveryStatus
    ) -> None:
        stands = delivery(settled, attempts=2)
        aws.deliveries.record(stands, 2)
        assert aws.deliveries.record(delivery("retrying", attempts=3), 3) == stands

    def test_of_two_messages_about_one_attempt_the_first_counts(self, aws: Aws) -> None:
        first = delivery("retrying", attempts=2, written_by="m-1")
        assert aws.deliveries.record(first, 2) is None
        second = delivery("retrying", attempts=2, written_by="m-2")
        assert aws.deliveries.record(second, 2) == first
        assert aws.deliveries.get(KEY) == first

    def test_a_record_whose_answer_was_lost_is_met_again(self, aws: Aws) -> None:
        failed = delivery("retrying")
        lost = answer_lost(aws.dynamodb, "UpdateItem", aws.carry_out)
        with lost, pytest.raises(ConnectionClosedError):
            aws.deliveries.record(failed, 1)
        assert aws.deliveries.record(failed, 1) == failed
        again = replace(aws, dynamodb=aws.retrying).deliveries
        with answer_lost(aws.retrying, "UpdateItem", aws.carry_out):
            assert again.record(replace(failed, attempts=2), 2) == replace(failed, attempts=2)

    def test_a_claim_holds_until_its_outcome_is_recorded(self, aws: Aws) -> None:
        first = aws.claims.take(delivery("pending"), "c-1", 60, once=False)
        assert first.epoch == 1
        assert (first.delivery.status, first.delivery.service_id) == ("pending", "worker")
        second = aws.claims.take(delivery("pending"), "c-2", 60, once=False)
        assert second.epoch is None
        assert second.lease_until == first.lease_until > times.unix()
        assert aws.deliveries.record(delivery("retrying"), 1, epoch=1) is None
        assert aws.claims.take(delivery("pending"), "c-2", 60, once=False).epoch == 2

    def test_a_claim_that_is_repeated_meets_itself(self, aws: Aws) -> None:
        again = replace(aws, dynamodb=aws.retrying).claims
        with answer_lost(aws.retrying, "UpdateItem", aws.carry_out):
            assert again.take(delivery("pending"), "c-1", 60, once=True).epoch == 2

    def test_a_claim_that_has_lapsed_can_be_taken_over(self, aws: Aws) -> None:
        aws.claims.take(delivery("pending"), "c-1", -1, once=False)
        assert aws.claims.take(delivery("pending"), "c-2", 60, once=False).epoch == 2
        # The failure of the first claim does not count against the second.
        stands = aws.deliveries.record(delivery("retrying"), 1, epoch=1)
        assert stands
        assert (stands.status, stands.attempts) == ("pending", 0)
        # Its success does.
        assert aws.deliveries.record(delivery(), 1, epoch=1) is None

    def test_a_claim_for_the_only_attempt_is_never_taken_over(self, aws: Aws) -> None:
        aws.claims.take(delivery("pending"), "c-1", -1, once=True)
        second = aws.claims.take(delivery("pending"), "c-2", 60, once=True)
        assert second.epoch is None
        assert second.lease_until < times.unix()

    def test_the_only_attempt_may_follow_attempts_of_another_guarantee(self, aws: Aws) -> None:
        aws.claims.take(delivery("pending"), "c-1", 60, once=False)
        assert aws.claims.take(delivery("pending"), "c-2", 60, once=True).epoch is None
        aws.deliveries.record(delivery("retrying"), 1, epoch=1)
        assert aws.claims.take(delivery("pending"), "c-2", 60, once=True).epoch == 2
        # Another message records that the delivery waits, while the only attempt is under way.
        aws.deliveries.record(waiting(attempts=1), 2)
        assert aws.claims.take(delivery("pending"), "c-3", 60, once=True).epoch is None
        assert aws.claims.take(delivery("pending"), "c-4", 60, once=False).epoch == 3

    def test_the_only_attempt_never_follows_a_claim_without_an_outcome(self, aws: Aws) -> None:
        aws.claims.take(delivery("pending"), "c-1", -1, once=False)
        assert aws.claims.take(delivery("pending"), "c-2", 60, once=True).epoch is None

    @pytest.mark.parametrize("settled", ["delivered", "exhausted", "dropped"])
    def test_a_settled_delivery_cannot_be_claimed(self, aws: Aws, settled: DeliveryStatus) -> None:
        aws.deliveries.record(delivery(settled), 1)
        claim = aws.claims.take(delivery("pending"), "c-1", 60, once=False)
        assert (claim.epoch, claim.delivery.status) == (None, settled)

    def test_a_retry_whose_message_comes_late_is_not_due_before(self, aws: Aws) -> None:
        aws.deliveries.record(delivery("retrying", next_retry_at=NOON), 1)
        late = times.at(times.unix() - 1_790)
        aws.deliveries.comes_at(KEY, 2, late)
        stored = aws.deliveries.get(KEY)
        assert stored
        assert (stored.next_retry_at, stored.waiting) == (late, False)
        assert due(aws) == []
        aws.deliveries.comes_at(KEY, 2, times.at(times.unix() - 1_810))
        assert [each.key for each in due(aws)] == [KEY]

    @pytest.mark.parametrize(
        "stored",
        [waiting(), delivery("retrying", attempts=2), delivery("exhausted"), delivery(), None],
    )
    def test_only_a_retry_on_its_lane_comes_late(self, aws: Aws, stored: Delivery | None) -> None:
        if stored:
            aws.deliveries.record(stored, stored.attempts)
        before = aws.deliveries.get(KEY)
        aws.deliveries.comes_at(KEY, 2, LATER)
        assert aws.deliveries.get(KEY) == before

    def test_a_waiting_delivery_is_due_at_its_time(self, aws: Aws) -> None:
        aws.deliveries.record(waiting(attempts=3, round_start=1), 3)
        later = replace(waiting(LATER), key=DeliveryKey("evt_2", "sub_1"))
        aws.deliveries.record(later, 1)
        aws.deliveries.record(delivery(event_id="evt_3"), 1)
        assert due(aws) == [DueDelivery(KEY, "worker", NOON, 3, 1, "http")]
        stored = aws.deliveries.get(KEY)
        assert stored
        assert stored.waiting

    def test_a_page_of_due_deliveries_has_at_most_the_asked_number_the_earliest(
        self, aws: Aws
    ) -> None:
        for number, at in enumerate((LATER, NOON, "2026-05-01T12:00:01.000Z")):
            key = DeliveryKey("evt_1", f"sub_{number}")
            aws.deliveries.record(waiting(at, key=key, dead_letter_id=f"dl_{number}"), 1)
        shard = int(shard_of("evt_1"))
        assert [each.due_at for each in aws.due.page(shard, "~", 2)] == [
            NOON,
            "2026-05-01T12:00:01.000Z",
        ]
        assert len(aws.due.page(shard, "~", 3)) == 3

    def test_a_delivery_on_its_lane_falls_due_in_case_its_message_is_lost(self, aws: Aws) -> None:
        aws.deliveries.record(delivery("retrying", next_retry_at=NOON), 1)
        [found] = due(aws)
        assert found.due_at == "2026-05-01T12:30:00.000Z"
        stored = aws.deliveries.get(KEY)
        assert stored
        assert not stored.waiting

    def test_a_postponed_delivery_is_due_later_until_its_record(self, aws: Aws) -> None:
        aws.deliveries.record(waiting(), 1)
        [found] = due(aws)
        assert aws.due.postpone(found, LATER, waits=False)
        assert due(aws) == []
        shown = aws.deliveries.get(KEY)
        assert shown
        assert (shown.next_retry_at, shown.waiting) == (NOON, False)
        # Another sweeper that had read it as well is too late.
        assert not aws.due.postpone(found, "2099-01-01T00:00:00.000Z", waits=False)
        assert aws.due.postpone(found, LATER, waits=True)
        assert aws.deliveries.record(delivery(attempts=2), 2) is None
        assert not aws.due.postpone(found, NOON, waits=True)
        assert due(aws) == []

    def test_a_dead_letter_is_reopened_with_a_new_round(self, aws: Aws) -> None:
        letter = delivery("exhausted", attempts=4, dead_letter_id="dl_1")
        aws.deliveries.record(letter, 4)
        reopened = aws.dead_letters.reopen(transitions.reopened(letter))
        assert reopened
        assert (reopened.status, reopened.attempts, reopened.round_start) == ("retrying", 4, 4)
        assert due(aws) == []
        # Another caller that read it at the same time is too late.
        assert aws.dead_letters.reopen(transitions.reopened(letter)) is None
        assert aws.dead_letters.reopen(transitions.reopened(reopened)) is None
        aws.deliveries.record(delivery("exhausted", attempts=5), 5)
        assert aws.dead_letters.reopen(transitions.reopened(letter)) is None

    def test_a_dead_letter_that_was_attempted_meanwhile_is_not_reopened(self, aws: Aws) -> None:
        aws.deliveries.record(waiting(), 1)
        aws.deliveries.record(waiting(attempts=2), 2)
        assert aws.dead_letters.reopen(transitions.reopened(waiting())) is None

    def test_only_a_success_is_recorded_after_a_person_has_retried(self, aws: Aws) -> None:
        before = delivery("exhausted", attempts=0, dead_letter_id="dl_1")
        aws.deliveries.record(before, 1)
        reopened = aws.dead_letters.reopen(transitions.reopened(before))
        assert reopened
        assert aws.deliveries.record(delivery("retrying", attempts=1), 1) == reopened
        assert aws.deliveries.record(before, 1) == reopened
        assert aws.deliveries.record(replace(reopened, status="exhausted"), 1) is None
        stored = aws.deliveries.get(KEY)
        assert stored
        # Twice in a row: the count of the first retry is not enough.
        again = aws.dead_letters.reopen(transitions.reopened(stored))
        assert again
        assert aws.deliveries.record(replace(reopened, status="exhausted"), 1) == again
        assert aws.deliveries.record(delivery(attempts=1), 1) is None

    def test_a_reopened_delivery_without_a_message_waits_in_the_table(self, aws: Aws) -> None:
        letter = delivery("exhausted", dead_letter_id="dl_1")
        aws.deliveries.record(letter, 1)
        reopened = aws.dead_letters.reopen(transitions.reopened(letter))
        assert reopened
        # Another caller has written it meanwhile.
        aws.dead_letters.leave_to_sweep(replace(reopened, written_by="req_other"))
        assert due(aws) == []
        aws.dead_letters.leave_to_sweep(reopened)
        [found] = due(aws)
        assert found.due_at == reopened.next_retry_at
        stored = aws.deliveries.get(KEY)
        assert stored
        assert (stored.status, stored.waiting) == ("retrying", True)

    def test_a_waiting_delivery_is_reopened_unless_it_is_on_its_lane(self, aws: Aws) -> None:
        aws.deliveries.record(waiting(), 1)
        [found] = due(aws)
        aws.due.postpone(found, LATER, waits=False)
        assert aws.dead_letters.reopen(transitions.reopened(waiting())) is None
        aws.due.postpone(replace(found, due_at=LATER), LATER, waits=True)
        assert aws.dead_letters.reopen(transitions.reopened(waiting())) is not None

    def test_a_reopening_whose_answer_was_lost_counts_as_done(self, aws: Aws) -> None:
        store = replace(aws, dynamodb=aws.retrying).dead_letters
        letter = waiting()
        aws.deliveries.record(letter, 1)
        with answer_lost(aws.retrying, "UpdateItem", aws.carry_out):
            assert store.reopen(transitions.reopened(letter)) is not None
        with answer_lost(aws.retrying, "UpdateItem", aws.carry_out):
            assert store.discard(transitions.discarded(letter, "worker"))

    def test_a_dead_letter_that_was_delivered_is_neither_reopened_nor_discarded(
        self, aws: Aws
    ) -> None:
        letter = waiting()
        aws.deliveries.record(letter, 1)
        aws.deliveries.record(delivery(attempts=2), 2)
        assert aws.dead_letters.reopen(transitions.reopened(letter)) is None
        assert not aws.dead_letters.discard(transitions.discarded(letter, "worker"))

    def test_a_discarded_dead_letter_is_not_delivered(self, aws: Aws) -> None:
        aws.deliveries.record(waiting(), 1)
        discarded = transitions.discarded(waiting(), "worker")
        assert aws.dead_letters.discard(discarded)
        assert not aws.dead_letters.discard(discarded)
        stored = aws.deliveries.get(KEY)
        assert stored
        assert (stored.status, stored.last_error, stored.next_retry_at) == (
            "dropped",
            discarded.last_error,
            None,
        )
        # It stays due until a message has continued its stream.
        [found] = aws.due.page(int(shard_of("evt_1")), "9", 10)
        assert found.key == KEY
        aws.deliveries.continued(replace(stored, written_by="req_other"))
        assert aws.due.page(int(shard_of("evt_1")), "9", 10) == [found]
        aws.deliveries.continued(stored)
        assert aws.due.page(int(shard_of("evt_1")), "9", 10) == []
        assert aws.deliveries.get(KEY) == replace(stored, continues=False)

    @pytest.mark.parametrize("status", ["retrying", "exhausted"])
    def test_a_dead_letter_is_discarded_whether_it_waits_or_not(
        self, aws: Aws, status: DeliveryStatus
    ) -> None:
        letter = delivery(status, dead_letter_id="dl_1")
        aws.deliveries.record(letter, 1)
        assert aws.dead_letters.discard(transitions.discarded(letter, "worker"))

    def test_dead_letters_are_listed_newest_first_and_found_by_id(self, aws: Aws) -> None:
        ids = [f"dl_{number:02d}" for number in range(12)]
        for number, name in enumerate(ids):
            key = DeliveryKey(f"evt_{number}", "sub_1")
            service = "other" if number % 3 == 0 else "worker"
            letter = waiting(LATER, key=key, dead_letter_id=name, service_id=service)
            aws.deliveries.record(letter, 1)
        aws.deliveries.record(delivery(event_id="evt_99"), 1)
        newest = [each.id for each in aws.dead_letters.page(None, ("0", "~"), 5)]
        assert newest == ids[:-6:-1]
        between = aws.dead_letters.page(None, ("dl_02", "dl_04"), 100)
        assert [each.id for each in between] == ["dl_04", "dl_03", "dl_02"]
        own = aws.dead_letters.page("other", ("0", "~"), 100)
        assert [each.id for each in own] == ["dl_09", "dl_06", "dl_03", "dl_00"]
        found = aws.dead_letters.get("dl_07")
        assert found
        assert found.key == DeliveryKey("evt_7", "sub_1")
        assert aws.dead_letters.get("dl_77") is None

    def test_a_dead_letter_keeps_its_id(self, aws: Aws) -> None:
        aws.deliveries.record(waiting(), 1)
        aws.deliveries.record(waiting(attempts=2, dead_letter_id="dl_2"), 2)
        stored = aws.deliveries.get(KEY)
        assert stored
        assert stored.dead_letter_id == "dl_1"
        assert len(aws.dead_letters.page(None, ("0", "~"), 10)) == 1
