"""The contract of the store of subscriptions, on every DynamoDB."""

from concurrent.futures import Executor
from dataclasses import replace

import orjson
import pytest
from botocore.exceptions import ConnectionClosedError
from event_bus.model.api_keys import ApiKey
from event_bus.model.routing_rule import RoutingRule
from event_bus.model.target import UnknownTarget
from event_bus.stores import items
from event_bus.stores.refusals import KeyTaken, Outdated, QuotaReached
from event_bus.stores.subscription_counts import Counts
from event_bus.stores.transactions import transact
from event_bus.targets.sqs import SqsTarget

from tests.aws import Aws
from tests.builders import NOON, subscription
from tests.faults import answer_lost, grudging, not_sent


def _changes(aws: Aws, after: int = 0) -> list[RoutingRule]:
    return aws.routing_rules_after(after)


class SubscriptionsContract:
    """The contract of subscriptions and their changes."""

    def test_a_subscription_is_read_back_as_it_was(self, aws: Aws) -> None:
        filters = {"task.*": {"priority": [{"numeric": [">", 1.0]}, None]}}
        stored = aws.subscriptions.create(subscription(filters=filters))
        assert stored == subscription(filters=filters, version=1)
        assert aws.subscriptions.get("sub_1") == stored
        assert aws.subscriptions.get("sub_2") is None
        assert aws.subscriptions.get_many(["sub_1", "sub_1", "sub_2"]) == {"sub_1": stored}

    def test_an_external_id_is_kept_beside_the_document(self, aws: Aws) -> None:
        """Functions of an earlier version read the document, and do not know this member."""
        queue = SqsTarget("arn:aws:sqs:us-east-1:1:a", "https://sqs/1/a", role_arn="arn:role")
        former = aws.subscriptions.create(subscription("sub_1", target=queue))
        named = replace(queue, external_id="event-bus/1/us-east-1/prod/worker")
        stored = aws.subscriptions.create(subscription("sub_2", target=named))
        assert aws.subscriptions.get("sub_1") == former
        assert aws.subscriptions.get("sub_2") == stored
        assert stored.target == named
        assert aws.subscriptions.page("worker", None, 10) == [former, stored]
        for id_ in ("sub_1", "sub_2"):
            item = aws.dynamodb.get_item(
                TableName=aws.tables["subscriptions"], Key={"id": {"S": id_}}, ConsistentRead=True
            )["Item"]
            assert "external_id" not in item["document"]["S"]

    def test_a_further_condition_that_fails_leaves_nothing(self, aws: Aws) -> None:
        aws.put_keys(ApiKey("hash", "other", NOON))
        with pytest.raises(KeyTaken):
            aws.subscriptions.create(
                subscription(), [aws.keys.adding_part(ApiKey("hash", "worker", NOON))]
            )
        assert aws.subscriptions.get("sub_1") is None
        assert aws.log.latest() == 0

    def test_a_further_part_is_carried_out_along(self, aws: Aws) -> None:
        key = ApiKey("hash", "worker", NOON)
        aws.subscriptions.create(subscription(), [aws.keys.adding_part(key)])
        assert aws.keys.find("hash") == key

    def test_the_subscriptions_of_a_service_are_counted(self, aws: Aws) -> None:
        counts = aws.subscriptions.counts
        assert counts.of("worker") == Counts(0, 0)
        made = [aws.subscriptions.create(subscription(f"sub_{each}")) for each in (1, 2)]
        aws.subscriptions.create(replace(subscription("sub_3"), ends_at=4_000_000_000))
        aws.subscriptions.create(subscription("sub_4", "other"))
        assert counts.of("worker") == Counts(2, 1)
        subscribed = [counts.check_part("worker", subscribed=True)]
        unsubscribed = [counts.check_part("worker", subscribed=False)]
        for each in made:
            transact(subscribed)
            with pytest.raises(Outdated):
                transact(unsubscribed)
            aws.subscriptions.delete(aws.subscriptions.update(replace(each, name="another")))
        assert counts.of("worker") == Counts(0, 1)
        transact(unsubscribed)
        with pytest.raises(Outdated):
            transact(subscribed)

    def test_the_quota_of_subscriptions_is_not_exceeded(self, aws: Aws) -> None:
        for each in (1, 2):
            aws.subscriptions.create(subscription(f"sub_{each}"), most=2)
        with pytest.raises(QuotaReached):
            aws.subscriptions.create(subscription("sub_3"), most=2)
        assert aws.subscriptions.get("sub_3") is None
        listener = replace(subscription("sub_4"), ends_at=4_000_000_000)
        kept = aws.subscriptions.create(listener, most=1)
        with pytest.raises(QuotaReached):
            aws.subscriptions.create(replace(listener, id="sub_5"), most=1)
        aws.subscriptions.delete(kept)
        aws.subscriptions.create(replace(listener, id="sub_5"), most=1)
        assert aws.subscriptions.counts.of("worker") == Counts(2, 1)

    def test_a_removal_demands_to_know_whether_it_is_the_last(self, aws: Aws) -> None:
        first, second = (aws.subscriptions.create(subscription(f"sub_{each}")) for each in (1, 2))
        with pytest.raises(Outdated):
            aws.subscriptions.delete(first, last=True)
        aws.subscriptions.delete(first, last=False)
        with pytest.raises(Outdated):
            aws.subscriptions.delete(second, last=False)
        aws.subscriptions.delete(second, last=True)
        assert aws.subscriptions.counts.of("worker") == Counts(0, 0)

    @pytest.mark.parametrize("earlier", [None, -1, 1])
    def test_services_that_were_not_counted_yet_are(self, aws: Aws, earlier: int | None) -> None:
        for each in (1, 2):
            aws.subscriptions.create(subscription(f"sub_{each}"))
        aws.subscriptions.create(replace(subscription("sub_3"), ends_at=4_000_000_000))
        table = aws.tables["changes"]
        key = {"log": items.text("subscriptions of worker"), "version": items.number(0)}
        aws.dynamodb.delete_item(TableName=table, Key=key)
        if earlier is not None:
            # The count of an earlier release.
            item = {**key, "subscriptions": items.number(earlier)}
            aws.dynamodb.put_item(TableName=table, Item=item)
        counts = aws.subscriptions.counts
        assert counts.of("worker") == Counts(2, 1)
        with pytest.raises(Outdated):
            transact([counts.check_part("worker", subscribed=True)])
        assert counts.stored("worker") == Counts(2, 1)
        transact([counts.check_part("worker", subscribed=True)])
        with pytest.raises(QuotaReached):
            aws.subscriptions.create(subscription("sub_4"), most=2)

    def test_changes_are_numbered_from_one(self, aws: Aws) -> None:
        assert aws.log.latest() == 0
        assert _changes(aws) == []
        created = aws.subscriptions.create(subscription())
        changed = aws.subscriptions.update(replace(created, status="disabled"))
        aws.subscriptions.create(subscription("sub_2"))
        aws.subscriptions.delete(changed)
        assert aws.log.latest() == 4
        told = [(each.version, each.id, each.active) for each in _changes(aws)]
        assert told == [
            (1, "sub_1", True),
            (2, "sub_1", False),
            (3, "sub_2", True),
            (4, "sub_1", False),
        ]
        assert [each.version for each in _changes(aws, after=2)] == [3, 4]
        assert _changes(aws, after=4) == []

    def test_a_deletion_is_in_the_log_as_inactive(self, aws: Aws) -> None:
        aws.subscriptions.delete(aws.subscriptions.create(subscription()))
        assert aws.subscriptions.get("sub_1") is None
        assert [(each.id, each.active) for each in _changes(aws, after=1)] == [("sub_1", False)]

    def test_an_outdated_subscription_can_be_neither_updated_nor_deleted(self, aws: Aws) -> None:
        read = aws.subscriptions.create(subscription())
        newer = aws.subscriptions.update(replace(read, name="Newer"))
        with pytest.raises(Outdated):
            aws.subscriptions.update(replace(read, name="Older"))
        with pytest.raises(Outdated):
            aws.subscriptions.delete(read)
        assert aws.subscriptions.get("sub_1") == newer
        assert aws.log.latest() == newer.version

    def test_a_deleted_subscription_cannot_be_updated(self, aws: Aws) -> None:
        read = aws.subscriptions.create(subscription())
        aws.subscriptions.delete(read)
        with pytest.raises(Outdated):
            aws.subscriptions.update(read)
        assert aws.subscriptions.get("sub_1") is None

    def test_a_change_that_was_not_sent_takes_no_number(self, aws: Aws) -> None:
        with not_sent(aws.dynamodb, "TransactWriteItems"), pytest.raises(ConnectionClosedError):
            aws.subscriptions.create(subscription())
        assert aws.subscriptions.create(subscription()).version == 1

    def test_a_change_whose_answer_was_lost_is_in_the_log(self, aws: Aws) -> None:
        lost = answer_lost(aws.dynamodb, "TransactWriteItems", aws.carry_out)
        with lost, pytest.raises(ConnectionClosedError):
            aws.subscriptions.create(subscription())
        assert aws.subscriptions.get("sub_1") == subscription(version=1)
        assert [each.id for each in _changes(aws)] == ["sub_1"]

    def test_concurrent_writers_leave_no_gap(self, aws: Aws, executor: Executor) -> None:
        created = executor.map(
            lambda number: aws.subscriptions.create(subscription(f"sub_{number}")), range(8)
        )
        versions = {each.id: each.version for each in created}
        assert sorted(versions.values()) == list(range(1, 9))
        assert {each.id: each.version for each in _changes(aws)} == versions

    def test_of_concurrent_writers_of_one_subscription_one_wins(
        self, aws: Aws, executor: Executor
    ) -> None:
        read = aws.subscriptions.create(subscription())

        def rename(name: str) -> str | None:
            try:
                return aws.subscriptions.update(replace(read, name=name)).name
            except Outdated:
                return None

        won = [name for name in executor.map(rename, "abcd") if name]
        stored = aws.subscriptions.get("sub_1")
        assert stored is not None
        assert won == [stored.name]
        assert stored.version == aws.log.latest() == 2

    def test_a_scan_agrees_with_all_changes_together(self, aws: Aws) -> None:
        first = aws.subscriptions.create(subscription("sub_1", filters={"task.*": {"a": [1]}}))
        aws.subscriptions.create(subscription("sub_2"))
        aws.subscriptions.update(replace(first, event_types=["role.*"], filters={}))
        aws.subscriptions.delete(aws.subscriptions.create(subscription("sub_3")))
        last = {each.id: each for each in _changes(aws)}
        scanned = {each.id: each for each in aws.subscriptions.routing_rules()}
        assert scanned == {each: last[each] for each in ("sub_1", "sub_2")}
        assert not last["sub_3"].active

    def test_subscriptions_are_listed_by_service_and_altogether(self, aws: Aws) -> None:
        for number, service_id in enumerate(["a", "b", "a", "a"]):
            aws.subscriptions.create(subscription(f"sub_{number}", service_id))
        page = aws.subscriptions.page
        assert [each.id for each in page("a", None, 2)] == ["sub_0", "sub_2"]
        assert [each.id for each in page("a", "sub_2", 2)] == ["sub_3"]
        assert [each.id for each in page(None, None, 3)] == ["sub_0", "sub_1", "sub_2"]
        assert [each.id for each in page(None, "sub_2", 3)] == ["sub_3"]
        assert [each.id for each in aws.subscriptions.of_service("a")] == [
            "sub_0",
            "sub_2",
            "sub_3",
        ]

    def test_all_subscriptions_of_a_service_are_found_over_several_pages(self, aws: Aws) -> None:
        ids = [f"sub_{number:03}" for number in range(101)]
        for each in ids:
            aws.subscriptions.create(subscription(each))
        assert [each.id for each in aws.subscriptions.of_service("worker")] == ids

    def test_a_target_of_a_later_version_stays_as_it_is(self, aws: Aws) -> None:
        # As after a rollback: another version has stored what this one does not know.
        members = {"loft": "north", "grain": [1, 2]}
        pigeon = UnknownTarget(members, type="pigeon")
        stored = aws.subscriptions.create(replace(subscription("sub_1"), target=pigeon))
        aws.subscriptions.create(subscription("sub_2"))
        changed = aws.subscriptions.update(replace(stored, name="Another name"))
        assert aws.subscriptions.get("sub_1") == changed
        listed = aws.subscriptions.page(None, None, 10)
        assert [each.id for each in listed] == ["sub_1", "sub_2"]
        assert listed[0].target == pigeon
        item = aws.dynamodb.get_item(
            TableName=aws.tables["subscriptions"], Key={"id": {"S": "sub_1"}}
        )["Item"]
        assert orjson.loads(item["document"]["S"])["target"] == {"type": "pigeon", **members}
        rules = {each.id: each.protocol for each in aws.subscriptions.routing_rules()}
        assert rules["sub_1"] == "pigeon"
        aws.subscriptions.delete(changed)
        assert aws.subscriptions.get("sub_1") is None

    def test_unprocessed_keys_are_read_again(self, aws: Aws) -> None:
        ids = ["sub_1", "sub_2", "sub_3"]
        for each in ids:
            aws.subscriptions.create(subscription(each))
        slow = replace(aws, dynamodb=grudging(aws.dynamodb, 2)).subscriptions
        assert slow.get_many(ids).keys() == set(ids)

    def test_ended_listeners_are_found(self, aws: Aws) -> None:
        for name, ends_at in (("sub_1", 100), ("sub_2", 200), ("sub_3", None)):
            aws.subscriptions.create(subscription(name, ends_at=ends_at))
        listening = aws.subscriptions.get("sub_1")
        assert listening
        assert listening.ends_at == 100
        assert aws.subscriptions.ended(before=150, limit=10) == ["sub_1"]
        assert aws.subscriptions.ended(before=300, limit=10) == ["sub_1", "sub_2"]
        changes = len(_changes(aws))
        assert aws.subscriptions.prolong("sub_1", 400)
        # Subscriptions that it does not concern are not affected.
        assert len(_changes(aws)) == changes
        assert aws.subscriptions.ended(before=300, limit=10) == ["sub_2"]
        # A function that stood still does not end it sooner.
        assert aws.subscriptions.prolong("sub_1", 250)
        assert aws.subscriptions.ended(before=300, limit=10) == ["sub_2"]
        assert not aws.subscriptions.prolong("sub_3", 400)
        assert not aws.subscriptions.prolong("sub_4", 400)
        again = aws.subscriptions.get("sub_1")
        assert again
        # A subscription that was read before can still be changed and deleted.
        aws.subscriptions.delete(again)
        assert aws.subscriptions.ended(before=500, limit=10) == ["sub_2"]
