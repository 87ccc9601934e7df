"""The contracts of the stores of publishers and of keys, on every DynamoDB."""

import time
from dataclasses import replace

import pytest
from event_bus.model.api_keys import ApiKey
from event_bus.stores.keys import KeptKey, KeyChange, KeyEnding, KeyRing
from event_bus.stores.refusals import IdTaken, KeyGone, KeyTaken, Outdated
from event_bus.stores.transactions import Part, transact

from tests.aws import Aws
from tests.builders import NOON, publisher


class PublishersContract:
    """The contract of publishers."""

    def test_a_publisher_is_read_back_as_it_was(self, aws: Aws) -> None:
        added = publisher("planner", "task.*", "role.made")
        aws.add_publishers(added)
        assert aws.publishers.get("planner") == added
        assert aws.publishers.get("other") is None

    def test_a_service_is_one_publisher(self, aws: Aws) -> None:
        first = publisher("planner", "task.*")
        aws.add_publishers(first)
        with pytest.raises(IdTaken):
            aws.add_publishers(publisher("planner", "role.*"))
        assert aws.publishers.get("planner") == first

    def test_publishers_are_listed_in_the_order_of_their_services(self, aws: Aws) -> None:
        for each in ("b", "-a", "c", "a"):
            aws.add_publishers(publisher(each))
        listed = [each.service_id for each in aws.publishers.page(None, 3)]
        assert listed == ["-a", "a", "b"]
        assert [each.service_id for each in aws.publishers.page("b", 3)] == ["c"]
        assert aws.publishers.page("c", 3) == []

    def test_a_publisher_is_removed_once(self, aws: Aws) -> None:
        aws.add_publishers(publisher("planner"))
        transact([aws.publishers.removing_part("planner")])
        with pytest.raises(Outdated):
            transact([aws.publishers.removing_part("planner")])
        assert aws.publishers.get("planner") is None


