"""Messages of clients are carried out, or refused with the reason."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from botocore.exceptions import ReadTimeoutError
from event_bus.access.callers import Caller
from event_bus.inbox import pusher as pushing
from event_bus.inbox.connections import ConnectionGone
from event_bus.inbox.conversation import Conversation
from event_bus.inbox.following import MAX_SUBSCRIPTIONS
from event_bus.inbox.pusher import WINDOW, Pusher
from event_bus.stores.socket_subscribers import SocketSubscriberKey
from event_bus.targets.inbox import InboxTarget

from tests.aws import Aws
from tests.builders import key, service, subscription
from tests.unit.event_bus.inbox.sockets.conversing import (
    CALLER,
    SUBSCRIBE,
    fill,
    kinds,
    say,
)
from tests.unit.event_bus.inbox.sockets.wire import Wire, broken


def test_a_client_without_a_place_continues_after_the_acknowledged_one(
    aws: Aws, conversation: Conversation, wire: Wire
) -> None:
    for name in ("evt_1", "evt_2", "evt_3"):
        fill(aws, name)
    say(conversation, SUBSCRIBE)
    assert kinds(wire) == ["subscribed", "events"]
    say(conversation, {"action": "ack", "subscription_id": "sub_1", "cursor": "2"})
    say(conversation, {"action": "ack", "subscription_id": "sub_1", "cursor": "1"})
    assert aws.inbox_cursors.get("sub_1").acknowledged == 2
    say(conversation, SUBSCRIBE, "two")
    assert wire.received["two"][0]["cursor"] == "2"
    assert wire.cursors("two") == [3]
    say(conversation, {**SUBSCRIBE, "cursor": "1"}, "three")
    assert wire.cursors("three") == [2, 3]


def test_an_acknowledgement_reaches_no_further_than_it_says(
    aws: Aws, conversation: Conversation, wire: Wire
) -> None:
    for name in ("evt_1", "evt_2", "evt_3", "evt_4"):
        fill(aws, name)
    # A client that names its place gets no event before it.
    say(conversation, {**SUBSCRIBE, "cursor": "4"})
    assert kinds(wire) == ["subscribed"]
    assert aws.inbox_cursors.get("sub_1").acknowledged == 0
    say(conversation, {"action": "ack", "subscription_id": "sub_1", "cursor": "1"})
    assert aws.inbox_cursors.get("sub_1").acknowledged == 1
    say(conversation, {"action": "ack", "subscription_id": "sub_1", "cursor": "1"})
    assert aws.inbox_cursors.get("sub_1").acknowledged == 1
    assert kinds(wire) == ["subscribed"]


@pytest.mark.parametrize(
    ("cursor", "status"), [("3", 422), ("999999999999999", 422), ("-1", 422), (1, 422), ("", 422)]
)
def test_a_cursor_beyond_the_sent_events_is_refused(
    aws: Aws, conversation: Conversation, wire: Wire, cursor: Any, status: int
) -> None:
    for name in ("evt_1", "evt_2"):
        fill(aws, name)
    say(conversation, SUBSCRIBE)
    say(conversation, {"action": "ack", "subscription_id": "sub_1", "cursor": cursor})
    assert kinds(wire) == ["subscribed", "events", "error"]
    error = wire.received["one"][-1]["error"]
    assert (error["status"], error["errors"][0]["pointer"]) == (status, "/cursor")
    assert aws.inbox_cursors.get("sub_1").acknowledged == 0
    stands = aws.socket_subscribers.get(SocketSubscriberKey("sub_1", "one"))
    assert stands
    assert stands.acknowledged == 0


def acknowledge(conversation: Conversation, place: int) -> None:
    say(conversation, {"action": "ack", "subscription_id": "sub_1", "cursor": str(place)})


def test_a_client_acknowledges_before_the_push_is_recorded(
    aws: Aws, conversation: Conversation, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = type(aws.socket_subscribers).release
    places = [WINDOW, WINDOW + 5, WINDOW + 6]

    def late(*arguments: Any, **named: Any) -> Any:
        if places:
            acknowledge(conversation, places.pop(0))
        return release(*arguments, **named)

    for number in range(WINDOW + 5):
        fill(aws, f"evt_{number}")
    monkeypatch.setattr(type(aws.socket_subscribers), "release", late)
    say(conversation, SUBSCRIBE)
    # The window was full, and is open again.
    assert wire.cursors("one") == list(range(1, WINDOW + 6))
    assert kinds(wire) == ["subscribed", "events", "events"]
    assert aws.inbox_cursors.get("sub_1").acknowledged == WINDOW + 5
    fill(aws, "evt_last")
    places[:] = [WINDOW + 7]
    conversation.pusher.push(SocketSubscriberKey("sub_1", "one"), WINDOW + 6)
    # The inbox holds no such place.
    assert kinds(wire)[3:] == ["events", "error"]
    assert aws.inbox_cursors.get("sub_1").acknowledged == WINDOW + 5


def test_a_client_acknowledges_what_a_push_sent_that_went_down(
    aws: Aws, conversation: Conversation, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "MAX_MESSAGE_BYTES", 1)
    say(conversation, SUBSCRIBE)
    for name in ("evt_1", "evt_2"):
        fill(aws, name)
    timeout = ReadTimeoutError(endpoint_url="https://socket.example")
    with broken(wire, timeout, after=1), pytest.raises(ReadTimeoutError):
        conversation.pusher.push(SocketSubscriberKey("sub_1", "one"), 2)
    acknowledge(conversation, 1)
    assert kinds(wire) == ["subscribed", "events"]
    assert aws.inbox_cursors.get("sub_1").acknowledged == 1


@pytest.mark.parametrize(
    ("place", "acknowledged"), [(2 * WINDOW, True), (2 * WINDOW + 1, False), (240, False)]
)
def test_a_push_under_way_has_sent_no_more_than_its_page(
    aws: Aws, conversation: Conversation, wire: Wire, place: int, *, acknowledged: bool
) -> None:
    """Otherwise a client could acknowledge events that nobody has handed out."""
    for number in range(250):
        fill(aws, f"evt_{number}")
    say(conversation, SUBSCRIBE)
    acknowledge(conversation, 1)
    assert wire.cursors("one")[-1] == WINDOW + 1
    key = SocketSubscriberKey("sub_1", "one")
    # The push ends at once, or its function has crashed.
    assert aws.socket_subscribers.hold(key, "psh_1", 20)
    acknowledge(conversation, place + 1)
    assert aws.inbox_cursors.get("sub_1").acknowledged == (place + 1 if acknowledged else 1)
    assert (kinds(wire)[-1] == "error") is not acknowledged


def test_an_acknowledgement_that_the_push_overtakes_is_kept(
    aws: Aws, conversation: Conversation, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = SocketSubscriberKey("sub_1", "one")
    say(conversation, SUBSCRIBE)
    for name in ("evt_1", "evt_2"):
        fill(aws, name)
    assert aws.socket_subscribers.hold(key, "psh_1", 20)
    get = type(aws.socket_subscribers).get

    def late(*arguments: Any) -> Any:
        # The first write found nothing sent yet.
        aws.socket_subscribers.release(key, "psh_1", 2, waiting=False)
        return get(*arguments)

    monkeypatch.setattr(type(aws.socket_subscribers), "get", late)
    acknowledge(conversation, 2)
    stands = aws.socket_subscribers.get(key)
    assert stands
    assert (stands.sent, stands.acknowledged) == (2, 2)
    assert kinds(wire) == ["subscribed"]


def test_a_client_cannot_begin_beyond_the_end(
    aws: Aws, conversation: Conversation, wire: Wire
) -> None:
    fill(aws, "evt_1")
    say(conversation, {**SUBSCRIBE, "cursor": "2"})
    [error] = wire.received["one"]
    assert error["error"]["errors"] == [
        {"pointer": "/cursor", "detail": "is beyond the end of the inbox, which is 1"}
    ]
    assert aws.socket_subscribers.of_subscription("sub_1") == []


def test_an_event_that_arrives_during_the_subscription_is_pushed(
    aws: Aws, conversation: Conversation, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = type(aws.socket_subscribers).add

    def late(*arguments: Any) -> bool:
        # Its own push finds no WebSocket subscriber yet.
        fill(aws, "evt_1")
        return add(*arguments)

    monkeypatch.setattr(type(aws.socket_subscribers), "add", late)
    say(conversation, SUBSCRIBE)
    assert wire.cursors("one") == [1]


def test_no_push_precedes_the_answer_to_a_subscription(
    aws: Aws, conversation: Conversation, wire: Wire
) -> None:
    fill(aws, "evt_1")
    held: list[bool] = []
    key = SocketSubscriberKey("sub_1", "one")
    wire.sending.append(lambda: held.append(aws.socket_subscribers.hold(key, "another", 9) is None))
    say(conversation, SUBSCRIBE)
    assert held == [True, True]
    assert kinds(wire) == ["subscribed", "events"]


def test_a_client_may_try_again_after_a_refusal(
    aws: Aws, conversation: Conversation, wire: Wire
) -> None:
    fill(aws, "evt_1")
    error = ReadTimeoutError(endpoint_url="https://socket")
    once = iter([None, error])

    def fail() -> None:
        if failure := next(once, None):
            raise failure

    wire.sending.append(fail)
    say(conversation, SUBSCRIBE)
    assert kinds(wire) == ["subscribed", "error"]
    assert wire.received["one"][1]["error"]["status"] == 503
    say(conversation, SUBSCRIBE)
    assert kinds(wire) == ["subscribed", "error", "subscribed", "events"]


def test_a_ping_brings_the_events_whose_push_was_given_up(
    aws: Aws, conversation: Conversation, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(conversation, SUBSCRIBE)
    say(conversation, {**SUBSCRIBE, "subscription_id": "sub_2"})
    for name in ("evt_1", "evt_2"):
        fill(aws, name)

    def fail(*_: Any) -> None:
        raise ReadTimeoutError(endpoint_url="https://push")

    with monkeypatch.context() as patched:
        patched.setattr(Pusher, "push", fail)
        say(conversation, {"action": "ping", "ref": "1"})
    assert kinds(wire) == ["subscribed", "subscribed", "pong"]
    say(conversation, {"action": "ping", "ref": "2"})
    assert kinds(wire) == ["subscribed", "subscribed", "pong", "pong", "events"]
    assert wire.cursors("one") == [1, 2]
    say(conversation, {"action": "ping", "ref": "3"})
    assert kinds(wire)[5:] == ["pong"]
    pongs = [each for each in wire.received["one"] if each["type"] == "pong"]
    assert [each["ref"] for each in pongs] == ["1", "2", "3"]


def test_a_ping_opens_no_window(
    aws: Aws, conversation: Conversation, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "WINDOW", 2)
    say(conversation, SUBSCRIBE)
    for name in ("evt_1", "evt_2", "evt_3"):
        fill(aws, name)
    for _ in range(2):
        say(conversation, {"action": "ping"})
        assert wire.cursors("one") == [1, 2]
    say(conversation, {"action": "ack", "subscription_id": "sub_1", "cursor": "2"})
    assert wire.cursors("one") == [1, 2, 3]


def test_a_connection_that_ends_meanwhile_is_forgotten(
    aws: Aws, conversation: Conversation, wire: Wire
) -> None:
    with broken(wire, ConnectionGone()):
        say(conversation, SUBSCRIBE)
        say(conversation, {"action": "ping"})
    assert aws.socket_subscribers.of_subscription("sub_1") == []
    assert wire.received == {}


def test_a_connection_that_ends_before_a_refusal_is_forgotten(
    aws: Aws, conversation: Conversation, wire: Wire
) -> None:
    say(conversation, SUBSCRIBE)
    assert aws.socket_subscribers.of_subscription("sub_1")
    with broken(wire, ConnectionGone()):
        say(conversation, {"action": "unknown"})
    assert aws.socket_subscribers.of_subscription("sub_1") == []


def test_a_connection_follows_so_many_and_no_more(conversation: Conversation, wire: Wire) -> None:
    listen = {"action": "subscribe", "event_types": ["task.*"]}
    for _ in range(MAX_SUBSCRIPTIONS):
        say(conversation, listen)
    say(conversation, {**listen, "ref": "last"})
    assert kinds(wire).count("subscribed") == MAX_SUBSCRIPTIONS
    assert wire.received["one"][-1]["ref"] == "last"
    assert wire.received["one"][-1]["error"]["status"] == 409
    conversation.end("one")
    say(conversation, listen)
    assert kinds(wire)[-1] == "subscribed"


def test_a_token_for_one_subscription_follows_that_one(
    conversation: Conversation, wire: Wire
) -> None:
    bound = Caller("worker", "listener", "sub_1")
    say(conversation, SUBSCRIBE, caller=bound)
    say(conversation, {**SUBSCRIBE, "subscription_id": "sub_2"}, caller=bound)
    say(conversation, {"action": "subscribe", "event_types": ["task.*"]}, caller=bound)
    assert kinds(wire) == ["subscribed", "error", "error"]
    assert [each["error"]["status"] for each in wire.received["one"][1:]] == [404, 403]
    # Its owner's, and nobody else's.
    say(conversation, SUBSCRIBE, "two", service("other"))
    assert wire.received["two"][0]["error"]["status"] == 404


@pytest.mark.parametrize("target", [InboxTarget("pull"), InboxTarget("sse"), None])
def test_only_a_subscription_with_a_websocket_as_its_target_is_followed(
    aws: Aws, conversation: Conversation, wire: Wire, target: InboxTarget | None
) -> None:
    aws.subscriptions.create(subscription("sub_9", target=target))
    say(conversation, {**SUBSCRIBE, "subscription_id": "sub_9"})
    error = wire.received["one"][0]["error"]
    said = "The target of the subscription sub_9 is not a WebSocket; register one with this target"
    instead = "or name event_types instead of a subscription_id."
    assert (error["status"], error["detail"]) == (409, f"{said}, {instead}")


def test_a_listener_of_another_connection_cannot_be_subscribed_to(
    aws: Aws, conversation: Conversation, wire: Wire
) -> None:
    say(conversation, {"action": "subscribe", "event_types": ["task.*"]})
    [begun] = wire.received["one"]
    name = begun["subscription_id"]
    say(conversation, {**SUBSCRIBE, "subscription_id": name}, "two")
    error = wire.received["two"][0]["error"]
    said = f"The subscription {name} ends with the connection that began it; name event_types "
    assert (error["status"], error["detail"]) == (409, f"{said}instead of a subscription_id.")
    # Nobody acknowledges what ends with its connection.
    fill(aws, "evt_1", name)
    conversation.pusher.push(SocketSubscriberKey(name, "one"), 1)
    say(conversation, {"action": "ack", "subscription_id": name, "cursor": "1"})
    refused = wire.received["one"][-1]["error"]
    said = "Events of a subscription that ends with its connection cannot be acknowledged."
    assert (refused["status"], refused["detail"]) == (409, said)
    conversation.end("one")
    assert aws.subscriptions.get(begun["subscription_id"]) is None


def test_an_unsubscribed_client_gets_nothing_more(
    aws: Aws, conversation: Conversation, wire: Wire, pusher: Pusher
) -> None:
    say(conversation, SUBSCRIBE)
    say(conversation, {"action": "unsubscribe", "subscription_id": "sub_1"})
    fill(aws, "evt_1")
    pusher.push_all({"sub_1": 1})
    assert kinds(wire) == ["subscribed", "unsubscribed"]
    assert aws.subscriptions.get("sub_1") is not None


def test_a_message_with_a_key_that_has_ended_ends_its_connection(
    aws: Aws, conversation: Conversation, wire: Wire
) -> None:
    ended, known = service("worker", "ebk_ended"), service("worker", "ebk_1")
    aws.add_keys(replace(key("a-key-of-the-worker-000000000000", "worker"), id="ebk_1"))
    say(conversation, {"action": "ping"}, caller=known)
    assert kinds(wire) == ["pong"]
    say(conversation, {**SUBSCRIBE, "ref": 7}, "two", ended)
    assert wire.closed == ["two"]
    assert "two" not in wire.received
    assert aws.socket_subscribers.of_connection("two") == []


@pytest.mark.parametrize(
    ("message", "taken"),
    [
        ({"action": "subscribe", "event_types": ["task.*"]}, ("subscribe", True)),
        ({"action": "subscribe", "subscription_id": "sub_1"}, ("subscribe", False)),
        ({"action": "ping"}, ("ping", False)),
        ({"action": 7}, ("", False)),
    ],
)
def test_the_audit_log_learns_what_a_client_asked_for(
    conversation: Conversation, message: dict[str, Any], taken: tuple[str, bool]
) -> None:
    asked = conversation.take("one", CALLER, orjson.dumps(message).decode())
    assert (asked.action, asked.listens) == taken
    assert (asked.listener_id is not None) == asked.listens
    assert (asked.problem is not None) == (message["action"] == 7)
