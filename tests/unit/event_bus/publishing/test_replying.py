"""A reply ends its command once, is for its sender, and never comes after the end."""

import re
from dataclasses import replace
from typing import Any

import pytest
from event_bus.access.known_publishers import KnownPublishers
from event_bus.errors import Conflict, InvalidRequest, TooLarge, Unavailable
from event_bus.model import command_record
from event_bus.model.command_record import Reply
from event_bus.model.event import Event
from event_bus.model.schemas import SchemaVersion, TypeSchemas, Validation, VersionEntry
from event_bus.publishing import replying as module
from event_bus.publishing.publisher_rights import PublisherRights
from event_bus.publishing.replying import (
    PendingReply,
    ReplyContent,
    Replying,
    StoredReply,
    TooLate,
)
from event_bus.stores.commands import CommandStore
from event_bus.stores.refusals import Outdated

from tests.aws import Aws
from tests.builders import LATER, NOON, event, publisher

PAID = ReplyContent({"paid": True})
REPLIES = "planner.commands.responses"


@pytest.fixture
def records(aws: Aws) -> CommandStore:
    return aws.commands


@pytest.fixture
def replying(aws: Aws, records: CommandStore) -> Replying:
    rights = PublisherRights(KnownPublishers(aws.publishers.get))
    return Replying(aws.events, records, rights, aws.schema_checks, aws.seal)


def command(event_type: str = "command.pay", event_id: str = "evt_1", **metadata: Any) -> Event:
    return event(event_id, event_type, metadata={"deadline": LATER, **metadata})


def checked_by(
    replying: Replying, aws: Aws, validation: Validation, schema: dict[str, Any]
) -> Replying:
    """Registers a schema for the replies to the planner's commands."""
    entry = VersionEntry(1, "digest", NOON, "planner")
    schemas = TypeSchemas(REPLIES, "planner", NOON, NOON, validation=validation, versions=[entry])
    aws.schemas.put(None, schemas, aws.schemas.index(), SchemaVersion(REPLIES, 1, schema))
    return replace(replying, schemas=aws.schema_checks)


def test_a_reply_is_an_event_of_its_service_for_the_sender(aws: Aws, replying: Replying) -> None:
    trace = {"trace_id": "a" * 32, "correlation_id": "cart-7"}
    made = replying.reply(PendingReply(command(**trace), "worker", PAID))
    reply = made.event
    assert made.repeated is False
    assert aws.events.get(reply.id) == reply
    assert (reply.source, reply.type) == ("worker", REPLIES)
    assert reply.reply_for == "planner"
    # No other service can take the id first, and no other command has it.
    assert re.fullmatch("worker:reply_[0-9a-f]{32}", reply.id)
    assert (
        replying.reply(PendingReply(command(event_id="evt_2"), "worker", PAID)).event.id != reply.id
    )
    kept = {name: reply.metadata[name] for name in (*trace, "causation_id", "hop_count")}
    assert kept == {**trace, "causation_id": "evt_1", "hop_count": 1}
    assert reply.metadata["reply_status"] == "succeeded"


@pytest.mark.parametrize(
    ("address", "sender"), [("planner.answers", "planner"), ("order.paid", None)]
)
def test_a_reply_elsewhere_is_received_like_any_event(
    replying: Replying, address: str, sender: str | None
) -> None:
    reply = replying.reply(PendingReply(command(reply_to=address), "worker", PAID)).event
    assert (reply.type, reply.reply_for) == (address, sender)
    assert reply.metadata["correlation_id"] == "evt_1"


def test_a_reply_is_one_hop_further_also_where_the_hops_are_hidden(replying: Replying) -> None:
    asked = command(hop_count=3)
    for number, (hidden, hops) in enumerate([(0, 4), (2, 4), (9, 10)]):
        sent = replace(asked, id=f"evt_{number}", hidden_hops=hidden)
        reply = replying.reply(PendingReply(sent, "worker", PAID)).event
        assert (reply.shown_hops, reply.hop_count) == (4, hops)
        # It is stored only where it differs from the metadata.
        assert reply.hidden_hops == (hops if hops > 4 else 0)


@pytest.mark.parametrize("valid", [True, False])
def test_a_reply_is_checked_by_the_schema_of_its_type_but_a_failure_is_not(
    aws: Aws, replying: Replying, valid: bool
) -> None:
    checking = checked_by(replying, aws, "warn", {"required": ["paid" if valid else "sum"]})
    reply = checking.reply(PendingReply(command(), "worker", PAID)).event
    assert (reply.schema_version, reply.schema_valid) == (1, valid)
    failed = checking.reply(
        PendingReply(command(event_id="evt_2"), "worker", ReplyContent({}, failed=True))
    ).event
    assert (failed.schema_version, failed.schema_valid) == (None, None)


def test_a_reply_that_its_schema_refuses_is_not_stored(
    aws: Aws, replying: Replying, records: CommandStore
) -> None:
    aws.add_publishers(replace(publisher("worker", "*"), sensitive={"planner.*": ["/card"]}))
    schema = {"required": ["sum"], "properties": {"card": {"minLength": 5}}}
    checking = checked_by(replying, aws, "enforce", schema)
    with pytest.raises(InvalidRequest) as refusal:
        checking.reply(PendingReply(command(), "worker", ReplyContent({"card": "4111"})))
    said = "is sensitive, and the schema does not permit its value"
    assert {(each.pointer, each.detail) for each in refusal.value.faults} == {
        ("/payload/card", said),
        ("/payload/sum", "is required"),
    }
    assert records.get(event()).ended is None
    assert aws.dynamodb.scan(TableName=aws.tables["events"])["Items"] == []


