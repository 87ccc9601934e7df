"""The inbox of one subscription, and its WebSocket subscribers, for tests."""

from event_bus.model.delivery import DeliveryKey
from event_bus.stores.socket_subscribers import SocketSubscriber, SocketSubscriberKey

from tests.aws import Aws
from tests.builders import event

KEY = SocketSubscriberKey("sub_1", "connection_1")
SOON = 4_000_000_000


def fill(aws: Aws, count: int, text: str = "") -> int:
    """Puts events into the inbox; its last place then."""
    begin = aws.inboxes.last("sub_1")
    names = [f"evt_{begin + number}" for number in range(1, count + 1)]
    for name in names:
        aws.events.put(event(name, payload={"text": text}), 30)
    for start in range(0, count, 10):
        keys = [DeliveryKey(name, "sub_1") for name in names[start : start + 10]]
        aws.inboxes.append("sub_1", keys, pushed=True)
    return begin + count


def follow(
    aws: Aws, key: SocketSubscriberKey = KEY, *, durable: bool = True, ends: int = SOON
) -> None:
    """Adds a WebSocket subscriber that nobody holds."""
    subscriber = SocketSubscriber(key, sent=0, acknowledged=0, durable=durable)
    aws.socket_subscribers.add(subscriber, "adder", -1, ends)
