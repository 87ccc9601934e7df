"""A conversation with WebSocket clients, for tests."""

from event_bus.access.rate_limits import RateLimiter
from event_bus.inbox.conversation import Conversation
from event_bus.inbox.pusher import Pusher

from tests.aws import Aws
from tests.unit.event_bus.inbox.sockets.wire import Wire


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
