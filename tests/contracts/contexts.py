"""The contract of the entries of contexts, on every DynamoDB."""

from dataclasses import replace

import pytest
from event_bus.model.contexts import ContextEntry
from event_bus.stores.contexts import ContextStore
from event_bus.stores.refusals import Outdated, QuotaReached
from event_bus.stores.table import Table

from tests.aws import Aws
from tests.builders import LATER, NOON
from tests.faults import answer_lost

ENTRY = ContextEntry("billing", "customers", "42", b'{"tier":"gold"}', 1, NOON)


class ContextsContract:
    """The contract of writing, finding and listing entries."""

    def test_an_entry_is_written_once_for_each_version(self, aws: Aws) -> None:
        aws.contexts.add(ENTRY, 9)
        with pytest.raises(Outdated):
            aws.contexts.add(ENTRY, 9)
        second = replace(ENTRY, value=b"[1.5,null]", version=2)
        assert aws.contexts.replace(second, ENTRY)
        assert not aws.contexts.replace(second, ENTRY)
        assert aws.contexts.get("billing", "customers", "42") == second

    def test_an_entry_that_was_removed_and_written_again_is_a_new_one(self, aws: Aws) -> None:
        aws.contexts.add(ENTRY, 9)
        aws.contexts.delete("billing", "customers", "42")
        aws.contexts.add(replace(ENTRY, updated_at=LATER), 9)
        assert not aws.contexts.replace(replace(ENTRY, version=2), ENTRY)

    def test_an_entry_whose_answer_was_lost_counts_as_written(self, aws: Aws) -> None:
        store = ContextStore(Table(aws.retrying, aws.tables["contexts"]))
        aws.contexts.add(ENTRY, 9)
        with answer_lost(aws.retrying, "PutItem", aws.carry_out):
            assert store.replace(replace(ENTRY, version=2), ENTRY)

    def test_the_quota_of_context_entries_is_not_exceeded(self, aws: Aws) -> None:
        for place, name in enumerate(("customers", "prices")):
            aws.contexts.add(replace(ENTRY, context=name, key=str(place)), 2)
        with pytest.raises(QuotaReached):
            aws.contexts.add(replace(ENTRY, key="2"), 2)
        aws.contexts.add(replace(ENTRY, service_id="shop"), 2)
        with pytest.raises(Outdated):
            aws.contexts.delete("billing", "customers", "2")
        aws.contexts.delete("billing", "prices", "1")
        aws.contexts.add(replace(ENTRY, key="2"), 2)
        listed = aws.contexts.page("billing", "customers", None, 9)
        assert [each.key for each in listed] == ["0", "2"]

    def test_contexts_of_one_name_are_apart(self, aws: Aws) -> None:
        for service_id, name in (("billing", "customers"), ("shop", "customers"), ("billing", "x")):
            aws.contexts.add(replace(ENTRY, service_id=service_id, context=name), 9)
        assert aws.contexts.page("shop", "customers", None, 9) == [
            replace(ENTRY, service_id="shop")
        ]
        assert aws.contexts.page("shop", "x", None, 9) == []

    def test_entries_are_listed_behind_one(self, aws: Aws) -> None:
        for key in ("c", "a", "b"):
            aws.contexts.add(replace(ENTRY, key=key), 9)
        keys = [each.key for each in aws.contexts.page("billing", "customers", "a", 9)]
        assert keys == ["b", "c"]
        assert len(aws.contexts.page("billing", "customers", None, 2)) == 2
