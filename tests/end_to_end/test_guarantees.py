"""The guarantees and the order of deliveries on the deployed bus."""

from concurrent.futures import ThreadPoolExecutor

from event_bus.queues.message import Message

from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import World

SOON = {"schedule": [1], "max_attempts": 4}


def test_at_most_once_makes_one_attempt_and_no_dead_letter(world: World) -> None:
    domain = world.name("task")
    service = world.publisher(f"{domain}.*")
    receiver = world.receiver(lambda _: (500, {}))
    subscription = service.subscribe(
        receiver, f"{domain}.*", delivery_guarantee="at_most_once", retry_policy=SOON
    )
    event_id = service.publish(f"{domain}.created")
    dropped = service.settled(event_id, subscription["id"], "dropped")
    assert (dropped["attempts"], dropped["dead_letter_id"]) == (1, None)
    assert dropped["last_error"]["code"] == "http_status"
    repeat(world, event_id, subscription["id"])
    control = service.publish(f"{domain}.created")
    service.settled(control, subscription["id"], "dropped")
    assert receiver.event_ids() == [event_id, control]
    assert service.dead_letters() == []


def test_exactly_once_makes_no_attempt_after_a_success(world: World) -> None:
    domain = world.name("task")
    service = world.publisher(f"{domain}.*")
    receiver = world.receiver(lambda count: (500 if count == 1 else 204, {}))
    subscription = service.subscribe(
        receiver, f"{domain}.*", delivery_guarantee="exactly_once", retry_policy=SOON
    )
    event_id = service.publish(f"{domain}.created")
    assert service.settled(event_id, subscription["id"], "delivered")["attempts"] == 2
    for _ in range(3):
        repeat(world, event_id, subscription["id"])
    control = service.publish(f"{domain}.created")
    service.settled(control, subscription["id"], "delivered")
    assert receiver.event_ids() == [event_id, event_id, control]
    assert {each.headers["webhook-id"] for each in receiver.requests[:2]} == {event_id}


def repeat(world: World, event_id: str, subscription_id: str) -> None:
    """Sends a message a second time, as an at-least-once queue may do."""
    world.bus.sqs.send_message(
        QueueUrl=world.bus.resources["http_lane_url"],
        MessageBody=Message(event_id, subscription_id, "whoever", 0).to_json(),
    )


def test_an_ordered_subscription_receives_each_stream_in_its_order(world: World) -> None:
    domain = world.name("task")
    service = world.publisher(f"{domain}.*")
    failed: set[str] = set()
    receiver = world.receiver()

    def refuse_every_third_once(_: int) -> tuple[int, dict[str, str]]:
        event = receiver.requests[-1].event
        if event["metadata"]["stream_version"] % 3 == 0 and event["id"] not in failed:
            failed.add(event["id"])
            return 503, {}
        return 204, {}

    receiver.respond = refuse_every_third_once
    service.subscribe(receiver, f"{domain}.*", ordered=True, retry_policy=SOON)
    streams = [f"{domain}/{number}" for number in range(3)]

    def publish(number: int) -> None:
        service.publish(f"{domain}.moved", metadata={"stream_id": streams[number % 3]})

    with ThreadPoolExecutor(6) as executor:
        list(executor.map(publish, range(24)))
    # Each event once, at its first arrival.
    eventually(lambda: len(set(receiver.event_ids())) == 24, seconds=60)
    for stream in streams:
        arrived = [request.event["metadata"] for request in receiver.requests]
        versions = [each["stream_version"] for each in arrived if each["stream_id"] == stream]
        assert list(dict.fromkeys(versions)) == list(range(1, 9))
    assert len(failed) == 6


def test_a_failing_event_holds_back_its_own_stream_and_no_other(world: World) -> None:
    domain = world.name("task")
    service = world.publisher(f"{domain}.*")
    receiver, free = world.receiver(), world.receiver()

    def refuse_the_first_stream(_: int) -> tuple[int, dict[str, str]]:
        blocked = receiver.requests[-1].event["metadata"]["stream_id"].endswith("/1")
        return (500 if blocked else 204), {}

    receiver.respond = refuse_the_first_stream
    ordered = service.subscribe(
        receiver, f"{domain}.*", ordered=True, retry_policy={"schedule": [3600]}
    )
    service.subscribe(free, f"{domain}.*")
    first = service.publish(f"{domain}.a", metadata={"stream_id": f"{domain}/1"})
    letter = service.dead_letter(event_id=first)
    held = service.publish(f"{domain}.b", metadata={"stream_id": f"{domain}/1"})
    other = service.publish(f"{domain}.c", metadata={"stream_id": f"{domain}/2"})
    receiver.wait_for_event(other)
    free.wait_for_event(held)
    assert held not in receiver.event_ids()
    # After it is discarded, its stream continues.
    receiver.respond = lambda _: (204, {})
    assert service.http.delete(f"/dead-letters/{letter['id']}").status_code == 204
    after = service.publish(f"{domain}.d", metadata={"stream_id": f"{domain}/1"})
    service.settled(after, ordered["id"], "delivered")
    assert receiver.event_ids()[-2:] == [held, after]
