"""What clients receive while another function pushes to them, or takes long."""

from dataclasses import replace
from threading import Event

import orjson
import pytest
from event_bus.errors import Unavailable
from event_bus.inbox.conversation import Conversation
from event_bus.inbox.pusher import PUSH_SECONDS, PushUnderWay
from event_bus.stores.socket_subscribers import SocketSubscriberKey

from tests.aws import Aws
from tests.clock import Clock, pass_by
from tests.unit.event_bus.inbox.sockets.conversing import (
    CALLER,
    SUBSCRIBE,
    fill,
    kinds,
    say,
)
from tests.unit.event_bus.inbox.sockets.wire import Wire


def test_no_push_precedes_the_answer_of_a_function_that_stands_still(
    aws: Aws, conversation: Conversation, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    pass_by(monkeypatch, 0)
    fill(aws, "evt_1")
    pushes: list[int] = []

    def stand_still() -> None:
        wire.sending.clear()
        # API Gateway does not wait longer for the function.
        pass_by(monkeypatch, 29)
        with pytest.raises(PushUnderWay):
            conversation.pusher.push(SocketSubscriberKey("sub_1", "one"), 1, patience=0)
        pushes.append(len(wire.received))

    wire.sending.append(stand_still)
    say(conversation, SUBSCRIBE)
    assert pushes == [0]
    assert kinds(wire) == ["subscribed", "events"]


def test_a_ping_passes_by_a_push_that_is_under_way(
    aws: Aws, conversation: Conversation, wire: Wire
) -> None:
    for name in ("sub_1", "sub_2"):
        say(conversation, {**SUBSCRIBE, "subscription_id": name})
        fill(aws, f"evt_{name}", name)
    assert aws.socket_subscribers.hold(SocketSubscriberKey("sub_1", "one"), "psh_other", 20)
    say(conversation, {"action": "ping"})
    assert kinds(wire)[2:] == ["pong", "events"]
    assert wire.received["one"][-1]["subscription_id"] == "sub_2"


def test_a_ping_that_takes_long_leaves_subscriptions_to_the_next_one(
    aws: Aws, conversation: Conversation, wire: Wire
) -> None:
    for name in ("sub_1", "sub_2"):
        say(conversation, {**SUBSCRIBE, "subscription_id": name})
        fill(aws, f"evt_{name}", name)
    clock = Clock()

    def slow() -> None:
        clock.now += PUSH_SECONDS + 1

    wire.sending.append(slow)
    waiting = replace(conversation, pusher=replace(conversation.pusher, clock=clock))
    say(waiting, {"action": "ping"})
    assert kinds(wire)[2:] == ["pong", "events"]
    say(waiting, {"action": "ping"})
    assert kinds(wire)[4:] == ["pong", "events"]
    followed = [each["subscription_id"] for each in wire.received["one"] if "items" in each]
    assert followed == ["sub_1", "sub_2"]


def test_a_client_that_unsubscribes_during_a_push_is_told_to_try_again(
    aws: Aws, conversation: Conversation, wire: Wire
) -> None:
    say(conversation, SUBSCRIBE)
    assert aws.socket_subscribers.hold(SocketSubscriberKey("sub_1", "one"), "psh_other", 20)
    clock = Clock()

    def sleep(seconds: float) -> None:
        clock.now += 50 * seconds

    waiting = replace(conversation.pusher, clock=clock, sleep=sleep)
    unsubscribe = {"action": "unsubscribe", "subscription_id": "sub_1"}
    say(replace(conversation, pusher=waiting), unsubscribe)
    assert wire.received["one"][-1]["error"]["status"] == 503


def test_a_message_that_takes_too_long_is_refused_before_lambda_ends_the_function(
    conversation: Conversation, wire: Wire
) -> None:
    def hang(_: str) -> None:
        Event().wait(60)

    text = orjson.dumps({**SUBSCRIBE, "ref": "r"}).decode()
    taken = replace(conversation, find=hang).take("one", CALLER, text, 0.1)
    assert isinstance(taken.problem, Unavailable)
    [refused] = wire.received["one"]
    assert (refused["ref"], refused["error"]["status"]) == ("r", 503)
