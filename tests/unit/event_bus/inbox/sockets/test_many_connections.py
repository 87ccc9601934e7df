"""The connections of a subscription have a limit, and the subscriptions of a connection too."""

from typing import Any

import pytest
from event_bus.inbox import following
from event_bus.inbox.conversation import Conversation
from event_bus.stores.socket_subscribers import SocketSubscriberKey, SocketSubscriberStore

from tests.aws import Aws
from tests.interference import before_next
from tests.unit.event_bus.inbox.sockets.conversing import SUBSCRIBE, fill, kinds, say
from tests.unit.event_bus.inbox.sockets.inbox_of_one import SOON, follow
from tests.unit.event_bus.inbox.sockets.wire import Wire


def test_a_subscription_has_so_many_connections_and_no_more(
    aws: Aws, conversation: Conversation, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "MAX_CONNECTIONS", 3)
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
    monkeypatch.setattr(following, "MAX_CONNECTIONS", 1)
    add, others = SocketSubscriberStore.add, ["two"]

    def at_once(*members: Any) -> bool:
        while others:
            say(conversation, SUBSCRIBE, others.pop())
        return add(*members)

    monkeypatch.setattr(SocketSubscriberStore, "add", at_once)
    say(conversation, SUBSCRIBE, "one")
    assert (kinds(wire, "one"), kinds(wire, "two")) == (["error"], ["subscribed"])


LISTEN = {"action": "subscribe", "event_types": ["task.*"]}


def test_messages_at_once_do_not_exceed_the_subscriptions_of_a_connection(
    aws: Aws, conversation: Conversation, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "MAX_SUBSCRIPTIONS", 2)
    others: list[dict[str, Any]] = [SUBSCRIBE, LISTEN]
    add = SocketSubscriberStore.add

    def at_once(*members: Any) -> bool:
        while others:
            say(conversation, others.pop())
        return add(*members)

    monkeypatch.setattr(SocketSubscriberStore, "add", at_once)
    say(conversation, LISTEN)
    assert kinds(wire) == ["subscribed", "subscribed", "error"]
    error = wire.received["one"][-1]["error"]
    said = "A connection follows at most 2 subscriptions; unsubscribe from one, or open another "
    assert (error["status"], error["detail"]) == (409, f"{said}connection.")
    # The listener of the refused message has ended.
    assert len(aws.socket_subscribers.of_connection("one")) == 2
    assert aws.subscriptions.counts.of("worker").listeners == 1
    # Whoever unsubscribes may follow something else, or the same again.
    say(conversation, {"action": "unsubscribe", "subscription_id": "sub_1"})
    for message in (SUBSCRIBE, LISTEN):
        say(conversation, message)
    assert kinds(wire)[3:] == ["unsubscribed", "subscribed", "error"]


def test_one_of_two_takes_the_last_place_of_a_connection(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (SocketSubscriberKey(each, "one") for each in ("sub_1", "sub_2"))
    for each in (first, second):
        follow(aws, each)

    def overtake() -> None:
        assert aws.socket_subscribers.take_place(second, 1, SOON)

    before_next(aws, monkeypatch, "put_item", overtake)
    assert not aws.socket_subscribers.take_place(first, 1, SOON)
    assert aws.socket_subscribers.take_place(second, 1, SOON)
    aws.socket_subscribers.remove(second)
    assert aws.socket_subscribers.take_place(first, 1, SOON)


def test_a_place_is_not_given_away_while_its_subscription_is_followed_again(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    again, other = (SocketSubscriberKey(each, "one") for each in ("sub_1", "sub_2"))
    follow(aws, again)
    assert aws.socket_subscribers.take_place(again, 1, SOON)
    aws.socket_subscribers.remove(again)
    follow(aws, other)

    def meanwhile() -> None:
        follow(aws, again)
        assert aws.socket_subscribers.take_place(again, 1, SOON)

    # The place was free when it was read.
    before_next(aws, monkeypatch, "put_item", meanwhile)
    assert not aws.socket_subscribers.take_place(other, 1, SOON)
