"""The connections of one subscription have a limit, since each event is pushed to all of them."""

from typing import Any

import pytest
from event_bus.inbox import conversation as conversing
from event_bus.inbox.conversation import Conversation
from event_bus.stores.socket_subscribers import SocketSubscriberKey, SocketSubscriberStore

from tests.aws import Aws
from tests.unit.event_bus.inbox.sockets.conversing import SUBSCRIBE, fill, kinds, say
from tests.unit.event_bus.inbox.sockets.inbox_of_one import follow
from tests.unit.event_bus.inbox.sockets.wire import Wire


def test_a_subscription_has_so_many_connections_and_no_more(
    aws: Aws, conversation: Conversation, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversing, "MAX_CONNECTIONS", 3)
    follow(aws, SocketSubscriberKey("sub_1", "expired"), ends=1)
    for each in ("one", "two", "three", "four"):
        say(conversation, SUBSCRIBE, each)
    assert [kinds(wire, each)[-1] for each in ("one", "two", "three", "four")] == (
        ["subscribed"] * 3 + ["error"]
    )
    error = wire.received["four"][0]["error"]
    said = "The subscription sub_1 has 3 connections, the most that it may have at a time; "
    assert (error["status"], error["detail"]) == (409, f"{said}end one of them.")
    # It does not follow, and others are not concerned.
    say(conversation, {**SUBSCRIBE, "subscription_id": "sub_2"}, "four")
    fill(aws, "evt_1")
    conversation.pusher.push_all({"sub_1": 1})
    assert wire.cursors("three") == [1]
    assert wire.cursors("four") == []
    conversation.end("two")
    say(conversation, SUBSCRIBE, "four")
    assert wire.cursors("four") == [1]


def test_no_two_connections_take_the_last_place(
    conversation: Conversation, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversing, "MAX_CONNECTIONS", 1)
    add, others = SocketSubscriberStore.add, ["two"]

    def at_once(*members: Any) -> bool:
        while others:
            say(conversation, SUBSCRIBE, others.pop())
        return add(*members)

    monkeypatch.setattr(SocketSubscriberStore, "add", at_once)
    say(conversation, SUBSCRIBE, "one")
    assert (kinds(wire, "one"), kinds(wire, "two")) == (["error"], ["subscribed"])
