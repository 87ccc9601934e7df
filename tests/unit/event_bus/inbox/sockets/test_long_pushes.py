"""A push that takes long leaves the rest to the next one, and nothing is left to nobody."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from event_bus.access.authenticator import CACHE_SECONDS
from event_bus.access.live_keys import LiveKeys
from event_bus.inbox import pusher as pushing
from event_bus.inbox.conversation import Conversation
from event_bus.inbox.pusher import PUSH_SECONDS, NotPushed, Pusher, PushUnfinished
from event_bus.inbox.reader import InboxReader
from event_bus.model.delivery import DeliveryKey
from event_bus.stores.socket_subscribers import SocketSubscriber, SocketSubscriberKey

from tests.aws import Aws
from tests.builders import key
from tests.clock import Clock
from tests.unit.event_bus.inbox.sockets.conversing import SUBSCRIBE, kinds, say
from tests.unit.event_bus.inbox.sockets.inbox_of_one import KEY, SOON, fill, follow
from tests.unit.event_bus.inbox.sockets.wire import Wire


def sending_takes(wire: Wire, clock: Clock, seconds: float) -> None:
    """Lets each message take so many seconds."""

    def pass_by() -> None:
        clock.now += seconds

    wire.sending.append(pass_by)


def test_a_long_push_leaves_the_rest_to_the_next_acknowledgement(
    aws: Aws, wire: Wire, pusher: Pusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "MAX_MESSAGE_BYTES", 1_000)
    follow(aws)
    clock = Clock()
    slow = replace(pusher, clock=clock)
    sending_takes(wire, clock, PUSH_SECONDS - 1)
    end = fill(aws, 6, "x" * 500)
    slow.push(KEY, end)
    # The push has seconds left for the second message, and none for the third.
    assert wire.cursors(KEY.connection_id) == [1, 2]
    for place in (1, 4):
        subscriber = aws.socket_subscribers.acknowledge(KEY, place)
        assert subscriber
        assert subscriber.waiting
        assert not subscriber.pushing
        slow.push(KEY, end)
    assert wire.cursors(KEY.connection_id) == [1, 2, 3, 4, 5, 6]
    left = aws.socket_subscribers.get(KEY)
    assert left
    assert not left.waiting


def test_lambda_repeats_a_long_push_that_no_acknowledgement_continues(
    aws: Aws, wire: Wire, pusher: Pusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "MAX_MESSAGE_BYTES", 1_000)
    follow(aws, durable=False)
    clock = Clock()
    slow = replace(pusher, clock=clock)
    sending_takes(wire, clock, PUSH_SECONDS - 1)
    end = fill(aws, 5, "x" * 500)
    for _ in range(2):
        with pytest.raises(NotPushed):
            slow.push_all({"sub_1": end})
    slow.push_all({"sub_1": end})
    assert wire.cursors(KEY.connection_id) == [1, 2, 3, 4, 5]


def acknowledge_at_once(aws: Aws, monkeypatch: pytest.MonkeyPatch, place: int | None) -> None:
    """Lets a client acknowledge before a push records it: what was sent, or always one place."""
    release = type(aws.socket_subscribers).release

    def late(store: Any, key: SocketSubscriberKey, holder: str, sent: int, **named: Any) -> Any:
        store.acknowledge(key, place or sent, recorded=False)
        return release(store, key, holder, sent, **named)

    monkeypatch.setattr(type(aws.socket_subscribers), "release", late)


@pytest.mark.parametrize(("pages", "sent"), [(3, 3), (5, 3)])
def test_a_push_goes_on_for_a_client_that_has_acknowledged_everything(
    aws: Aws,
    wire: Wire,
    pusher: Pusher,
    monkeypatch: pytest.MonkeyPatch,
    pages: int,
    sent: int,
) -> None:
    monkeypatch.setattr(pushing, "WINDOW", 2)
    follow(aws)
    clock = Clock()
    slow = replace(pusher, clock=clock)
    sending_takes(wire, clock, PUSH_SECONDS / 2)
    acknowledge_at_once(aws, monkeypatch, None)
    end = fill(aws, 2 * pages)
    # No acknowledgement is left to continue the push, so it sends as long as it may.
    if sent < pages:
        with pytest.raises(PushUnfinished):
            slow.push(KEY, end)
    else:
        slow.push(KEY, end)
    assert wire.cursors(KEY.connection_id) == list(range(1, 2 * sent + 1))


def entry(aws: Aws, place: int) -> Any:
    """An entry of the inbox, as the table stream passes it."""
    key = {"subscription_id": {"S": "sub_1"}, "position": {"N": str(place)}}
    return aws.dynamodb.get_item(TableName=aws.tables["inbox"], Key=key)["Item"]


MESSAGES = {
    "subscribe": SUBSCRIBE,
    "ack": {"action": "ack", "subscription_id": "sub_1", "cursor": "2"},
    "ping": {"action": "ping"},
}


@pytest.mark.parametrize("action", MESSAGES)
def test_the_table_stream_continues_a_push_that_a_message_began(
    aws: Aws,
    wire: Wire,
    conversation: Conversation,
    monkeypatch: pytest.MonkeyPatch,
    action: str,
) -> None:
    monkeypatch.setattr(pushing, "WINDOW", 2)
    end = fill(aws, 12) if action == "ack" else 0
    if action != "subscribe":
        say(conversation, SUBSCRIBE)
    end = end or fill(aws, 12)
    new, before = entry(aws, end), len(wire.cursors("one"))
    acknowledge_at_once(aws, monkeypatch, None)
    clock = Clock()
    sending_takes(wire, clock, PUSH_SECONDS / 2)
    slow = replace(conversation, pusher=replace(conversation.pusher, clock=clock))
    say(slow, MESSAGES[action])
    sent = wire.cursors("one")
    assert before < len(sent) < end
    assert "error" not in kinds(wire)
    passed = entry(aws, end)
    assert passed["pushed"] == {"BOOL": True}
    assert passed != new
    conversation.pusher.push_all({"sub_1": end})
    assert wire.cursors("one") == list(range(1, end + 1))


def test_a_client_that_acknowledges_ahead_does_not_prolong_a_push(
    aws: Aws, wire: Wire, pusher: Pusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "WINDOW", 2)
    follow(aws)
    clock = Clock()
    sending_takes(wire, clock, PUSH_SECONDS / 2)
    end = fill(aws, 10)
    acknowledge_at_once(aws, monkeypatch, end)
    replace(pusher, clock=clock).push(KEY, end)
    assert wire.cursors(KEY.connection_id) == [1, 2]


def test_a_push_that_reads_for_too_long_sends_nothing(
    aws: Aws, wire: Wire, pusher: Pusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(aws)
    clock = Clock()
    read, durations = InboxReader.read, [10, 0]

    def slow(reader: InboxReader, *args: Any) -> Any:
        clock.now += durations.pop(0)
        return read(reader, *args)

    monkeypatch.setattr(InboxReader, "read", slow)
    late, end = replace(pusher, clock=clock), fill(aws, 2)
    # Its hold may end while it sends.
    with pytest.raises(PushUnfinished):
        late.push(KEY, end)
    assert wire.cursors(KEY.connection_id) == []
    late.push(KEY, end)
    assert wire.cursors(KEY.connection_id) == [1, 2]


def test_a_batch_whose_pushes_take_long_is_left_before_lambda_ends_the_function(
    aws: Aws, wire: Wire, pusher: Pusher
) -> None:
    keys = [SocketSubscriberKey("sub_1", f"connection_{number}") for number in range(9)]
    for each in keys:
        follow(aws, each)
    clock = Clock()
    sending_takes(wire, clock, 10)
    end = fill(aws, 1)
    with ThreadPoolExecutor(1) as executor:
        slow = replace(pusher, clock=clock, executor=executor)
        with pytest.raises(NotPushed, match="to 5 of 9 connections"):
            slow.push_all({"sub_1": end})
        assert len(wire.received) == 4
        for _ in range(2):
            with pytest.raises(NotPushed) if len(wire.received) < 8 else nullcontext():
                slow.push_all({"sub_1": end})
    assert [wire.cursors(each.connection_id) for each in keys] == [[1]] * 9


def test_an_inbox_with_many_connections_does_not_hold_up_the_others(
    aws: Aws, wire: Wire, pusher: Pusher
) -> None:
    for number in range(5):
        follow(aws, SocketSubscriberKey("sub_1", f"many_{number}"))
    for subscription_id in ("sub_2", "sub_3"):
        follow(aws, SocketSubscriberKey(subscription_id, f"one_of_{subscription_id}"))
        aws.inboxes.append(subscription_id, [DeliveryKey("evt_1", subscription_id)], pushed=True)
    places = {"sub_1": fill(aws, 1), "sub_2": 1, "sub_3": 1}
    with ThreadPoolExecutor(1) as executor:
        replace(pusher, executor=executor).push_all(places)
    pushed = list(wire.received)
    assert sorted(pushed[:3]) == ["many_0", "one_of_sub_2", "one_of_sub_3"]
    assert pushed[3:] == [f"many_{number}" for number in range(1, 5)]


def test_a_key_that_ends_during_a_push_ends_the_push(
    aws: Aws, wire: Wire, pusher: Pusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "WINDOW", 2)
    aws.add_keys(key("secret"))
    subscriber = SocketSubscriber(KEY, 0, 0, durable=False, api_key=key("secret").id)
    aws.socket_subscribers.add(subscriber, "adder", -1, SOON)
    clock = Clock()

    def revoke() -> None:
        clock.now += CACHE_SECONDS + 1
        aws.revoke(key("secret"))

    wire.sending.append(revoke)
    live = LiveKeys(aws.keys, lambda: "admin_1", clock)
    replace(pusher, live_keys=live).push(KEY, fill(aws, 6))
    assert wire.cursors(KEY.connection_id) == [1, 2]
    assert wire.closed == [KEY.connection_id]
    assert aws.socket_subscribers.get(KEY) is None
