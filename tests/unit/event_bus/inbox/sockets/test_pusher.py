"""Events are pushed in order and without a gap, whoever pushes, and whatever goes wrong."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from event_bus.access.callers import Caller
from event_bus.inbox import pusher as pushing
from event_bus.inbox.connections import MAX_MESSAGE_BYTES, ConnectionGone
from event_bus.inbox.pusher import WINDOW, NotPushed, Pusher, PushUnderWay
from event_bus.model.delivery import DeliveryKey
from event_bus.stores.socket_subscribers import SocketSubscriber, SocketSubscriberKey

from tests.aws import Aws
from tests.builders import event, key
from tests.clock import Clock
from tests.unit.event_bus.inbox.sockets.inbox_of_one import KEY, SOON, fill, follow
from tests.unit.event_bus.inbox.sockets.wire import Wire, broken


def test_a_socket_subscriber_gets_what_it_has_not_got_once(
    aws: Aws, wire: Wire, pusher: Pusher
) -> None:
    follow(aws)
    pusher.push(KEY, fill(aws, 3))
    pusher.push(KEY, 3)
    pusher.push(KEY, 2)
    assert wire.cursors(KEY.connection_id) == [1, 2, 3]
    pusher.push_all({"sub_1": fill(aws, 2), "sub_2": 9})
    assert wire.cursors(KEY.connection_id) == [1, 2, 3, 4, 5]
    assert [message["cursor"] for message in wire.received[KEY.connection_id]] == ["3", "5"]


def test_the_window_closes_until_the_client_acknowledges(
    aws: Aws, wire: Wire, pusher: Pusher
) -> None:
    follow(aws)
    end = fill(aws, WINDOW + 30)
    pusher.push(KEY, end)
    assert wire.cursors(KEY.connection_id) == list(range(1, WINDOW + 1))
    subscriber = aws.socket_subscribers.acknowledge(KEY, 10)
    assert subscriber
    assert subscriber.waiting
    pusher.push(KEY, end)
    assert wire.cursors(KEY.connection_id) == list(range(1, WINDOW + 11))
    # To one that acknowledges nothing there is no window.
    other = SocketSubscriberKey("sub_1", "other")
    follow(aws, other, durable=False)
    pusher.push(other, end)
    assert wire.cursors("other") == list(range(1, end + 1))


def test_a_client_that_acknowledges_far_ahead_is_sent_no_more_at_once(
    aws: Aws, wire: Wire, pusher: Pusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(aws)
    end = fill(aws, WINDOW + 30)
    assert aws.socket_subscribers.acknowledge(KEY, WINDOW + 20, recorded=False)
    after, limits = type(aws.inboxes).after, []

    def limited(store: Any, subscription_id: str, position: int, limit: int) -> Any:
        limits.append(limit)
        return after(store, subscription_id, position, limit)

    monkeypatch.setattr(type(aws.inboxes), "after", limited)
    pusher.push(KEY, end)
    assert wire.cursors(KEY.connection_id) == list(range(1, end + 1))
    assert max(limits) == WINDOW


def test_an_acknowledgement_in_the_last_moment_is_not_missed(
    aws: Aws, wire: Wire, pusher: Pusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(aws)
    end = fill(aws, WINDOW + 5)
    release = type(aws.socket_subscribers).release

    def acknowledged_before(store: Any, key: SocketSubscriberKey, *args: Any, **named: Any) -> Any:
        if named["waiting"]:
            # It finds no waiting push, so it pushes nothing itself.
            found = aws.socket_subscribers.acknowledge(KEY, 50)
            assert found is None or not found.waiting
        return release(store, key, *args, **named)

    monkeypatch.setattr(type(aws.socket_subscribers), "release", acknowledged_before)
    pusher.push(KEY, end)
    assert wire.cursors(KEY.connection_id) == list(range(1, end + 1))


@pytest.mark.moto
def test_many_who_push_at_once_keep_the_order(aws: Aws, wire: Wire, pusher: Pusher) -> None:
    follow(aws)
    # All who wait move the clock, so that on a slow machine it would end a push.
    pusher = replace(pusher, clock=lambda: 0.0)

    def acknowledge() -> None:
        done = 0
        while done < 300 and wire.arrived.wait(60):
            wire.arrived.clear()
            got = wire.cursors(KEY.connection_id)
            if got and got[-1] > done:
                done = got[-1]
                subscriber = aws.socket_subscribers.acknowledge(KEY, done)
                if subscriber and subscriber.waiting:
                    pusher.push(KEY, aws.inboxes.last("sub_1"))

    client = threading.Thread(target=acknowledge, daemon=True)
    client.start()
    with ThreadPoolExecutor(4) as pushers:
        pushed = [pushers.submit(pusher.push, KEY, fill(aws, 10)) for _ in range(30)]
        for each in pushed:
            each.result()
    client.join(60)
    assert wire.cursors(KEY.connection_id) == list(range(1, 301))


class Broken(Exception):
    """The function that pushes crashes."""


def test_an_interrupted_push_is_repeated_by_another_function(
    aws: Aws, wire: Wire, pusher: Pusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "MAX_MESSAGE_BYTES", 1_000)
    monkeypatch.setattr(pushing, "HOLD_SECONDS", 0.2)
    follow(aws)
    end = fill(aws, 6, "x" * 500)
    with broken(wire, Broken(), after=3), pytest.raises(Broken):
        pusher.push(KEY, end)
    assert wire.cursors(KEY.connection_id) == [1, 2, 3]
    # Another one waits until its hold has ended; what the client has seen comes again, in order.
    pusher.push(KEY, end)
    assert wire.cursors(KEY.connection_id) == [1, 2, 3, 1, 2, 3, 4, 5, 6]


def test_no_push_waits_for_ever(aws: Aws, pusher: Pusher) -> None:
    follow(aws)
    assert aws.socket_subscribers.hold(KEY, "another", 60)
    clock = Clock()

    def sleep(seconds: float) -> None:
        clock.now += 50 * seconds

    with pytest.raises(PushUnderWay):
        replace(pusher, clock=clock, sleep=sleep).push(KEY, fill(aws, 1))


def test_a_failing_connection_does_not_affect_the_others(
    aws: Aws, wire: Wire, pusher: Pusher
) -> None:
    other = SocketSubscriberKey("sub_2", "other")
    follow(aws)
    follow(aws, other)
    assert aws.socket_subscribers.hold(other, "another", 60)
    clock = Clock()

    def sleep(seconds: float) -> None:
        clock.now += 50 * seconds

    with pytest.raises(NotPushed):
        replace(pusher, clock=clock, sleep=sleep).push_all({"sub_1": fill(aws, 2), "sub_2": 1})
    assert wire.cursors(KEY.connection_id) == [1, 2]


def test_a_failure_of_the_gateway_is_left_to_the_next_push(
    aws: Aws, wire: Wire, pusher: Pusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "HOLD_SECONDS", 0.1)
    follow(aws)
    end = fill(aws, 2)
    error = ReadTimeoutError(endpoint_url="https://socket")
    with broken(wire, error), pytest.raises(NotPushed):
        pusher.push_all({"sub_1": end})
    pusher.push_all({"sub_1": end})
    assert wire.cursors(KEY.connection_id) == [1, 2]


def test_a_client_that_is_gone_is_forgotten_with_what_was_its_own(
    aws: Aws, wire: Wire, pusher: Pusher
) -> None:
    begun = pusher.listeners.begin(["task.*"], {}, Caller("llm", "service"), "websocket", 60)
    key = SocketSubscriberKey(begun.id, "connection_1")
    follow(aws, key, durable=False)
    aws.events.put(event("evt_1"), 30)
    aws.inboxes.append(begun.id, [DeliveryKey("evt_1", begun.id)], pushed=True)
    with broken(wire, ConnectionGone()):
        pusher.push(key, 1)
    assert aws.socket_subscribers.get(key) is None
    assert aws.subscriptions.get(begun.id) is None
    pusher.push(key, 1)


def test_a_client_whose_key_is_gone_is_disconnected_and_sent_nothing(
    aws: Aws, wire: Wire, pusher: Pusher
) -> None:
    aws.put_keys(key("secret"))
    for number, api_key in enumerate(["key_gone", key("secret").id, None]):
        name = SocketSubscriberKey("sub_1", f"connection_{number}")
        subscriber = SocketSubscriber(name, 0, 0, durable=True, api_key=api_key)
        aws.socket_subscribers.add(subscriber, "adder", -1, SOON)
    pusher.push_all({"sub_1": fill(aws, 1)})
    assert wire.closed == ["connection_0"]
    assert [wire.cursors(f"connection_{number}") for number in range(3)] == [[], [1], [1]]
    left = aws.socket_subscribers.of_subscription("sub_1")
    assert sorted(each.connection_id for each in left) == ["connection_1", "connection_2"]


def test_a_message_holds_no_more_than_the_gateway_takes(
    aws: Aws, wire: Wire, pusher: Pusher
) -> None:
    follow(aws)
    fill(aws, 3, "x" * 50_000)
    pusher.push(KEY, fill(aws, 1, "x" * MAX_MESSAGE_BYTES))
    messages = wire.received[KEY.connection_id]
    assert [len(message["items"]) for message in messages] == [2, 2]
    payloads = [item["event"]["payload"] for message in messages for item in message["items"]]
    assert [payload and len(payload["text"]) for payload in payloads] == [50_000] * 3 + [None]


def test_an_overtaken_push_continues_where_the_other_one_stopped(
    aws: Aws, wire: Wire, pusher: Pusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "HOLD_SECONDS", -1)
    follow(aws)

    def overtaken() -> None:
        wire.sending.clear()
        assert aws.socket_subscribers.hold(KEY, "another", -1)
        assert aws.socket_subscribers.release(KEY, "another", 1, waiting=False)

    wire.sending.append(overtaken)
    pusher.push(KEY, fill(aws, 3))
    assert wire.cursors(KEY.connection_id) == [1, 2, 3, 2, 3]
    left = aws.socket_subscribers.get(KEY)
    assert left
    assert left.sent == 3
