"""A message that ends its lane's function at each receipt, on the lane as it is deployed."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from event_bus.queues.lanes import MAX_RECEIVES

from tests.end_to_end.queues import receive, without_consumers
from tests.end_to_end.receiver import Delivered, Receiver, eventually
from tests.end_to_end.world import World

_VISIBILITY_SECONDS = 5

_ONCE = {"schedule": [1], "max_attempts": 1}


@pytest.fixture
def lanes(world: World) -> Iterator[list[str]]:
    """The URLs of the lanes. A message whose function was killed comes again soon there."""
    sqs = world.bus.sqs
    before: dict[str, Any] = {}
    for lane in ("http_lane", "http_paced_lane", "http_slow_lane"):
        url = world.bus.resources[f"{lane}_url"]
        names: Any = ["VisibilityTimeout", "RedrivePolicy"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        assert json.loads(found["RedrivePolicy"])["maxReceiveCount"] == MAX_RECEIVES
        before[url] = {"VisibilityTimeout": found["VisibilityTimeout"]}
        sqs.set_queue_attributes(
            QueueUrl=url, Attributes={"VisibilityTimeout": str(_VISIBILITY_SECONDS)}
        )
    yield list(before)
    for url, attributes in before.items():
        sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)


@contextmanager
def deadly(world: World, when: Callable[[Delivered], bool]) -> Iterator[tuple[Receiver, list[str]]]:
    """A receiver whose request may end the function that sends it.

    Args:
        world: The bus.
        when: Whether a request does.

    Yields:
        It, and the ids of the events that ended a function, one for each time.
    """
    ended: list[str] = []
    receiver = world.receiver()
    respond = receiver.respond

    def kill(count: int) -> tuple[int, dict[str, str]]:
        request = receiver.requests[count - 1]
        if when(request):
            assert _kill_senders(world.bus.pid, urlsplit(receiver.url).port)
            _end_leases(world)
            ended.append(request.event["id"])
        return respond(count)

    receiver.respond = kill
    yield receiver, ended


def _kill_senders(emulator: int, port: int | None) -> int:
    """Kills the functions that are connected to a port; returns how many there were."""
    killed = 0
    for each in psutil.Process(emulator).children(recursive=True):
        with suppress(psutil.Error):
            if any(made.raddr and made.raddr.port == port for made in each.net_connections("tcp")):
                each.kill()
                each.wait(10)
                killed += 1
    return killed


def _end_leases(world: World) -> None:
    """Ends the leases of killed functions, which have ended before a message comes again on AWS."""
    table = world.bus.resources["cursors_table"]
    held: Any = {
        "TableName": table,
        "FilterExpression": "attribute_exists(held_until)",
        "ConsistentRead": True,
    }
    for page in world.bus.dynamodb.get_paginator("scan").paginate(**held):
        for item in page["Items"]:
            world.bus.dynamodb.update_item(
                TableName=table,
                Key={name: item[name] for name in ("owner", "name")},
                UpdateExpression="SET held_until = :past",
                ExpressionAttributeValues={":past": {"N": "0"}},
            )


def test_a_message_that_always_ends_its_function_becomes_a_dead_letter(
    world: World, lanes: list[str]
) -> None:
    domain = world.name("task")
    publisher = world.publisher(f"{domain}.*")
    event_id, deadly_ones = f"{domain}-deadly", set[str]()
    with deadly(world, lambda request: request.event["id"] in deadly_ones) as (receiver, ended):
        subscription = publisher.subscribe(receiver, f"{domain}.*", retry_policy=_ONCE)
        # A new subscription first shows that it answers fast. Until then, each killed function
        # keeps its place until its time is over, and on AWS the message comes again after that.
        for n in range(3):
            first = publisher.publish(f"{domain}.created", {"n": n})
            publisher.settled(first, subscription["id"], "delivered")
        deadly_ones.add(event_id)
        with without_consumers(world, *lanes):
            publisher.publish(f"{domain}.created", {"n": 3}, id=event_id)
            receive(world, lanes, event_id, MAX_RECEIVES - 1)
        # The last receipt ends its function as well.
        letter = publisher.dead_letter(event_id=event_id)
        assert letter["error"]["code"] == "function_crashed"
        eventually(lambda: ended == [event_id])
        deadly_ones.clear()
        publisher.bus.dead_letters.retry(letter["id"])
        publisher.settled(event_id, subscription["id"], "delivered")


def test_an_event_of_an_ordered_replay_that_always_ends_its_function_is_the_one_recorded(
    world: World, lanes: list[str]
) -> None:
    domain = world.name("task")
    publisher = world.publisher(f"{domain}.*")
    replaying: list[str] = []
    with deadly(world, lambda request: request.event["id"] in replaying) as (receiver, ended):
        subscription = publisher.subscribe(
            receiver, f"{domain}.*", ordered=True, retry_policy=_ONCE
        )
        stream = {"stream_id": f"{domain}/1"}
        ids = publisher.publish_all(
            [{"type": f"{domain}.moved", "payload": {"n": n}, "metadata": stream} for n in range(3)]
        )
        for each in ids:
            publisher.settled(each, subscription["id"], "delivered")
        begin = publisher.event(ids[0])["timestamp"]
        replaying.append(ids[1])
        replay = publisher.bus.replays.start(since=begin, subscription_id=subscription["id"])
        # The first receipt delivers the first event, and ends its function at the second one.
        eventually(lambda: ended)
        with without_consumers(world, *lanes):
            receive(world, lanes, ids[2], MAX_RECEIVES - 1)
        letter = publisher.dead_letter(event_id=ids[1])
        publisher.completed(replay)
        assert letter["error"]["code"] == "function_crashed"
        assert set(ended) == {ids[1]}
        # The last receipt made no attempt, since it would end the function, too.
        assert len(ended) < MAX_RECEIVES
        # The stream goes on behind it.
        eventually(lambda: receiver.event_ids().count(ids[2]) == 2)
