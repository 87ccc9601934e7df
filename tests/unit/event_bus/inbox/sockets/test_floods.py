"""A client that floods its WebSocket is refused, and then disconnected."""

from collections import Counter
from dataclasses import replace
from typing import Any

import orjson
import pytest
from event_bus.access.callers import listener_of
from event_bus.access.rate_limits import RateLimiter
from event_bus.inbox.conversation import Conversation
from event_bus.inbox.pusher import HOLD_SECONDS, Pusher
from event_bus.model.delivery import DeliveryKey
from event_bus.stores.socket_subscribers import SocketSubscriberKey
from event_bus.targets.inbox import InboxTarget

from tests.aws import Aws
from tests.builders import event, service, subscription
from tests.unit.event_bus.inbox.sockets.conversing import conversation_of
from tests.unit.event_bus.inbox.sockets.wire import Wire

PING = {"action": "ping", "ref": "r"}
CALLER = replace(service("worker"), rate_limit=2)
KEY = SocketSubscriberKey("sub_1", "one")


class Counted:
    """Counters in memory."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def add(self, name: str, requests: int, expires_at: int) -> int:  # noqa: ARG002
        self.counts[name] += requests
        return self.counts[name]


@pytest.fixture
def now() -> list[float]:
    return [1_000.0]


@pytest.fixture
def conversation(aws: Aws, wire: Wire, pusher: Pusher, now: list[float]) -> Conversation:
    aws.subscriptions.create(subscription("sub_1", target=InboxTarget("websocket")))
    return conversation_of(aws, wire, pusher, RateLimiter(Counted(), lambda: now[0]))


def said(
    conversation: Conversation, wire: Wire, message: Any, connection_id: str = "one"
) -> list[Any]:
    """Sends a message; returns what it is answered: the status of an error, or else the type."""
    before = len(wire.received.get(connection_id, []))
    conversation.take(connection_id, CALLER, orjson.dumps(message).decode())
    answers = wire.received.get(connection_id, [])[before:]
    return [each.get("error", {}).get("status", each["type"]) for each in answers]


def test_a_key_sends_so_many_messages_over_all_its_connections(
    aws: Aws, conversation: Conversation, wire: Wire, now: list[float]
) -> None:
    for number in range(20):
        assert said(conversation, wire, PING, f"c{number % 3}") == ["pong"]
    assert said(conversation, wire, PING, "c1") == [429]
    refused = wire.received["c1"][-1]
    assert (refused["ref"], refused["error"]["detail"]) == (
        "r",
        "The key may send 20 messages in 10 seconds, by its rate_limit or the deployment's setting "
        "key_rate; send this one again in 10 seconds.",
    )
    subscribe = {"action": "subscribe", "event_types": ["task.*"]}
    assert said(conversation, wire, subscribe, "c2") == [429]
    assert [each.id for each in aws.subscriptions.of_service("worker")] == ["sub_1"]
    assert wire.closed == []
    now[0] += 10
    assert said(conversation, wire, PING, "c1") == ["pong"]


def test_messages_that_are_no_json_count_too(conversation: Conversation, wire: Wire) -> None:
    for text in ("{", '{"ref": "\\ud800"}', "[]", "null") * 5:
        conversation.take("one", CALLER, text)
    conversation.take("one", CALLER, "{")
    statuses = [each["error"]["status"] for each in wire.received["one"]]
    assert statuses[-1] == 429
    assert 429 not in statuses[:-1]


def test_a_connection_that_goes_on_flooding_is_ended(
    conversation: Conversation, wire: Wire
) -> None:
    said(conversation, wire, {"action": "subscribe", "subscription_id": "sub_1"})
    answers = [said(conversation, wire, PING) for _ in range(40)]
    assert answers[:19] == [["pong"]] * 19
    assert answers[19:39] == [[429]] * 20
    assert (answers[39], wire.closed) == ([], ["one"])
    # It follows nothing any more, and another connection of the key is only refused.
    assert conversation.socket_subscribers.get(KEY) is None
    assert said(conversation, wire, PING, "two") == [429]
    assert wire.closed == ["one"]


@pytest.mark.parametrize("text", [[], "x", 5, {}, {"action": "dance"}])
def test_a_message_that_is_refused_is_counted_as_well(
    conversation: Conversation, wire: Wire, text: Any
) -> None:
    first = said(conversation, wire, text)
    assert first != [429]
    assert [said(conversation, wire, text) for _ in range(19)] == [first] * 19
    assert said(conversation, wire, text) == [429]


def test_a_connection_from_before_an_update_is_not_counted(
    conversation: Conversation, wire: Wire
) -> None:
    context = {"service_id": "worker", "role": "service"}
    for _ in range(50):
        conversation.take("one", listener_of(context), orjson.dumps(PING).decode())
    assert {each["type"] for each in wire.received["one"]} == {"pong"}
    assert listener_of({**context, "rate_limit": "7"}).rate_limit == 7


def test_a_ping_does_not_wait_for_a_push_that_is_under_way(
    aws: Aws, conversation: Conversation, wire: Wire, pusher: Pusher
) -> None:
    said(conversation, wire, {"action": "subscribe", "subscription_id": "sub_1"})
    aws.events.put(event("evt_1"), 30)
    aws.inboxes.append("sub_1", [DeliveryKey("evt_1", "sub_1")], pushed=True)
    assert aws.socket_subscribers.hold(KEY, "psh_other", HOLD_SECONDS)
    waits: list[float] = []
    waiting = replace(conversation, pusher=replace(pusher, sleep=waits.append))
    assert said(waiting, wire, PING) == ["pong"]
    assert waits == []


def test_an_acknowledgement_stands_though_another_function_pushes(
    aws: Aws, conversation: Conversation, wire: Wire, pusher: Pusher
) -> None:
    for number in range(102):
        aws.events.put(event(f"evt_{number}"), 30)
        aws.inboxes.append("sub_1", [DeliveryKey(f"evt_{number}", "sub_1")], pushed=True)
    # The window closes, so acknowledgements push.
    said(conversation, wire, {"action": "subscribe", "subscription_id": "sub_1"})
    assert aws.socket_subscribers.hold(KEY, "psh_other", HOLD_SECONDS)
    waits: list[float] = []
    waiting = replace(conversation, pusher=replace(pusher, sleep=waits.append))
    message = {"action": "ack", "subscription_id": "sub_1", "cursor": "7"}
    assert said(waiting, wire, message) == []
    assert aws.inbox_cursors.get("sub_1").acknowledged == 7
    # Many acknowledgements would otherwise occupy as many functions.
    assert waits == []
    # The other function has crashed, so nobody has seen the acknowledgement.
    assert aws.socket_subscribers.hold(KEY, "psh_other", 0)
    assert said(waiting, wire, PING) == ["pong", "events"]
    assert wire.cursors("one")[-1] == 102
