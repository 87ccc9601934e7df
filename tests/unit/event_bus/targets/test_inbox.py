"""Events are put into inboxes, and pushed to those that are meant for a WebSocket."""

from dataclasses import replace
from typing import Any

import pytest
from event_bus import times
from event_bus.model.outcome import Outcome
from event_bus.targets.inbox import InboxTarget, InboxTransport

from tests.aws import Aws
from tests.faults import not_sent
from tests.unit.event_bus.targets.requests import faults, request, validated


@pytest.mark.parametrize("name", ["pull", "sse", "websocket"])
def test_validates(name: Any) -> None:
    assert validated(type=name) == InboxTarget(name)
    assert faults(type=name, url="https://worker.example/") == ["/url"]


@pytest.mark.parametrize("name", ["pull", "sse", "websocket"])
def test_formats(aws: Aws, name: Any) -> None:
    """An inbox keeps references; what is meant for a WebSocket is marked for the push."""
    sent = request(InboxTarget(name))
    replayed = replace(sent, key=replace(sent.key, replay_id="rpl_1"))
    InboxTransport(aws.inboxes).deliver([sent, replayed])
    items = aws.dynamodb.scan(TableName=aws.tables["inbox"])["Items"]
    entries = {item["position"]["N"]: item for item in items if item["position"]["N"] != "0"}
    assert [entries[place]["event_id"]["S"] for place in "12"] == ["evt_1", "evt_1"]
    assert [entries[place].get("replay_id") for place in "12"] == [None, {"S": "rpl_1"}]
    assert {"pushed" in entry for entry in entries.values()} == {name == "websocket"}


def test_delivers(aws: Aws) -> None:
    transport = InboxTransport(aws.inboxes)
    sent = request(InboxTarget("pull"))
    assert transport.deliver([sent, sent]) == [Outcome(), Outcome()]
    found = aws.inboxes.after("sub_1", 0, 10)
    assert [(each.position, each.key.event_id) for each in found] == [(1, "evt_1"), (2, "evt_1")]


NOT_FILLED = Outcome("inbox_not_filled", "the inbox could not take the event", unsent=True)
"""The circuit of the subscriber does not count it: the bus has failed."""


def test_nothing_is_appended_after_one_of_the_claims_has_ended(aws: Aws) -> None:
    """Another function may have put later events of the stream there since."""
    valid = replace(request(InboxTarget("pull")), until=times.unix() + 60)
    lapsed = replace(valid, until=times.unix() - 1)
    assert InboxTransport(aws.inboxes).deliver([valid, lapsed]) == [NOT_FILLED] * 2
    assert aws.inboxes.after("sub_1", 0, 10) == []


def test_a_table_that_does_not_answer_is_not_the_fault_of_the_subscriber(aws: Aws) -> None:
    with not_sent(aws.dynamodb, "TransactWriteItems"):
        outcomes = InboxTransport(aws.inboxes).deliver([request(InboxTarget("pull"))])
    assert outcomes == [NOT_FILLED]
