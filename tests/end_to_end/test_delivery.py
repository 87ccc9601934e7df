"""Delivery from a published event to the subscribers of the deployed bus."""

import time
from concurrent.futures import ThreadPoolExecutor

import orjson

from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import Client, World


def test_an_event_arrives_signed_and_its_delivery_can_be_read(world: World) -> None:
    domain = world.name("task")
    publisher, subscriber = world.publisher(f"{domain}.*"), world.service()
    receiver = world.receiver()
    subscription = subscriber.subscribe(receiver, f"{domain}.created")
    event_id = publisher.publish(
        f"{domain}.created", {"task_id": "t-1"}, metadata={"correlation_id": "c-1"}
    )
    delivered = receiver.wait_for_event(event_id)
    delivered.verify(subscription["signing_secret"])
    assert delivered.headers["webhook-id"] == event_id
    assert abs(int(delivered.headers["webhook-timestamp"]) - time.time()) < 60
    assert delivered.headers["content-type"] == "application/json"
    assert delivered.event == {
        "id": event_id,
        "type": f"{domain}.created",
        "source": publisher.service_id,
        "timestamp": delivered.event["timestamp"],
        "payload": {"task_id": "t-1"},
        "metadata": {"correlation_id": "c-1"},
    }
    delivery = publisher.settled(event_id, subscription["id"], "delivered")
    assert delivery == {
        "subscription_id": subscription["id"],
        "service_id": subscriber.service_id,
        "replay_id": None,
        "status": "delivered",
        "attempts": 1,
        "last_error": None,
        "next_retry_at": None,
        "dead_letter_id": None,
        "delivered_at": delivery["delivered_at"],
    }
    assert publisher.event(event_id)["processed"] is True
    assert publisher.event(event_id)["updated_at"] >= delivery["delivered_at"]


def test_filters_select_events(world: World) -> None:
    domain = world.name("task")
    publisher, receiver = world.publisher(f"{domain}.*"), world.receiver()
    publisher.subscribe(
        receiver,
        f"{domain}.*",
        filters={
            f"{domain}.assigned": {
                "priority": ["high", "critical"],
                "$or": [{"points": [{"numeric": [">", 5]}]}, {"tags": ["urgent"]}],
            },
            f"{domain}.*": {
                "source": [{"prefix": "publisher"}],
                "metadata": {"version": [{"anything-but": "0.9"}]},
            },
        },
    )
    wanted, version = [], {"version": "1.0"}
    for payload, metadata, matches in (
        ({"priority": "high", "points": 8}, version, True),
        ({"priority": "critical", "tags": ["later", "urgent"]}, version, True),
        ({"priority": "low", "points": 8}, version, False),
        ({"priority": "high", "points": 5}, version, False),
        ({"priority": "high", "points": 8}, {"version": "0.9"}, False),
        ({"priority": "high", "points": 8}, {}, False),
    ):
        event_id = publisher.publish(f"{domain}.assigned", payload, metadata=metadata)
        if matches:
            wanted.append(event_id)
    wanted.append(publisher.publish(f"{domain}.created", {}, metadata=version))
    for event_id in wanted:
        receiver.wait_for_event(event_id)
    assert sorted(receiver.event_ids()) == sorted(wanted)


def test_a_subscription_receives_events_published_after_its_201(world: World) -> None:
    domain = world.name("task")
    publisher, receiver = world.publisher(f"{domain}.*"), world.receiver()
    for number in range(6):
        subscription = publisher.subscribe(receiver, f"{domain}.n{number}")
        event_id = publisher.publish(f"{domain}.n{number}")
        receiver.wait_for_event(event_id)
        publisher.bus.subscriptions.update(subscription["id"], event_types=[f"{domain}.m{number}"])
        receiver.wait_for_event(publisher.publish(f"{domain}.m{number}"))


def test_a_deleted_or_disabled_subscription_receives_nothing(world: World) -> None:
    domain = world.name("task")
    publisher, receiver, control = (
        world.publisher(f"{domain}.*"),
        world.receiver(),
        world.receiver(),
    )
    first = publisher.subscribe(receiver, f"{domain}.*")
    second = publisher.subscribe(receiver, f"{domain}.*")
    publisher.subscribe(control, f"{domain}.*")
    receiver.wait_for_event(publisher.publish(f"{domain}.before"))
    eventually(lambda: len(receiver.requests) == 2)
    publisher.bus.subscriptions.delete(first["id"])
    publisher.bus.subscriptions.update(second["id"], status="disabled")
    after = publisher.publish(f"{domain}.after")
    control.wait_for_event(after)
    assert after not in receiver.event_ids()
    publisher.bus.subscriptions.update(second["id"], status="active")
    receiver.wait_for_event(publisher.publish(f"{domain}.again"))