class KeysContract:
    """The contract of keys."""

    def test_a_key_is_found_by_its_id(self, aws: Aws) -> None:
        key = ApiKey("hash", "planner", NOON, "proof", name="first", scopes=("publish", "read"))
        aws.put_keys(key)
        assert aws.keys.find("hash") == key
        assert aws.keys.find("other") is None

    def test_a_service_may_put_its_key_again(self, aws: Aws) -> None:
        aws.put_keys(ApiKey("hash", "planner", NOON))
        again = ApiKey("hash", "planner", "2026-06-01T12:00:00.000Z")
        aws.put_keys(again)
        assert aws.keys.find("hash") == again

    def test_a_key_never_changes_its_service(self, aws: Aws) -> None:
        key = ApiKey("hash", "planner", NOON)
        aws.put_keys(key)
        with pytest.raises(KeyTaken):
            aws.put_keys(ApiKey("hash", "thief", NOON))
        assert aws.keys.find("hash") == key

    def test_the_keys_of_a_service_are_its_own(self, aws: Aws) -> None:
        for key_id, service_id in (("1", "planner"), ("2", "planner"), ("3", "other")):
            aws.put_keys(ApiKey(key_id, service_id, NOON))
        assert [key.id for key in aws.keys.ring("planner").keys] == ["1", "2"]

    def test_a_ring_holds_the_keys_of_its_service(self, aws: Aws) -> None:
        assert aws.keys.ring("planner") == KeyRing("planner", (), 0)
        first, second = ApiKey("1", "planner", NOON), ApiKey("2", "planner", NOON)
        aws.keys.change(KeyChange(aws.keys.ring("planner"), (first,)))
        ring = aws.keys.ring("planner")
        assert ring == KeyRing("planner", (first,), 1)
        aws.keys.change(KeyChange(ring, (second,), (first,)))
        assert aws.keys.ring("planner") == KeyRing("planner", (second,), 2)
        assert aws.keys.find("1") is None
        # A caller that has read it before can no longer change anything.
        with pytest.raises(Outdated):
            aws.keys.change(KeyChange(ring, (ApiKey("3", "planner", NOON),)))
        assert aws.keys.find("3") is None

    def test_an_empty_ring_refuses_a_writer_that_read_it_before(self, aws: Aws) -> None:
        ring = aws.keys.ring("planner")
        aws.keys.change(KeyChange(ring))
        with pytest.raises(Outdated):
            aws.keys.change(KeyChange(ring, (ApiKey("1", "planner", NOON),)))
        emptied = aws.keys.ring("planner")
        assert emptied == KeyRing("planner", (), 1)
        aws.keys.change(KeyChange(emptied, (ApiKey("1", "planner", NOON),)))
        assert len(aws.keys.ring("planner").keys) == 1

    def test_a_ring_takes_in_keys_that_are_older_than_rings(self, aws: Aws) -> None:
        older = ApiKey("1", "planner", NOON)
        aws.put_keys(older)
        aws.put_keys(ApiKey("2", "other", NOON))
        ring = aws.keys.ring("planner")
        assert ring == KeyRing("planner", (older,), 0)
        later = ApiKey("3", "planner", "2026-05-02T12:00:00.000Z")
        aws.keys.change(KeyChange(ring, (later,)))
        assert aws.keys.ring("planner") == KeyRing("planner", (older, later), 1)

    def test_a_key_that_is_added_to_a_ring_stands_for_no_other_service(self, aws: Aws) -> None:
        aws.put_keys(ApiKey("1", "other", NOON))
        ring = aws.keys.ring("planner")
        with pytest.raises(KeyTaken):
            aws.keys.change(KeyChange(ring, (ApiKey("1", "planner", NOON),)))
        assert aws.keys.ring("planner").version == 0

    def test_a_ring_is_no_key(self, aws: Aws) -> None:
        key = ApiKey("1", "planner", NOON)
        aws.keys.change(KeyChange(aws.keys.ring("planner"), (key,)))
        assert aws.keys.find("ring of planner") is None

    def test_a_key_that_must_stay_is_there_or_the_transaction_is_refused(self, aws: Aws) -> None:
        key = ApiKey("hash", "planner", NOON)
        further = aws.keys.adding_part(ApiKey("other", "planner", NOON))
        with pytest.raises(KeyGone):
            transact([further, *aws.keys.parts(KeptKey("hash"))])
        assert aws.keys.find("other") is None
        aws.put_keys(key)
        transact([further, *aws.keys.parts(KeptKey("hash"))])
        assert aws.keys.find("other")

    def test_a_key_that_is_used_is_seen(self, aws: Aws) -> None:
        aws.put_keys(ApiKey("hash", "planner", NOON))
        aws.keys.saw("hash", NOON)
        assert aws.keys.find("hash") == ApiKey("hash", "planner", NOON, last_used_at=NOON)
        aws.keys.saw("gone", NOON)
        assert aws.keys.find("gone") is None
        # Nothing is left that would keep the key from being added again.
        aws.put_keys(ApiKey("gone", "planner", NOON))
        assert aws.keys.find("gone") == ApiKey("gone", "planner", NOON)

    def test_a_key_is_given_an_end(self, aws: Aws) -> None:
        key = ApiKey("hash", "planner", NOON)
        aws.keys.change(KeyChange(aws.keys.ring("planner"), (key,)))
        soon = int(time.time()) + 60

        def end(key_id: str, at: int) -> None:
            ring = aws.keys.ring("planner")
            aws.keys.change(KeyChange(ring, ending=KeyEnding(key_id, at, "other")))

        end(key.id, soon)
        assert aws.keys.find("hash") == replace(key, expires_at=soon, replaced_by="other")
        with pytest.raises(KeyGone):
            end("gone", soon)
        end(key.id, int(time.time()))
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
    """The contract of transactions over several tables."""

    @staticmethod
    def _publisher_with_key(aws: Aws) -> list[Part]:
        return [
            aws.publishers.adding_part(publisher("planner")),
            aws.keys.adding_part(ApiKey("hash", "planner", NOON)),
        ]

    def test_all_parts_are_carried_out_or_none(self, aws: Aws) -> None:
        aws.put_keys(ApiKey("hash", "other", NOON))
        with pytest.raises(KeyTaken):
            transact(self._publisher_with_key(aws))
        assert aws.publishers.get("planner") is None

    def test_of_several_conditions_that_do_not_hold_the_first_counts(self, aws: Aws) -> None:
        aws.add_publishers(publisher("planner"))
        aws.put_keys(ApiKey("hash", "other", NOON))
        parts = self._publisher_with_key(aws)
        with pytest.raises(IdTaken):
            transact(parts)
        with pytest.raises(KeyTaken):
            transact(parts[::-1])