def test_what_is_sensitive_in_a_reply_is_sealed(aws: Aws, replying: Replying) -> None:
    aws.add_publishers(replace(publisher("worker", "*"), sensitive={"planner.*": ["/card"]}))
    made = replying.reply(
        PendingReply(command(), "worker", ReplyContent({"card": "4111", "paid": True}))
    ).event
    stored = aws.events.get(made.id)
    assert stored
    assert stored.sealed
    assert stored.json_payload == b'{"card":{"$encrypted":true},"paid":true}'


def test_a_failure_fails_the_command(replying: Replying, records: CommandStore) -> None:
    reply = replying.reply(
        PendingReply(command(), "worker", ReplyContent({"title": "No"}, failed=True))
    ).event
    record = records.get(event())
    assert (record.ended, reply.metadata["reply_status"]) == ("failed", "failed")
    assert record.replies == (Reply(reply.id, "worker", True, reply.created_at),)


def test_a_reply_may_be_repeated_but_not_changed(replying: Replying) -> None:
    first = replying.reply(PendingReply(command(), "worker", PAID))
    assert replying.reply(PendingReply(command(), "worker", PAID)) == StoredReply(
        first.event, repeated=True
    )
    for other in (ReplyContent({"paid": False}), ReplyContent({"paid": True}, failed=True)):
        with pytest.raises(Conflict, match="replied already"):
            replying.reply(PendingReply(command(), "worker", other))


def test_no_more_replies_count_than_are_expected(replying: Replying, records: CommandStore) -> None:
    asked = command("price.asked", expect_replies=2)
    for service_id in ("one", "two"):
        assert records.get(event()).ended is None
        replying.reply(PendingReply(asked, service_id, PAID))
    assert records.get(event()).ended == "succeeded"
    with pytest.raises(Conflict, match="all the replies"):
        replying.reply(PendingReply(asked, "three", PAID))


def test_a_command_that_failed_has_all_its_replies(replying: Replying) -> None:
    replying.reply(PendingReply(command(), "worker", ReplyContent({"title": "No"}, failed=True)))
    with pytest.raises(Conflict, match="all the replies") as refusal:
        replying.reply(PendingReply(command(), "another", PAID))
    assert not isinstance(refusal.value, TooLate)


@pytest.mark.parametrize(
    ("deadline", "cancelled", "end"),
    [(NOON, False, "expired"), (NOON, True, "cancelled"), (LATER, True, "cancelled")],
)
def test_a_late_reply_is_noted_and_not_stored(
    aws: Aws,
    replying: Replying,
    records: CommandStore,
    deadline: str,
    cancelled: bool,
    end: str,
) -> None:
    if cancelled:
        records.save(command_record.after_cancel(records.get(event()), "planner"))
    with pytest.raises(TooLate, match=f"{end} before its reply"):
        replying.reply(PendingReply(command(deadline=deadline), "worker", PAID))
    record = records.get(event())
    assert (record.ended, record.replies) == (end, ())
    assert [each.service_id for each in record.late] == ["worker"]
    assert aws.dynamodb.scan(TableName=aws.tables["events"])["Items"] == []


def test_a_payload_that_is_too_large_is_refused(replying: Replying) -> None:
    with pytest.raises(TooLarge) as refusal:
        replying.reply(PendingReply(command(), "worker", ReplyContent({"a": "x" * 2_000_000})))
    assert [each.pointer for each in refusal.value.faults] == ["/payload"]


def test_an_id_that_is_taken_is_named(aws: Aws, replying: Replying) -> None:
    reply = replying.reply(PendingReply(command(), "worker", PAID)).event
    aws.dynamodb.delete_item(
        TableName=aws.tables["deliveries"],
        Key={"event_id": {"S": "evt_1"}, "subscription_id": {"S": "#command"}},
    )
    with pytest.raises(Conflict, match=f"the id of the reply, {reply.id}"):
        replying.reply(PendingReply(command(), "worker", PAID))


def test_the_same_reply_at_the_same_time_counts_as_a_repetition(
    replying: Replying, records: CommandStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, first = records.get(event()), replying.reply(PendingReply(command(), "worker", PAID))
    reads = iter([before])
    get = CommandStore.get

    def overtaken(store: CommandStore, command: Event) -> Any:
        return next(reads, None) or get(store, command)

    monkeypatch.setattr(CommandStore, "get", overtaken)
    assert replying.reply(PendingReply(command(), "worker", PAID)) == StoredReply(
        first.event, repeated=True
    )


def test_a_change_at_the_same_time_is_met(
    replying: Replying, records: CommandStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = CommandStore.save_with_reply

    def overtaken(store: CommandStore, *members: Any) -> Any:
        monkeypatch.setattr(CommandStore, "save_with_reply", save)
        records.save(command_record.after_cancel(records.get(event()), "planner"))
        return save(store, *members)

    monkeypatch.setattr(CommandStore, "save_with_reply", overtaken)
    with pytest.raises(TooLate):
        replying.reply(PendingReply(command(), "worker", PAID))
    assert records.get(event()).ended == "cancelled"


def test_it_gives_up(replying: Replying, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise Outdated("evt_1")

    monkeypatch.setattr(CommandStore, "save_with_reply", refused)
    monkeypatch.setattr(module, "attempts", range)
    with pytest.raises(Unavailable, match="Other requests changed the command at the same time"):
        replying.reply(PendingReply(command(), "worker", PAID))
