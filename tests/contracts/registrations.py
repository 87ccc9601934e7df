"""What the stores of publishers and of keys promise, on whatever they stand."""

import time
from dataclasses import replace

import pytest
from event_bus.model.api_keys import ApiKey
from event_bus.stores.keys import Ring
from event_bus.stores.transactions import TransactionRefused, transact

from tests.aws import Aws
from tests.builders import NOON, publisher


class PublishersContract:
    """How publishers are kept."""

    def test_a_publisher_is_read_back_as_it_was(self, aws: Aws) -> None:
        added = publisher("planner", "task.*", "role.made")
        transact(aws.dynamodb, [aws.publishers.adding(added)])
        assert aws.publishers.get("planner") == added
        assert aws.publishers.get("other") is None

    def test_a_service_is_one_publisher(self, aws: Aws) -> None:
        first = publisher("planner", "task.*")
        transact(aws.dynamodb, [aws.publishers.adding(first)])
        with pytest.raises(TransactionRefused) as refusal:
            transact(aws.dynamodb, [aws.publishers.adding(publisher("planner", "role.*"))])
        assert refusal.value.conditions == {0}
        assert aws.publishers.get("planner") == first

    def test_publishers_are_listed_in_the_order_of_their_services(self, aws: Aws) -> None:
        for each in ("b", "-a", "c", "a"):
            transact(aws.dynamodb, [aws.publishers.adding(publisher(each))])
        listed = [each.service_id for each in aws.publishers.page(None, 3)]
        assert listed == ["-a", "a", "b"]
        assert [each.service_id for each in aws.publishers.page("b", 3)] == ["c"]
        assert aws.publishers.page("c", 3) == []

    def test_a_publisher_is_removed_once(self, aws: Aws) -> None:
        transact(aws.dynamodb, [aws.publishers.adding(publisher("planner"))])
        transact(aws.dynamodb, [aws.publishers.removing("planner")])
        with pytest.raises(TransactionRefused):
            transact(aws.dynamodb, [aws.publishers.removing("planner")])
        assert aws.publishers.get("planner") is None


