"""Subscribers without a callback: their own queues, topics, functions and event buses."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from tests.end_to_end.aws_resources import (
    LISTED,
    SubscriberQueue,
    made_function,
    made_state_machine,
    policy_of,
)
from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import Client, World

SOON = {"schedule": [1], "max_attempts": 3}


def events_in(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [orjson.loads(message["Body"]) for message in messages]


def subscribe(client: Client, target: dict[str, Any], *event_types: str, **more: Any) -> Any:
    return client.subscribe(target, *event_types, **{"retry_policy": SOON, **more})


def test_a_queue_receives_what_matches(world: World, service: Client, domain: str) -> None:
    queue = SubscriberQueue(world, world.name("orders"))
    made = subscribe(
        service,
        {"type": "sqs", "queue": queue.arn},
        f"{domain}.*",
        filters={f"{domain}.*": {"wanted": [True]}},
    )
    assert made["callback_url"] is None
    assert made["target"].pop("queue_url").endswith(queue.url.partition("/0")[2])
    assert made["target"] == {"type": "sqs", "queue": queue.arn, "managed": False}
    batch = [
        {"type": f"{domain}.created", "payload": {"wanted": number % 2 == 0, "n": number}}
        for number in range(20)
    ]
    ids = {*service.publish_all(batch)[::2]}
    messages = queue.take(10)
    assert {event["id"] for event in events_in(messages)} == ids
    for message in messages:
        event = orjson.loads(message["Body"])
        attributes = message["MessageAttributes"]
        assert attributes["id"]["StringValue"] == event["id"]
        assert attributes["type"]["StringValue"] == f"{domain}.created"
        assert attributes["source"]["StringValue"] == service.service_id
    for event_id in ids:
        service.settled(event_id, made["id"], "delivered")


def test_a_restarted_consumer_finds_its_messages(
    world: World, service: Client, domain: str
) -> None:
    queue = SubscriberQueue(world, world.name("orders"), VisibilityTimeout="2")
    subscribe(service, {"type": "sqs", "queue": queue.url}, f"{domain}.*")
    ids = {service.publish(f"{domain}.created") for _ in range(5)}
    # It received them, and crashed before it processed any.
    assert {event["id"] for event in events_in(queue.take(5, delete=False))} == ids
    assert {event["id"] for event in events_in(queue.take(5))} == ids


def test_the_bus_provides_a_queue(world: World, service: Client, domain: str) -> None:
    made = subscribe(service, {"type": "sqs", "managed": True}, f"{domain}.*")
    target = made["target"]
    assert target["policy"]["Statement"][0]["Resource"] == target["queue"]
    event_id = service.publish(f"{domain}.created")
    queue = SubscriberQueue.known(world, target["queue_url"])
    assert [event["id"] for event in events_in(queue.take(1))] == [event_id]
    named = service.http.post(
        "/subscriptions",
        json={
            "event_types": [f"{domain}.*"],
            "target": {"type": "sqs", "queue": target["queue"]},
        },
    )
    assert problem(named, 422)["errors"][0]["pointer"] == "/target/queue"
    service.bus.subscriptions.delete(made["id"])
    with pytest.raises(world.bus.sqs.exceptions.QueueDoesNotExist):
        world.bus.sqs.get_queue_url(QueueName=target["queue_url"].rpartition("/")[2])


def test_a_fifo_queue_keeps_the_order_of_a_stream(
    world: World, service: Client, domain: str
) -> None:
    queue = SubscriberQueue(world, f"{world.name('orders')}.fifo", FifoQueue="true")
    subscribe(service, {"type": "sqs", "queue": queue.arn}, f"{domain}.*", ordered=True)
    stream = {"stream_id": f"{domain}/1"}
    ids = [service.publish(f"{domain}.moved", {"n": n}, metadata=stream) for n in range(5)]
    messages = queue.take(5)
    assert [event["id"] for event in events_in(messages)] == ids
    assert {each["Attributes"]["MessageGroupId"] for each in messages} == {
        f"{service.service_id}/{domain}/1"
    }


def test_a_queue_that_is_created_later_gets_its_dead_letters(
    world: World, service: Client, domain: str
) -> None:
    name = world.name("orders")
    queue = SubscriberQueue(world, name)
    arn = queue.arn
    made = subscribe(
        service,
        {"type": "sqs", "queue": arn},
        f"{domain}.*",
        retry_policy={"max_attempts": 1},
    )
    queue.remove()
    event_id = service.publish(f"{domain}.created", {"kept": "whole"})
    letter = service.dead_letter(event_id=event_id)
    # A resource that does not exist has no tag.
    assert letter["error"]["code"] in ("access_denied", "target_not_found")
    queue = SubscriberQueue(world, name)
    assert queue.arn == arn
    service.bus.dead_letters.retry(letter["id"])
    [event] = events_in(queue.take(1))
    assert (event["id"], event["payload"]) == (event_id, {"kept": "whole"})
    service.settled(event_id, made["id"], "delivered")
    replay = service.replayed(event_id)
    [again] = queue.take(1)
    assert again["MessageAttributes"]["replay_id"]["StringValue"] == replay["id"]


def test_a_queue_that_is_made_late_receives_by_a_later_attempt(
    world: World, service: Client, domain: str
) -> None:
    name = world.name("orders")
    queue = SubscriberQueue(world, name)
    patient = {"schedule": [2], "max_attempts": 10}
    target = {"type": "sqs", "queue": queue.arn}
    made = subscribe(service, target, f"{domain}.*", retry_policy=patient)
    queue.remove()
    event_id = service.publish(f"{domain}.created")
    service.settled(event_id, made["id"], "retrying")
    assert [event["id"] for event in events_in(SubscriberQueue(world, name).take(1))] == [event_id]
    assert service.settled(event_id, made["id"], "delivered")["attempts"] > 1


def test_a_topic_receives_attributes_for_its_filter_policies(
    world: World, service: Client, domain: str
) -> None:
    sns = world.bus.client("sns")
    topic = sns.create_topic(Name=world.name("orders"), Tags=LISTED)["TopicArn"]
    queue = SubscriberQueue(world, world.name("orders"), VisibilityTimeout="2")
    queue.let_in("sns", topic)
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=queue.arn,
        Attributes={
            "RawMessageDelivery": "true",
            "FilterPolicy": orjson.dumps({"type": [f"{domain}.created"]}).decode(),
        },
    )
    subscribe(service, {"type": "sns", "topic": topic}, f"{domain}.*")
    service.publish(f"{domain}.closed")
    created = service.publish(f"{domain}.created")
    # The consumer of the topic's queue crashes and restarts.
    for done in (False, True):
        assert [event["id"] for event in events_in(queue.take(1, delete=done))] == [created]


def test_an_event_bus_has_rules_for_what_it_receives(
    world: World, service: Client, domain: str
) -> None:
    events = world.bus.client("events")
    name = world.name("orders")
    event_bus = events.create_event_bus(Name=name, Tags=LISTED)["EventBusArn"]
    queue = SubscriberQueue(world, world.name("orders"), VisibilityTimeout="2")
    pattern = {"detail-type": [f"{domain}.created"], "detail": {"payload": {"n": [1]}}}
    events.put_rule(Name=name, EventBusName=name, EventPattern=orjson.dumps(pattern).decode())
    events.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "queue", "Arn": queue.arn}])
    made = subscribe(service, {"type": "eventbridge", "event_bus": event_bus}, f"{domain}.*")
    ids = [service.publish(f"{domain}.created", {"n": number}) for number in range(3)]
    # The consumer of the queue behind the rule crashes, and restarts.
    [lost] = events_in(queue.take(1, delete=False))
    [entry] = events_in(queue.take(1))
    assert entry == lost
    assert entry["detail-type"] == f"{domain}.created"
    assert entry["source"] == service.service_id
    assert entry["detail"]["id"] == ids[1]
    for event_id in ids:
        service.settled(event_id, made["id"], "delivered")


def test_a_state_machine_runs_once_for_each_event(
    world: World, service: Client, domain: str
) -> None:
    states = world.bus.client("stepfunctions")
    arn = made_state_machine(world, opted_in=True)
    made = subscribe(service, {"type": "stepfunctions", "state_machine": arn}, f"{domain}.*")
    ids = {service.publish(f"{domain}.created", {"n": number}) for number in range(3)}
    for event_id in ids:
        service.settled(event_id, made["id"], "delivered")
    executions = states.list_executions(stateMachineArn=arn)["executions"]
    inputs = [
        orjson.loads(states.describe_execution(executionArn=each["executionArn"])["input"])
        for each in executions
    ]
    assert sorted(each["id"] for each in inputs) == sorted(ids)
    assert sorted(each["payload"]["n"] for each in inputs) == [0, 1, 2]
    # A replay is a delivery of its own.
    service.replayed(min(ids))
    eventually(lambda: len(states.list_executions(stateMachineArn=arn)["executions"]) == 4)


FUNCTION = """
import os
import pathlib
import tempfile

