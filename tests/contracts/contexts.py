"""What holds for the entries of contexts, on every DynamoDB."""

from dataclasses import replace

from event_bus.model.contexts import ContextEntry
from event_bus.stores.contexts import ContextStore

from tests.aws import Aws
from tests.builders import LATER, NOON
from tests.faults import answer_lost

ENTRY = ContextEntry("billing", "customers", "42", b'{"tier":"gold"}', 1, NOON)


class ContextsContract:
    """How entries are written, found and listed."""

    def test_an_entry_is_written_once_for_each_version(self, aws: Aws) -> None:
        assert aws.contexts.put(ENTRY, None)
        assert not aws.contexts.put(ENTRY, None)
        second = replace(ENTRY, value=b"[1.5,null]", version=2)
        assert aws.contexts.put(second, ENTRY)
        assert not aws.contexts.put(second, ENTRY)
        assert aws.contexts.get("billing", "customers", "42") == second

    def test_an_entry_that_was_removed_meanwhile_is_another(self, aws: Aws) -> None:
        aws.contexts.put(ENTRY, None)
        aws.contexts.delete("billing", "customers", "42")
        aws.contexts.put(replace(ENTRY, updated_at=LATER), None)
        assert not aws.contexts.put(replace(ENTRY, version=2), ENTRY)

    def test_an_entry_whose_answer_was_lost_counts_as_written(self, aws: Aws) -> None:
        store = ContextStore(aws.retrying, aws.tables["contexts"])
        with answer_lost(aws.retrying, "PutItem", aws.carry_out):
            assert store.put(ENTRY, None)

    def test_contexts_of_one_name_are_apart(self, aws: Aws) -> None:
        for service_id, name in (("billing", "customers"), ("shop", "customers"), ("billing", "x")):
            assert aws.contexts.put(replace(ENTRY, service_id=service_id, context=name), None)
        assert aws.contexts.page("shop", "customers", None, 9) == [
            replace(ENTRY, service_id="shop")
        ]
        assert aws.contexts.page("shop", "x", None, 9) == []

    def test_entries_are_listed_behind_one(self, aws: Aws) -> None:
        for key in ("c", "a", "b"):
            aws.contexts.put(replace(ENTRY, key=key), None)
        keys = [each.key for each in aws.contexts.page("billing", "customers", "a", 9)]
        assert keys == ["b", "c"]
        assert len(aws.contexts.page("billing", "customers", None, 2)) == 2
