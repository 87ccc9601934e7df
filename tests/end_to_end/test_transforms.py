"""Subscribers receive the results of their transforms, on the deployed bus."""

import time
from contextlib import closing, suppress
from typing import Any

import orjson
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_binary, from_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from event_bus.delivery.subscription_cache import CACHE_SECONDS

from tests.end_to_end.aws_resources import LISTED, SubscriberQueue, made_function
from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import eventually
from tests.end_to_end.socket_client import connected
from tests.end_to_end.world import World
from tests.waiting import PATIENCE_SECONDS, at_most

PAYLOAD = {"total": 250, "customer": {"name": "Zoë"}, "items": [{"price": 2}, {"price": 3}]}
SUM = '{"id": $event.id, "sum": $sum(items.price)}'
TEMPLATE = {
    "input_paths_map": {"total": "$.detail.total", "name": "$.detail.customer.name"},
    "input_template": '{"text": "<name> ordered for <total>"}',
}


def received(
    world: World, placed: str, transform: dict[str, Any], **more: Any
) -> tuple[Any, bytes]:
    """The headers and the body that a callback receives, after their signature is verified."""
    shop, receiver = world.publisher(placed), world.receiver()
    to = shop.subscribe(receiver, placed, transform=transform, **more)
    event_id = shop.publish(placed, PAYLOAD, metadata={"correlation_id": "cart-7"})
    [request] = eventually(lambda: receiver.requests)
    # The library reads what it has verified as JSON.
    with suppress(ValueError):
        request.verify(to["signing_secret"])
    assert request.headers["webhook-id"] == event_id
    assert to["transform"] == shop.bus.subscriptions.get(to["id"])["transform"]
    shop.bus.subscriptions.delete(to["id"])
    return {**request.headers, "id": event_id}, request.body


def test_an_expression_and_headers_over_http(world: World, placed: str) -> None:
    transform = {"expression": SUM, "headers": {"x-customer": "$.payload.customer.name"}}
    headers, body = received(world, placed, transform, ordered=True)
    assert orjson.loads(body) == {"id": headers["id"], "sum": 5}
    assert headers["x-customer"] == "Zo%C3%AB"


def test_an_input_transformer_over_http(world: World, placed: str) -> None:
    _, body = received(world, placed, {"template": TEMPLATE}, delivery_guarantee="exactly_once")
    assert body == '{"text":"Zoë ordered for 250"}'.encode()


def test_cloudevents_over_http(world: World, placed: str) -> None:
    headers, body = received(world, placed, {"format": "cloudevents"})
    message = HTTPMessage({"content-type": headers["content-type"]}, body)
    read = from_structured(message, JSONFormat(), CloudEvent)
    assert (read.get_id(), read.get_type(), read.get_data()) == (headers["id"], placed, PAYLOAD)
    headers, body = received(world, placed, {"format": "cloudevents", "mode": "binary"})
    read = from_binary(HTTPMessage(headers, body), JSONFormat(), CloudEvent)
    assert (read.get_id(), read.get_type(), read.get_data()) == (headers["id"], placed, PAYLOAD)
    headers, body = received(world, placed, {"format": "cloudevents", "mode": "batched"})
    assert headers["content-type"] == "application/cloudevents-batch+json"
    [only] = orjson.loads(body)
    assert only["data"] == PAYLOAD


def test_a_queue_takes_body_and_attributes(world: World, placed: str) -> None:
    shop = world.publisher(placed)
    queue = SubscriberQueue(world, world.name("orders"))
    made = shop.subscribe(
        {"type": "sqs", "queue": queue.arn},
        placed,
        transform={"format": "payload", "attributes": {"total": "$.payload.total"}},
    )
    shop.publish(placed, PAYLOAD)
    [message] = queue.take(1)
    assert orjson.loads(message["Body"]) == PAYLOAD
    assert message["MessageAttributes"]["total"]["StringValue"] == "250"
    shop.bus.subscriptions.delete(made["id"])
    queue.remove()


def test_an_inbox_shows_what_the_transform_makes(world: World, placed: str) -> None:
    shop = world.publisher(placed)
    subscription = shop.pull(placed, transform={"expression": SUM})
    event_id = shop.publish(placed, PAYLOAD)
    [item] = shop.waiting(subscription, wait=20)
    assert item["event"] == {"id": event_id, "sum": 5}
    inbox = shop.bus.inbox(subscription)
    with (
        closing(inbox.receive()) as receiving,
        at_most(PATIENCE_SECONDS, inbox.stop, "the event"),
    ):
        assert next(receiving).content == {"id": event_id, "sum": 5}
    path = f"/subscriptions/{subscription}/stream"
    stream = shop.http.get(path, params={"cursor": "0", "wait": "20"}).text
    assert f"event: {placed}\n" in stream
    assert f'data: {{"id":"{event_id}","sum":5}}\n' in stream


