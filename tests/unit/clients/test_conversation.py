"""What a consumer says over WebSockets: events come once, and are acknowledged."""

from typing import Any

import pytest
from event_bus_client import ConnectionFailed, NoEvent, NotFound, Received, TooManyRequests
from event_bus_client.conversation import (
    ACKNOWLEDGE_SECONDS,
    ANSWER_SECONDS,
    IDLE_SECONDS,
    LONGEST_RECONNECT_SECONDS,
    MOST_UNACKNOWLEDGED,
    Conversation,
    with_payload,
)
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

AT = "2026-05-01T12:00:00.000Z"
SUBSCRIBED = {"type": "subscribed", "ref": "subscribe", "cursor": "0"}


def item(place: int, payload: Any = None) -> dict[str, Any]:
    event = {"id": f"e{place}", "type": "a.b", "source": "shop", "timestamp": AT}
    return {
        "cursor": str(place),
        "delivery_id": f"d{place}",
        "event": {**event, "payload": payload},
    }


def events(*places: int) -> dict[str, Any]:
    return {"type": "events", "items": [item(each) for each in places]}


def received(place: int) -> Received:
    return Received.model_validate(item(place))


def conversation(place: str | None = None) -> Conversation:
    return Conversation("sub_1", place, lambda: 1.0)


