"""Subscribers that are connected over a WebSocket."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.end_to_end.receiver import eventually
from tests.end_to_end.socket_client import (
    SocketClient,
    connected,
    listening_without_reading,
)
from tests.end_to_end.world import Client, World


@pytest.fixture
def socket(world: World, service: Client) -> Iterator[SocketClient]:
    with connected(world.bus.websocket_url, service.key) as client:
        yield client


def durable(service: Client, domain: str, **more: Any) -> str:
    return str(service.subscribe({"type": "websocket"}, f"{domain}.*", **more)["id"])


def numbers(items: list[dict[str, Any]]) -> list[int]:
    return [item["event"]["payload"]["n"] for item in items]


def test_a_connected_subscriber_is_pushed_matching_events(
    service: Client, domain: str, socket: SocketClient
) -> None:
    begun = socket.subscribe(
        event_types=[f"{domain}.*"],
        filters={f"{domain}.*": {"n": [{"numeric": [">=", 3]}]}},
        ref="first",
    )
    assert begun["ref"] == "first"
    ids = [service.publish(f"{domain}.created", {"n": n}) for n in range(6)]
    items = socket.items(3)
    assert sorted(numbers(items)) == [3, 4, 5]
    assert [int(item["cursor"]) for item in items] == [1, 2, 3]
    assert {item["event"]["id"] for item in items} == set(ids[3:])
    assert socket.ask("unsubscribe", subscription_id=begun["subscription_id"])["type"] == (
        "unsubscribed"
    )
    service.publish(f"{domain}.created", {"n": 7})
    assert socket.quiet()
    assert service.http.get(f"/subscriptions/{begun['subscription_id']}").status_code == 404


def test_a_returning_client_gets_missed_events_in_order(
    world: World, service: Client, domain: str
) -> None:
    subscription_id = durable(service, domain, ordered=True)
    stream = {"metadata": {"stream_id": f"{domain}/1"}}
    url = world.bus.websocket_url
    with connected(url, service.key) as client:
        client.subscribe(subscription_id=subscription_id)
        for n in range(3):
            service.publish(f"{domain}.moved", {"n": n}, **stream)
        first = client.items(3)
        client.break_off()
    for n in range(3, 8):
        service.publish(f"{domain}.moved", {"n": n}, **stream)
    with connected(url, service.key) as client:
        client.subscribe(subscription_id=subscription_id, cursor=first[1]["cursor"])
        again = client.items(6)
        assert numbers(first) + numbers(again)[1:] == list(range(8))
        assert [int(each["cursor"]) for each in again] == list(range(3, 9))
        # Acknowledged events are not sent to a client that connects without a cursor.
        client.send("ack", subscription_id=subscription_id, cursor=again[3]["cursor"])
        assert client.ask("ping")["type"] == "pong"
    with connected(url, service.key) as client:
        assert client.subscribe(subscription_id=subscription_id)["cursor"] == again[3]["cursor"]
        assert numbers(client.items(2)) == [6, 7]


def test_no_acknowledgement_of_a_client_skips_events(
    world: World, service: Client, domain: str
) -> None:
    subscription_id = durable(service, domain)
    for n in range(3):
        service.publish(f"{domain}.created", {"n": n})
    with connected(world.bus.websocket_url, service.key) as client:
        client.subscribe(subscription_id=subscription_id)
        assert [each["cursor"] for each in client.items(3)] == ["1", "2", "3"]
        for cursor in ("4", "999999999999999", "-1", "x", "", 1, 1.5, None):
            answer = client.ask("ack", subscription_id=subscription_id, cursor=cursor, ref="a")
            assert (answer["type"], answer["ref"]) == ("error", "a")
            assert (answer["error"]["status"], answer["error"]["errors"][0]["pointer"]) == (
                422,
                "/cursor",
            )
        for cursor in ("2", "1"):
            client.send("ack", subscription_id=subscription_id, cursor=cursor)
        assert client.ask("ping")["type"] == "pong"
    with connected(world.bus.websocket_url, service.key) as client:
        beyond = client.ask("subscribe", subscription_id=subscription_id, cursor="4")
        assert beyond["error"]["errors"] == [
            {"pointer": "/cursor", "detail": "is beyond the end of the inbox, which is 3"}
        ]
        assert client.subscribe(subscription_id=subscription_id)["cursor"] == "2"
        assert [each["cursor"] for each in client.items(1)] == ["3"]


def test_a_client_gets_no_more_than_it_can_hold_before_it_acknowledges(
    world: World, service: Client, domain: str
) -> None:
    subscription_id = durable(service, domain)
    batch = [{"type": f"{domain}.created", "payload": {"n": n}} for n in range(100)]
    for _ in range(2):
        service.publish_all(batch)
    path = f"/subscriptions/{subscription_id}"
    # Until the inbox is filled up to the place, the place is beyond its end.
    eventually(
        lambda: service.http.get(f"{path}/events?cursor=199").json().get("items"), seconds=120
    )
    with connected(world.bus.websocket_url, service.key) as client:
        client.subscribe(subscription_id=subscription_id)
        window = client.items(100)
        assert [int(each["cursor"]) for each in window] == list(range(1, 101))
        assert client.quiet()
        # It still gets no new events.
        service.publish(f"{domain}.created", {"n": 0})
        assert client.quiet()
        client.send("ack", subscription_id=subscription_id, cursor="60")
        client.send("ack", subscription_id=subscription_id, cursor="100")
        rest = client.items(100)
        assert [int(each["cursor"]) for each in rest] == list(range(101, 201))
        assert client.quiet()
        client.send("ack", subscription_id=subscription_id, cursor="101")
        assert [each["cursor"] for each in client.items(1)] == ["201"]


def test_a_client_that_never_reads_is_disconnected_and_holds_up_nobody(
    world: World, service: Client, domain: str
) -> None:
    url, types = world.bus.websocket_url, f"{domain}.*"
    with (
        connected(url, service.key) as other,
        listening_without_reading(url, service.key, types) as listener,
    ):
        other.subscribe(event_types=[types])
        seen = 0
        # The listener of a client that does not read ends with its connection.
        while service.http.get(f"/subscriptions/{listener}").status_code == 200:
            assert seen < 160, "the client is still connected"
            batch = [{"type": f"{domain}.created", "payload": {"text": "x" * 100_000}}] * 8
            service.publish_all(batch)
            assert len(other.items(8)) == 8
            seen += 8


@pytest.mark.parametrize(("length", "frames"), [(140_000, 8), (40_000, 1), (70_000, 2)])
def test_a_message_or_a_frame_that_is_too_large_ends_the_connection(
    world: World, service: Client, length: int, frames: int
) -> None:
    text = json.dumps({"action": "ping", "ref": "x" * length})
    size = len(text) // frames + 1
    with connected(world.bus.websocket_url, service.key) as client:

        def ask() -> None:
            # The end may come while the message is still being sent.
            client.write([text[at : at + size] for at in range(0, len(text), size)])
            client.receive()

        with pytest.raises(ConnectionClosed) as closed:
            ask()
        assert closed.value.rcvd
        assert closed.value.rcvd.code == 1009


def stored_subscriber(world: World, subscription_id: str) -> Any:
    """The item of the only WebSocket subscriber of a subscription."""
    [item] = world.bus.dynamodb.query(
        TableName=world.bus.resources["socket_subscribers_table"],
        KeyConditionExpression="subscription_id = :id",
        ExpressionAttributeValues={":id": {"S": subscription_id}},
    )["Items"]
    return item


def test_ended_connections_are_removed(world: World, service: Client, domain: str) -> None:
    url = world.bus.websocket_url
    with connected(url, service.key) as client:
        begun = client.subscribe(event_types=[f"{domain}.*"])["subscription_id"]
        client.break_off()
    eventually(lambda: service.http.get(f"/subscriptions/{begun}").status_code == 404)
    # A connection that ended without a notice is found by the next push.
    socket_subscribers = world.bus.resources["socket_subscribers_table"]
    subscription_id = durable(service, domain)
    with connected(url, service.key) as client:
        client.subscribe(subscription_id=subscription_id)
        item = stored_subscriber(world, subscription_id)
    key = {"subscription_id": {"S": subscription_id}}
    stale = {**item, "connection_id": {"S": "gone"}}
    world.bus.dynamodb.put_item(TableName=socket_subscribers, Item=stale)
    service.publish(f"{domain}.created", {"n": 1})
    eventually(
        lambda: (
            "Item"
            not in world.bus.dynamodb.get_item(
                TableName=socket_subscribers, Key={**key, "connection_id": {"S": "gone"}}
            )
        )
    )


def test_a_subscription_has_a_limit_of_connections(
    world: World, service: Client, domain: str
) -> None:
    url, subscription_id = world.bus.websocket_url, durable(service, domain)
    table = world.bus.resources["socket_subscribers_table"]
    with connected(url, service.key) as first, connected(url, service.key) as second:
        first.subscribe(subscription_id=subscription_id)
        item = stored_subscriber(world, subscription_id)
        for number in range(99):
            gone = {**item, "connection_id": {"S": f"gone_{number}"}}
            world.bus.dynamodb.put_item(TableName=table, Item=gone)
        refused = second.ask("subscribe", subscription_id=subscription_id)
        assert refused["error"]["status"] == 409
        assert "has 100 connections" in refused["error"]["detail"]
        # An event shows which connections have ended.
        service.publish(f"{domain}.created", {"n": 1})
        assert numbers(first.items(1)) == [1]
        eventually(
            lambda: second.ask("subscribe", subscription_id=subscription_id)["type"] == "subscribed"
        )
        assert numbers(second.items(1)) == [1]


def test_a_large_event_is_pushed_without_its_payload(
    service: Client, domain: str, socket: SocketClient
) -> None:
    socket.subscribe(event_types=[f"{domain}.*"])
    event_id = service.publish(f"{domain}.created", {"text": "x" * 200_000})
    [item] = socket.items(1)
    assert item["event"]["payload"] is None
    assert item["event"]["id"] == event_id
    assert len(service.event(event_id)["payload"]["text"]) == 200_000


def test_replays_and_guarantees_are_as_for_all(world: World, service: Client, domain: str) -> None:
    subscription_id = durable(service, domain, delivery_guarantee="exactly_once")
    event_id = service.publish(f"{domain}.created", {"n": 1})
    service.settled(event_id, subscription_id, "delivered")
    with connected(world.bus.websocket_url, service.key) as client:
        client.subscribe(subscription_id=subscription_id)
        [first] = client.items(1)
        replay = service.replayed(event_id)
        [again] = client.items(1)
    assert first["delivery_id"] == event_id
    assert again["delivery_id"] == f"{event_id}:{replay['id']}"
    assert again["event"]["metadata"]["replay_id"] == replay["id"]


def test_only_known_callers_connect(world: World, service: Client) -> None:
    for key in (None, "wrong-key-wrong-key"):
        with pytest.raises(InvalidStatus) as refused, connected(world.bus.websocket_url, key):
            pass
        assert refused.value.response.status_code == 403
    with pytest.raises(InvalidStatus), connected(world.bus.websocket_url, token=service.key):
        pass


def test_a_token_connects_a_browser(world: World, service: Client, domain: str) -> None:
    url = world.bus.websocket_url
    own, other = durable(service, domain), durable(service, domain)
    token = service.stream_token()
    with connected(url, token=token) as client:
        client.subscribe(event_types=[f"{domain}.*"])
        client.subscribe(subscription_id=own)
    token = service.stream_token(own)
    with connected(url, token=token) as client:
        client.subscribe(subscription_id=own)
        assert client.ask("subscribe", subscription_id=other)["error"]["status"] == 404
        assert client.ask("subscribe", event_types=["a.b"])["error"]["status"] == 403


@pytest.mark.parametrize(
    ("text", "status", "pointer"),
    [
        ("no json", 400, None),
        ("[]", 422, ""),
        ('{"action": "shout"}', 422, "/action"),
        ('{"action": "subscribe"}', 422, "/event_types"),
        ('{"action": "subscribe", "event_types": ["a b"]}', 422, "/event_types/0"),
        ('{"action": "subscribe", "event_types": ["a.b"], "cursor": "1"}', 422, "/cursor"),
        (
            '{"action": "subscribe", "event_types": ["a.b"], "filters": {"c.d": {}}}',
            422,
            "/filters/c.d",
        ),
        ('{"action": "subscribe", "subscription_id": "sub_none"}', 404, None),
        (
            '{"action": "subscribe", "subscription_id": "s", "event_types": ["a.b"]}',
            422,
            "/event_types",
        ),
        ('{"action": "ack", "subscription_id": "sub_none", "cursor": "1"}', 404, None),
        ('{"action": "ack", "subscription_id": "sub_none", "cursor": 1}', 422, "/cursor"),
        ('{"action": "unsubscribe", "subscription_id": "sub_none"}', 404, None),
        ('{"action": "ping", "what": 1}', 422, "/what"),
        ('{"action": "ping", "ref": 1}', 422, "/ref"),
    ],
)
def test_an_impossible_message_is_answered_with_its_reason(
    socket: SocketClient, text: str, status: int, pointer: str | None
) -> None:
    socket.write(text)
    answer = socket.receive()
    assert answer["type"] == "error"
    error = answer["error"]
    assert error["status"] == status, error
    assert [each["pointer"] for each in error.get("errors", [])] == (
        [] if pointer is None else [pointer]
    )
    assert socket.ask("ping", ref="on")["ref"] == "on"


def test_a_large_message_comes_in_several_frames(
    service: Client, domain: str, socket: SocketClient
) -> None:
    # API Gateway takes frames of 32 KiB and messages of 128.
    values = [f"{number:05}-{'x' * 200}" for number in range(200)]
    text = json.dumps(
        {
            "action": "subscribe",
            "event_types": [f"{domain}.created"],
            "filters": {f"{domain}.created": {"name": values}},
        }
    )
    assert 32 * 1024 < len(text) < 64 * 1024
    socket.write([text[:30_000], text[30_000:]])
    assert socket.receive()["type"] == "subscribed"
    service.publish(f"{domain}.created", {"name": values[-1]})
    assert [each["event"]["payload"] for each in socket.items(1)] == [{"name": values[-1]}]


def test_a_place_that_is_not_reached_is_refused(
    service: Client, domain: str, socket: SocketClient
) -> None:
    subscription_id = durable(service, domain)
    beyond = socket.ask("subscribe", subscription_id=subscription_id, cursor="1")
    assert beyond["error"]["errors"][0]["pointer"] == "/cursor"
    socket.subscribe(subscription_id=subscription_id)
    again = socket.ask("subscribe", subscription_id=subscription_id)
    assert again["error"]["status"] == 409
    unsent = socket.ask("ack", subscription_id=subscription_id, cursor="1")
    assert unsent["error"]["errors"][0]["pointer"] == "/cursor"
    begun = socket.subscribe(event_types=[f"{domain}.*"])
    service.publish(f"{domain}.created")
    socket.items(2)
    needless = socket.ask("ack", subscription_id=begun["subscription_id"], cursor="1")
    assert needless["error"]["status"] == 409
    pulled = service.pull(f"{domain}.*")
    assert socket.ask("subscribe", subscription_id=pulled)["error"]["status"] == 409