def test_a_failed_transform_makes_a_dead_letter_that_succeeds_after_its_correction(
    world: World, placed: str
) -> None:
    shop, receiver = world.publisher(placed), world.receiver()
    to = shop.subscribe(receiver, placed, transform={"expression": "payload.missing"})
    event_id = shop.publish(placed, PAYLOAD)
    letter = shop.dead_letter(subscription_id=to["id"])
    assert letter["error"]["code"] == "transform_failed"
    assert "no value" in letter["error"]["message"]
    assert letter["retry_count"] == 0
    assert receiver.requests == []
    assert shop.bus.subscriptions.get(to["id"])["circuit"]["state"] == "closed"
    shop.bus.subscriptions.update(to["id"], transform={"expression": SUM})
    # The current subscription counts, although the lane has cached an older one.
    shop.bus.dead_letters.retry(letter["id"])
    [request] = eventually(lambda: receiver.requests)
    assert orjson.loads(request.body) == {"id": event_id, "sum": 5}
    # Null removes the transform; a replay sends the event unchanged.
    assert shop.bus.subscriptions.update(to["id"], transform=None)["transform"] is None
    time.sleep(CACHE_SECONDS)
    shop.replayed(event_id)
    eventually(lambda: len(receiver.requests) == 2)
    assert orjson.loads(receiver.requests[1].body)["payload"] == PAYLOAD
    shop.bus.subscriptions.delete(to["id"])


def test_a_transform_sees_sealed_values_only_for_named_readers(world: World, placed: str) -> None:
    shop, other = world.publisher(placed), world.service()
    asked = {"expression": '{"seen": $string(customer)}'}
    subscriptions = [(each, each.pull(placed, transform=asked)) for each in (shop, other)]
    shop.publish(placed, PAYLOAD, sensitive=["/customer/name"])
    seen = []
    for client, subscription in subscriptions:
        [item] = client.waiting(subscription, wait=20)
        seen.append(item["event"]["seen"])
        client.bus.subscriptions.delete(subscription)
    assert "Zo" in seen[0]
    assert "Zo" not in seen[1]
    assert "$encrypted" in seen[1]


@pytest.mark.parametrize(
    ("transform", "pointer"),
    [
        ({"expression": "$.a["}, "/transform/expression"),
        ({"template": {"input_template": '{"a": <b>}'}}, "/transform/template/input_template"),
        ({"headers": {"host": "x"}}, "/transform/headers/host"),
        ({"headers": {"x-a": "b\r\nx-c: d"}}, "/transform/headers/x-a"),
        ({"attributes": {"a": "b"}}, "/transform/attributes"),
        ({"format": "cloudevents", "mode": "streamed"}, "/transform/mode"),
    ],
)
def test_an_unusable_transform_is_refused(
    world: World, placed: str, transform: dict[str, Any], pointer: str
) -> None:
    shop = world.publisher(placed)
    asked = {"event_types": [placed], "callback_url": "http://127.0.0.1:9/", "transform": transform}
    refused = problem(shop.http.post("/subscriptions", json=asked), 422)
    assert [each["pointer"] for each in refused["errors"]] == [pointer]


ECHO = """
def handler(event, context):
    return {"seen": event}
"""


def test_the_other_targets_receive_what_a_transform_makes(world: World, placed: str) -> None:
    """One event, with one transform, over a topic, an event bus, a function and a WebSocket."""
    answered = f"{placed}.answered"
    shop = world.publisher(placed, answered)
    topic, queue = made_topic(world)
    event_bus, bus_queue = made_event_bus(world, placed)
    function = made_function(world, ECHO)
    invoked = {"type": "lambda", "function": function, "invocation": "sync", "reply": True}
    targets: list[dict[str, Any]] = [
        {"type": "sns", "topic": topic},
        {"type": "eventbridge", "event_bus": event_bus},
        invoked,
        {"type": "websocket"},
    ]
    made = [shop.subscribe(each, placed, transform={"expression": SUM})["id"] for each in targets]
    asker = world.receiver()
    made.append(shop.subscribe(asker, answered)["id"])
    with connected(world.bus.websocket_url, shop.key) as socket:
        socket.subscribe(subscription_id=made[3])
        event_id = shop.publish(placed, PAYLOAD, metadata={"reply_to": answered})
        expected = {"id": event_id, "sum": 5}
        assert [each["event"] for each in socket.items(1)] == [expected]
    [message] = queue.take(1)
    assert orjson.loads(message["Body"]) == expected
    [message] = bus_queue.take(1)
    entry = orjson.loads(message["Body"])
    assert (entry["detail-type"], entry["detail"]) == (placed, expected)
    [reply] = asker.wait_for(1)
    assert reply.event["payload"] == {"seen": expected}
    for each in made:
        shop.bus.subscriptions.delete(each)
    world.bus.client("lambda").delete_function(FunctionName=function)


def made_topic(world: World) -> tuple[str, SubscriberQueue]:
    """A topic, and a queue that receives what is published to it."""
    sns = world.bus.client("sns")
    topic = sns.create_topic(Name=world.name("orders"), Tags=LISTED)["TopicArn"]
    queue = SubscriberQueue(world, world.name("orders"))
    queue.let_in("sns", topic)
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=raw)
    return topic, queue


def made_event_bus(world: World, event_type: str) -> tuple[str, SubscriberQueue]:
    """An event bus of EventBridge, and a queue that receives its events of a type."""
    events, name = world.bus.client("events"), world.name("orders")
    arn = events.create_event_bus(Name=name, Tags=LISTED)["EventBusArn"]
    queue = SubscriberQueue(world, world.name("orders"))
    pattern = orjson.dumps({"detail-type": [event_type]}).decode()
    events.put_rule(Name=name, EventBusName=name, EventPattern=pattern)
    events.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "queue", "Arn": queue.arn}])
    return arn, queue