class Inbox:
    """An inbox that repeats some events, and connections that lose what was sent last."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.acknowledged = 0

    def items(self, said: dict[str, Any], repeated: int, upto: int) -> list[int]:
        begun = int(said.get("cursor", self.acknowledged))
        return [*range(max(1, begun + 1 - repeated), min(self.count, begun + upto) + 1)]

    def heard(self, messages: list[dict[str, Any]], handled: int) -> None:
        for each in messages:
            if each["action"] == "ack":
                assert self.acknowledged <= int(each["cursor"]) <= handled
                self.acknowledged = int(each["cursor"])


CONNECTIONS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 40), st.integers(0, 40), st.booleans()), max_size=8
)


@given(st.integers(1, 60), CONNECTIONS)
def test_each_event_is_handled_once_and_acknowledged(count: int, connections: Any) -> None:
    inbox, consumer, now, handled = Inbox(count), conversation(), 1000.0, 0
    for repeated, upto, kept, loses in [*connections, (2, count, count, False)]:
        said = consumer.connected(now)
        consumer.received({**SUBSCRIBED, "cursor": str(inbox.acknowledged)}, now)
        for each in consumer.received(events(*inbox.items(said, repeated, upto)), now)[:kept]:
            assert int(each.cursor) == handled + 1
            handled += 1
            now += 0.01
            messages = consumer.handled(each, now)
            if not loses:
                inbox.heard(messages, handled)
        left = consumer.unacknowledged(now)
        if not loses:
            inbox.heard(left, handled)
    assert handled == inbox.acknowledged == count


def test_acknowledgements_go_out_together() -> None:
    consumer = conversation()
    consumer.connected(0)
    sent = [consumer.handled(received(place), 0) for place in range(1, 51)]
    assert [each for each in sent if each] == [
        [{"action": "ack", "subscription_id": "sub_1", "cursor": str(MOST_UNACKNOWLEDGED * n)}]
        for n in (1, 2)
    ]
    assert consumer.handled(received(51), 0) == []
    [late] = consumer.handled(received(52), ACKNOWLEDGE_SECONDS)
    assert late["cursor"] == "52"
    assert consumer.unacknowledged(0) == []


def test_an_idle_connection_is_kept_and_a_dead_one_is_left() -> None:
    consumer = conversation()
    consumer.connected(0)
    consumer.received(SUBSCRIBED, 1)
    assert consumer.idle(IDLE_SECONDS) == []
    assert consumer.idle(1 + IDLE_SECONDS) == [{"action": "ping"}]
    with pytest.raises(ConnectionFailed):
        consumer.idle(1 + IDLE_SECONDS + ANSWER_SECONDS)
    consumer.connected(2000)
    with pytest.raises(ConnectionFailed):
        consumer.idle(2000 + ANSWER_SECONDS)


@pytest.mark.parametrize(
    ("ref", "status", "raised"),
    [
        ("subscribe", 404, NotFound),
        ("subscribe", 429, TooManyRequests),
        (None, 404, ConnectionFailed),
    ],
)
def test_refusals_are_raised(ref: str | None, status: int, raised: type[Exception]) -> None:
    consumer = conversation()
    consumer.connected(0)
    refusal = {"type": "error", "ref": ref, "error": {"status": status, "title": "No"}}
    with pytest.raises(raised):
        consumer.received(refusal, 1)


def test_a_refused_message_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    consumer = conversation()
    consumer.connected(0)
    assert consumer.received({"type": "error", "error": {"status": 422, "title": "No"}}, 1) == []
    assert "sub_1" in caplog.text


def refusal(status: int) -> dict[str, Any]:
    return {"type": "error", "error": {"status": status, "title": "Refused"}}


@pytest.mark.parametrize(("status", "again"), [(429, True), (503, True), (500, True), (422, False)])
def test_a_refused_acknowledgement_is_sent_again_if_that_may_help(status: int, again: bool) -> None:
    consumer = conversation()
    consumer.connected(0)
    consumer.received(SUBSCRIBED, 0)
    # Nothing is acknowledged yet.
    consumer.received(refusal(status), 0)
    assert consumer.idle(0) == []
    [event] = consumer.received(events(1), 0)
    consumer.handled(event, 0)
    consumer.unacknowledged(0)
    consumer.received(refusal(status), 1)
    acknowledgement = {"action": "ack", "subscription_id": "sub_1", "cursor": "1"}
    assert consumer.idle(1) == ([acknowledgement] if again else [])
    assert consumer.idle(1) == []


def test_a_connection_on_which_api_gateway_answers_is_left() -> None:
    consumer = conversation()
    consumer.connected(0)
    failed = {"message": "Internal server error", "connectionId": "c", "requestId": "r"}
    with pytest.raises(ConnectionFailed, match="Internal server error"):
        consumer.received(failed, 1)


def test_pauses_grow_until_the_bus_answers() -> None:
    consumer = conversation()
    failure = ConnectionFailed("gone")
    assert [consumer.pause(failure) for _ in range(9)][::4] == [0.5, 8.0, LONGEST_RECONNECT_SECONDS]
    later = TooManyRequests(kind="", status=429, title="Later", detail="", retry_after=7.0)
    assert consumer.pause(later) == 8
    consumer.received(SUBSCRIBED, 1)
    assert consumer.pause(failure) == 0.5


def test_a_large_payload_is_read_over_http() -> None:
    consumer = conversation()
    large, small = received(7), Received.model_validate(item(7, {"n": 1}))
    assert consumer.read_payload(small) is None
    call = consumer.read_payload(large)
    assert call
    assert (call.path, call.parameters()) == (
        "/subscriptions/sub_1/events",
        {"cursor": "6", "limit": "1"},
    )
    assert with_payload(large, {"items": [item(7, {"n": 1})]}) == small
    assert with_payload(large, {"items": [item(8, {"n": 1})]}) == large


@pytest.mark.parametrize(
    ("members", "is_read"),
    [
        ({"event": {"sum": 5}}, False),
        ({"event": [1, 2]}, False),
        ({"event": {"sum": 5, "payload": None}}, True),
        ({"event": {"payload_base64": None, "content_type": "image/png"}}, True),
        ({"event": {"payload_base64": "aGk="}}, False),
        ({"event": None, "error": {"code": "too_large", "detail": "pull it"}}, True),
        ({"event": None, "error": {"code": "transform_failed", "detail": "no value"}}, False),
    ],
)
def test_the_result_of_a_transform_is_received_as_content(
    members: dict[str, Any], is_read: bool
) -> None:
    consumer = conversation()
    consumer.received(SUBSCRIBED, 1)
    message = {"type": "events", "items": [{"cursor": "7", "delivery_id": "d7", **members}]}
    [found] = consumer.received(message, 1)
    assert (found.content, found.error) == (members["event"], members.get("error"))
    assert (consumer.read_payload(found) is not None) is is_read
    with pytest.raises(NoEvent if found.error else ValidationError) as raised:
        _ = found.event
    if found.error:
        assert str(raised.value) == "{code}: {detail}".format_map(found.error)