def handler(event, context):
    if event["payload"].get("fail"):
        raise ValueError("it is told to fail")
    if event["payload"].get("die"):
        mark = pathlib.Path(tempfile.gettempdir()) / event["id"]
        if not mark.exists():
            mark.touch()
            os._exit(1)
    return {"total": event["payload"]["n"] * 2, "seen": event["id"]}
"""


@pytest.fixture
def function(world: World) -> Iterator[str]:
    """A function that a team has deployed; its ARN."""
    arn = made_function(world, FUNCTION)
    yield arn
    world.bus.client("lambda").delete_function(FunctionName=arn)


def test_a_function_replies_to_events_that_ask_for_it(
    world: World, service: Client, domain: str, function: str
) -> None:
    target = {"type": "lambda", "function": function, "invocation": "sync", "reply": True}
    subscribe(service, target, f"{domain}.asked")
    asker = world.receiver()
    service.subscribe(asker, f"{domain}.answered")
    asked = service.publish(
        f"{domain}.asked", {"n": 21}, metadata={"reply_to": f"{domain}.answered"}
    )
    [reply] = asker.wait_for(1)
    assert reply.event["payload"] == {"total": 42, "seen": asked}
    assert reply.event["source"] == service.service_id
    assert reply.event["metadata"] == {
        "correlation_id": asked,
        "causation_id": asked,
        "hop_count": 1,
    }


def test_a_function_that_fails_leaves_a_dead_letter_that_says_why(
    service: Client, domain: str, function: str
) -> None:
    target = {"type": "lambda", "function": function, "invocation": "sync"}
    subscribe(service, target, f"{domain}.asked", retry_policy={"max_attempts": 1})
    event_id = service.publish(f"{domain}.asked", {"n": 1, "fail": True})
    letter = service.dead_letter(event_id=event_id)
    assert letter["error"]["code"] == "function_error"
    assert "it is told to fail" in letter["attempts"][0]["response"]


def test_a_failed_function_is_invoked_again(
    world: World, service: Client, domain: str, function: str
) -> None:
    target = {"type": "lambda", "function": function, "invocation": "sync", "reply": True}
    made = subscribe(service, target, f"{domain}.asked")
    asker = world.receiver()
    service.subscribe(asker, f"{domain}.answered")
    event_id = service.publish(
        f"{domain}.asked", {"n": 4, "die": True}, metadata={"reply_to": f"{domain}.answered"}
    )
    assert service.settled(event_id, made["id"], "delivered")["attempts"] == 2
    [reply] = asker.wait_for(1)
    assert reply.event["payload"] == {"total": 8, "seen": event_id}


def test_a_function_is_invoked_without_waiting(service: Client, domain: str, function: str) -> None:
    made = subscribe(service, {"type": "lambda", "function": function}, f"{domain}.asked")
    event_id = service.publish(f"{domain}.asked", {"n": 1, "fail": True})
    service.settled(event_id, made["id"], "delivered")


@pytest.mark.parametrize("path", ["/", "/teams/"])
def test_another_account_is_reached_by_its_role(
    world: World, service: Client, domain: str, path: str
) -> None:
    # Its owner permits the role, so it needs no tag.
    queue = SubscriberQueue(world, world.name("orders"), {})
    iam, name = world.bus.client("iam"), f"event-bus-{world.name('delivery')}"
    external_id = f"event-bus/000000000000/{world.bus.region}/local/{service.service_id}"
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": "000000000000"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
    }
    trusting = policy_of(trust)
    created = iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trusting)
    role = created["Role"]["Arn"]
    assert f":role{path}event-bus-" in role
    # AWS needs only the first permission; the emulator demands the second as well.
    send = ["sqs:SendMessage", "sqs:SendMessageBatch"]
    allowed = {"Effect": "Allow", "Action": send, "Resource": queue.arn}
    iam.put_role_policy(RoleName=name, PolicyName="send", PolicyDocument=policy_of(allowed))
    made = subscribe(service, {"type": "sqs", "queue": queue.arn, "role_arn": role}, f"{domain}.*")
    assert made["target"]["external_id"] == external_id
    event_id = service.publish(f"{domain}.created")
    assert [event["id"] for event in events_in(queue.take(1))] == [event_id]


HERE = "us-east-1:000000000000"
SQS, SNS = f"arn:aws:sqs:{HERE}", f"arn:aws:sns:{HERE}"
LAMBDA, BUSES = f"arn:aws:lambda:{HERE}:function", f"arn:aws:events:{HERE}:event-bus"


@pytest.mark.parametrize(
    ("target", "pointer"),
    [
        ({"type": "ftp"}, "/target/type"),
        ({"type": "sqs"}, "/target/queue"),
        ({"type": "sqs", "queue": "orders"}, "/target/queue"),
        ({"type": "sqs", "queue": "arn:aws:sqs:us-east-1:111111111111:orders"}, "/target/queue"),
        ({"type": "lambda", "function": "bill"}, "/target/function"),
        ({"type": "sqs", "queue": f"{SQS}:event-bus-dev-bus-Lane-1"}, "/target/queue"),
        ({"type": "sqs", "queue": f"{SQS}:eventbus-dev-sub_1"}, "/target/queue"),
        ({"type": "sns", "topic": f"{SNS}:event-bus-local-operations-Alarms"}, "/target/topic"),
        ({"type": "lambda", "function": f"{LAMBDA}:event-bus-dev-api-Keys"}, "/target/function"),
        ({"type": "eventbridge", "event_bus": f"{BUSES}/event-bus-dev"}, "/target/event_bus"),
        ({"type": "eventbridge", "event_bus": f"{BUSES}/default"}, "/target/event_bus"),
        ({"type": "lambda", "function": f"{LAMBDA}:nobodys"}, "/target/function"),
        ({"type": "sns", "topic": "orders", "url": "x"}, "/target/url"),
    ],
)
def test_an_unpermitted_target_is_refused(
    service: Client, domain: str, target: dict[str, Any], pointer: str
) -> None:
    answer = service.http.post(
        "/subscriptions", json={"event_types": [f"{domain}.*"], "target": target}
    )
    assert pointer in {fault["pointer"] for fault in problem(answer, 422)["errors"]}


def test_the_type_of_a_target_stays(world: World, service: Client, domain: str) -> None:
    queue, other = (
        SubscriberQueue(world, world.name("orders")),
        SubscriberQueue(world, world.name("orders")),
    )
    made = subscribe(service, {"type": "sqs", "queue": queue.arn}, f"{domain}.*")
    path = f"/subscriptions/{made['id']}"
    answer = service.http.patch(path, json={"callback_url": "https://shop.example/"})
    assert problem(answer, 422)["errors"][0]["pointer"] == "/callback_url"
    moved = {"type": "sqs", "queue": other.arn}
    changed = service.bus.subscriptions.update(made["id"], target=moved)
    assert changed["target"]["queue"] == other.arn
    event_id = service.publish(f"{domain}.created")
    assert [event["id"] for event in events_in(other.take(1))] == [event_id]
    eventually(lambda: service.settled(event_id, made["id"], "delivered"))
