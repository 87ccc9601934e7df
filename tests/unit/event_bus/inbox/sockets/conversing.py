"""A conversation with WebSocket clients, for tests."""

from typing import Any

import orjson
from event_bus.access.callers import Caller
from event_bus.access.rate_limits import RateLimiter
from event_bus.inbox.conversation import Conversation
from event_bus.inbox.pusher import Pusher
from event_bus.model.delivery import DeliveryKey

from tests.aws import Aws
from tests.builders import event, service
from tests.unit.event_bus.inbox.sockets.wire import Wire

CALLER = service("worker")

SUBSCRIBE = {"action": "subscribe", "subscription_id": "sub_1"}


def conversation_of(aws: Aws, wire: Wire, pusher: Pusher, limiter: RateLimiter) -> Conversation:
    """A conversation whose messages a limiter counts."""
    return Conversation(
        find=aws.subscriptions.get,
        listeners=pusher.listeners,
        socket_subscribers=aws.socket_subscribers,
        inboxes=aws.inboxes,
        cursors=aws.inbox_cursors,
        pusher=pusher,
        connections=wire,
        limiter=limiter,
    )


def fill(aws: Aws, name: str, owner: str = "sub_1") -> None:
    """Stores an event, and appends it to the inbox of a subscription."""
    aws.events.put(event(name), 30)
    aws.inboxes.append(owner, [DeliveryKey(name, owner)], pushed=True)


def say(
    conversation: Conversation,
    message: dict[str, Any],
    connection_id: str = "one",
    caller: Caller = CALLER,
) -> None:
    """Lets a client send a message."""
    conversation.take(connection_id, caller, orjson.dumps(message).decode())


def kinds(wire: Wire, connection_id: str = "one") -> list[str]:
    """The types of the messages that a client has received."""
    return [message["type"] for message in wire.received[connection_id]]
