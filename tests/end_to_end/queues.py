"""The queues of the bus, without the functions that take their messages."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tests.end_to_end.receiver import eventually
from tests.end_to_end.world import World


@contextmanager
def without_consumers(world: World, *queue_urls: str) -> Iterator[None]:
    """Stops the functions that take messages of some queues, until the block ends."""
    client = world.bus.client("lambda")
    mappings = [_mapping(world, each) for each in queue_urls]
    for each in mappings:
        client.update_event_source_mapping(UUID=each, Enabled=False)
    try:
        yield
    finally:
        for each in mappings:
            client.update_event_source_mapping(UUID=each, Enabled=True)


def _mapping(world: World, queue_url: str) -> str:
    asked = world.bus.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    found = world.bus.client("lambda").list_event_source_mappings(
        EventSourceArn=asked["Attributes"]["QueueArn"]
    )
    [mapping] = found["EventSourceMappings"]
    return str(mapping["UUID"])


def receive(world: World, queue_urls: Sequence[str], event_id: str, times: int) -> None:
    """Receives the message of an event without deleting it, as functions do that crash.

    Args:
        world: The bus.
        queue_urls: The queues of which one has the message. They have no consumers.
        event_id: The event.
        times: How often the message will have been received.
    """

    def received() -> bool:
        counts = [count for each in queue_urls for count in _receipts(world, each, event_id)]
        assert all(count <= times for count in counts)
        return times in counts

    eventually(received)


def _receipts(world: World, queue_url: str, event_id: str) -> list[int]:
    taken: Any = world.bus.sqs.receive_message(
        QueueUrl=queue_url,
        MaxNumberOfMessages=10,
        VisibilityTimeout=0,
        MessageSystemAttributeNames=["ApproximateReceiveCount"],
    )
    return [
        int(each["Attributes"]["ApproximateReceiveCount"])
        for each in taken.get("Messages", [])
        if event_id in each["Body"]
    ]