class KeysContract:
    """How keys are kept."""

    def test_a_key_is_found_by_its_id(self, aws: Aws) -> None:
        key = ApiKey("hash", "planner", NOON, "proof", name="first", scopes=("publish", "read"))
        transact(aws.dynamodb, [aws.keys.putting(key)])
        assert aws.keys.find("hash") == key
        assert aws.keys.find("other") is None

    def test_a_service_may_put_its_key_again(self, aws: Aws) -> None:
        transact(aws.dynamodb, [aws.keys.putting(ApiKey("hash", "planner", NOON))])
        again = ApiKey("hash", "planner", "2026-06-01T12:00:00.000Z")
        transact(aws.dynamodb, [aws.keys.putting(again)])
        assert aws.keys.find("hash") == again

    def test_a_key_never_changes_its_service(self, aws: Aws) -> None:
        key = ApiKey("hash", "planner", NOON)
        transact(aws.dynamodb, [aws.keys.putting(key)])
        with pytest.raises(TransactionRefused):
            transact(aws.dynamodb, [aws.keys.putting(ApiKey("hash", "thief", NOON))])
        assert aws.keys.find("hash") == key

    def test_the_keys_of_a_service_are_its_own(self, aws: Aws) -> None:
        for key_id, service_id in (("1", "planner"), ("2", "planner"), ("3", "other")):
            transact(aws.dynamodb, [aws.keys.putting(ApiKey(key_id, service_id, NOON))])
        assert [key.id for key in aws.keys.ring("planner").keys] == ["1", "2"]

    def test_a_ring_holds_the_keys_of_its_service(self, aws: Aws) -> None:
        assert aws.keys.ring("planner") == Ring("planner", (), 0)
        first, second = ApiKey("1", "planner", NOON), ApiKey("2", "planner", NOON)
        transact(aws.dynamodb, aws.keys.changing(aws.keys.ring("planner"), added=[first]))
        ring = aws.keys.ring("planner")
        assert ring == Ring("planner", (first,), 1)
        transact(aws.dynamodb, aws.keys.changing(ring, added=[second], removed=[first]))
        assert aws.keys.ring("planner") == Ring("planner", (second,), 2)
        assert aws.keys.find("1") is None
        # Who has read it before changes nothing any more.
        with pytest.raises(TransactionRefused) as refusal:
            transact(aws.dynamodb, aws.keys.changing(ring, added=[ApiKey("3", "planner", NOON)]))
        assert refusal.value.conditions == {0}
        assert aws.keys.find("3") is None

    def test_an_empty_ring_still_refuses_who_has_read_it_before(self, aws: Aws) -> None:
        ring = aws.keys.ring("planner")
        transact(aws.dynamodb, aws.keys.changing(ring))
        with pytest.raises(TransactionRefused):
            transact(aws.dynamodb, aws.keys.changing(ring, added=[ApiKey("1", "planner", NOON)]))
        emptied = aws.keys.ring("planner")
        assert emptied == Ring("planner", (), 1)
        transact(aws.dynamodb, aws.keys.changing(emptied, added=[ApiKey("1", "planner", NOON)]))
        assert len(aws.keys.ring("planner").keys) == 1

    def test_a_ring_takes_in_keys_that_are_older_than_rings(self, aws: Aws) -> None:
        older = ApiKey("1", "planner", NOON)
        transact(aws.dynamodb, [aws.keys.putting(older)])
        transact(aws.dynamodb, [aws.keys.putting(ApiKey("2", "other", NOON))])
        ring = aws.keys.ring("planner")
        assert ring == Ring("planner", (older,), 0)
        later = ApiKey("3", "planner", "2026-05-02T12:00:00.000Z")
        transact(aws.dynamodb, aws.keys.changing(ring, added=[later]))
        assert aws.keys.ring("planner") == Ring("planner", (older, later), 1)

    def test_a_key_that_is_added_to_a_ring_stands_for_no_other_service(self, aws: Aws) -> None:
        transact(aws.dynamodb, [aws.keys.putting(ApiKey("1", "other", NOON))])
        ring = aws.keys.ring("planner")
        with pytest.raises(TransactionRefused) as refusal:
            transact(aws.dynamodb, aws.keys.changing(ring, added=[ApiKey("1", "planner", NOON)]))
        assert refusal.value.conditions == {1}
        assert aws.keys.ring("planner").version == 0

    def test_a_ring_is_no_key(self, aws: Aws) -> None:
        key = ApiKey("1", "planner", NOON)
        transact(aws.dynamodb, aws.keys.changing(aws.keys.ring("planner"), added=[key]))
        assert aws.keys.find("ring of planner") is None

    def test_a_key_that_must_stay_is_there_or_the_transaction_is_refused(self, aws: Aws) -> None:
        key = ApiKey("hash", "planner", NOON)
        further = aws.keys.putting(ApiKey("other", "planner", NOON))
        with pytest.raises(TransactionRefused):
            transact(aws.dynamodb, [further, aws.keys.keeping("hash")])
        assert aws.keys.find("other") is None
        transact(aws.dynamodb, [aws.keys.putting(key)])
        transact(aws.dynamodb, [further, aws.keys.keeping("hash")])
        assert aws.keys.find("other")

    def test_a_key_that_is_used_is_seen(self, aws: Aws) -> None:
        transact(aws.dynamodb, [aws.keys.putting(ApiKey("hash", "planner", NOON))])
        aws.keys.saw("hash", NOON)
        assert aws.keys.find("hash") == ApiKey("hash", "planner", NOON, last_used_at=NOON)
        aws.keys.saw("gone", NOON)
        assert aws.keys.find("gone") is None

    def test_a_key_is_given_an_end(self, aws: Aws) -> None:
        key = ApiKey("hash", "planner", NOON)
        transact(aws.dynamodb, aws.keys.changing(aws.keys.ring("planner"), added=[key]))
        soon = int(time.time()) + 60
        transact(aws.dynamodb, [aws.keys.ending(key, soon, "other")])
        assert aws.keys.find("hash") == replace(key, expires_at=soon, replaced_by="other")
        with pytest.raises(TransactionRefused):
            transact(aws.dynamodb, [aws.keys.ending(replace(key, id="gone"), soon, "other")])
        transact(aws.dynamodb, [aws.keys.ending(key, int(time.time()), "other")])
        assert aws.keys.find("hash") is None
        assert aws.keys.ring("planner").keys == ()

    def test_a_token_is_kept_until_it_ends_and_is_in_no_ring(self, aws: Aws) -> None:
        token = ApiKey(
            "ebt_1", "planner", NOON, expires_at=int(time.time()) + 60, subscription_id="sub_1"
        )
        aws.keys.add_token(token)
        assert aws.keys.find("ebt_1") == token
        assert aws.keys.ring("planner").keys == ()
        aws.keys.add_token(replace(token, expires_at=int(time.time()) - 1))
        assert aws.keys.find("ebt_1") is None


class TransactionsContract:
    """How several tables agree."""

    def test_all_parts_are_carried_out_or_none(self, aws: Aws) -> None:
        transact(aws.dynamodb, [aws.keys.putting(ApiKey("hash", "other", NOON))])
        parts = [
            aws.publishers.adding(publisher("planner")),
            aws.keys.putting(ApiKey("hash", "planner", NOON)),
        ]
        with pytest.raises(TransactionRefused) as refusal:
            transact(aws.dynamodb, parts)
        assert refusal.value.conditions == {1}
        assert aws.publishers.get("planner") is None

    def test_every_condition_that_did_not_hold_is_named(self, aws: Aws) -> None:
        transact(aws.dynamodb, [aws.publishers.adding(publisher("planner"))])
        transact(aws.dynamodb, [aws.keys.putting(ApiKey("hash", "other", NOON))])
        parts = [
            aws.publishers.adding(publisher("planner")),
            aws.keys.putting(ApiKey("hash", "planner", NOON)),
        ]
        with pytest.raises(TransactionRefused) as refusal:
            transact(aws.dynamodb, parts)
        assert refusal.value.conditions == {0, 1}