def test_a_hanging_subscriber_does_not_delay_the_others(world: World) -> None:
    domain = world.name("task")
    publisher, slow, quick = world.publisher(f"{domain}.*"), world.receiver(), world.receiver()
    slow.hold.clear()
    policy = {"schedule": [1, 1, 1, 1], "timeout": 15}
    hanging = publisher.subscribe(slow, f"{domain}.*", retry_policy=policy)
    publisher.subscribe(quick, f"{domain}.*")
    begun = time.monotonic()
    ids = [publisher.publish(f"{domain}.created") for _ in range(5)]
    for event_id in ids:
        quick.wait_for_event(event_id)
    assert time.monotonic() - begun < 12, "the quick one waited for the slow one's deadline"
    slow.wait_for(1)
    delivery = eventually(
        lambda: (each := publisher.delivery(ids[0], hanging["id"])) and each["last_error"] and each,
        seconds=40,
    )
    assert delivery["last_error"]["code"] == "timeout"
    slow.hold.set()
    eventually(
        lambda: all(
            (publisher.delivery(each, hanging["id"]) or {})["status"] == "delivered" for each in ids
        )
    )


def test_every_event_under_load_reaches_every_subscriber(world: World) -> None:
    domain = world.name("task")
    publisher = world.publisher(f"{domain}.*")
    receivers = [world.receiver() for _ in range(3)]
    for receiver in receivers:
        publisher.subscribe(receiver, f"{domain}.*")
    event = {"type": f"{domain}.created", "payload": {}}

    def publish_batch(number: int) -> list[str]:
        return publisher.publish_all(
            [{**event, "id": f"{domain}-{number}-{each}"} for each in range(25)]
        )

    with ThreadPoolExecutor(4) as executor:
        ids = {each for batch in executor.map(publish_batch, range(4)) for each in batch}
    assert len(ids) == 100
    eventually(lambda: all(ids <= set(each.event_ids()) for each in receivers), seconds=60)


def _forget_routing(world: World, publisher: Client, event_id: str) -> None:
    """Waits for the routing record of an event, and removes it."""
    eventually(lambda: publisher.event(event_id)["processed"])
    world.bus.dynamodb.delete_item(
        TableName=world.bus.resources["deliveries_table"],
        Key={"event_id": {"S": event_id}, "subscription_id": {"S": "#routing"}},
    )


def test_an_unroutable_event_is_routed_again(world: World) -> None:
    domain = world.name("task")
    publisher, receiver = world.publisher(f"{domain}.*"), world.receiver()
    publisher.subscribe(receiver, f"{domain}.*")
    event_id = publisher.publish(f"{domain}.created")
    receiver.wait_for_event(event_id)
    _forget_routing(world, publisher, event_id)
    world.bus.sqs.send_message(
        QueueUrl=world.bus.resources["unroutable_queue_url"],
        MessageBody=orjson.dumps({"event_id": event_id}).decode(),
    )
    first, second = receiver.wait_for(2)[:2]
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == event_id


def test_events_that_the_table_stream_gave_up_are_routed_again(world: World) -> None:
    domain = world.name("task")
    publisher, receiver = world.publisher(f"{domain}.*"), world.receiver()
    publisher.subscribe(receiver, f"{domain}.*")
    ids = [publisher.publish(f"{domain}.created") for _ in range(3)]
    receiver.wait_for(3)
    for each in ids:
        _forget_routing(world, publisher, each)
    # As Lambda writes it (the emulator never gives a record up):
    # https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
    batch = {"Records": [{"dynamodb": {"Keys": {"id": {"S": each}}}} for each in ids]}
    record = {
        "requestContext": {"condition": "RetryAttemptsExhausted"},
        "DDBStreamBatchInfo": {"batchSize": 3},
        "payload": orjson.dumps(batch).decode(),
    }
    world.bus.s3.put_object(
        Bucket=world.bus.resources["failures_bucket"],
        Key=f"aws/lambda/mapping/shard/{domain}",
        Body=orjson.dumps(record),
    )
    assert sorted(each.event["id"] for each in receiver.wait_for(6)) == sorted(ids * 2)
