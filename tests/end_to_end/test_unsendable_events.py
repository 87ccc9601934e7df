"""Events that AWS could refuse arrive unchanged, and delay no others."""

from typing import Any

import orjson

from tests.end_to_end.aws_resources import SubscriberQueue
from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import World

ODD: dict[str, Any] = {"\ufffe": ["\uffff", "a\uffffb\x00\x1f", "\\\uffff"], "text": "ü😀\x7f\x85"}


def test_characters_that_sqs_refuses_arrive_unchanged(world: World) -> None:
    domain = world.name("odd")
    publisher, receiver = world.publisher(f"{domain}.*"), world.receiver()
    queue = SubscriberQueue(world, world.name("odd"))
    publisher.subscribe(receiver, f"{domain}.*")
    publisher.subscribe({"type": "sqs", "queue": queue.arn}, f"{domain}.*")
    metadata = {"correlation_id": "c\ufffe", "note": "\uffff"}
    events: list[dict[str, Any]] = [
        {"type": f"{domain}.fine", "payload": {"n": 1}},
        {"type": f"{domain}.odd", "payload": ODD, "metadata": metadata},
        {"type": f"{domain}.large", "payload": {**ODD, "more": "\uffff" * 20_000}},
        {"type": f"{domain}.fine", "payload": {"n": 2}},
    ]
    ids = publisher.publish_all(events)
    sent = dict(zip(ids, events, strict=True))
    by_callback = {each.event["id"]: each.event for each in receiver.wait_for(4)}
    messages = [(orjson.loads(each["Body"]), each) for each in queue.take(4)]
    by_queue = {event["id"]: event for event, _ in messages}
    for received in (by_callback, by_queue):
        assert {each: received[each]["payload"] for each in ids} == {
            each: sent[each]["payload"] for each in ids
        }
        assert received[ids[1]]["metadata"] == metadata
    [odd] = [message for event, message in messages if event["id"] == ids[1]]
    assert "correlation_id" not in odd["MessageAttributes"]
    # A replay skips them, and every other event arrives once.
    begin = publisher.event(ids[0])["timestamp"]
    replay = publisher.completed(publisher.bus.replays.start(since=begin))
    assert replay["progress"]["deliveries_sent"] == 8
    assert replay["progress"]["events_unroutable"] == 0
    again = receiver.wait_for(8)
    assert {each.event["id"]: each.event["payload"] for each in again[4:]} == {
        each: sent[each]["payload"] for each in ids
    }
    # Later events are routed.
    later = publisher.publish(f"{domain}.later")
    receiver.wait_for_event(later)
    assert sorted(receiver.event_ids()) == sorted([*ids, *ids, later])
    eventually(lambda: all(publisher.event(each)["processed"] for each in ids))
