"""What tests of sockets share."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest
from event_bus import times
from event_bus.access.live_keys import LiveKeys
from event_bus.access.rate_limits import RateLimiter
from event_bus.inbox.conversation import Conversation
from event_bus.inbox.listeners import Listeners
from event_bus.inbox.pusher import Pusher
from event_bus.targets.inbox import InboxTarget

from tests.aws import Aws
from tests.builders import subscription
from tests.clock import Clock
from tests.unit.event_bus.inbox.inbox import reader_of
from tests.unit.event_bus.inbox.sockets.conversing import conversation_of
from tests.unit.event_bus.inbox.sockets.wire import Wire


@pytest.fixture
def wire() -> Wire:
    return Wire(client=None)  # type: ignore[arg-type]


@pytest.fixture
def executor() -> Iterator[Executor]:
    with ThreadPoolExecutor(4) as made:
        yield made


@pytest.fixture
def pusher(aws: Aws, wire: Wire, executor: Executor) -> Pusher:
    """A pusher whose clock moves only while it waits, so that no push ends on a busy machine."""
    clock = Clock()

    def sleep(seconds: float) -> None:
        clock.now += seconds
        times.sleep(seconds)

    return Pusher(
        socket_subscribers=aws.socket_subscribers,
        reader=reader_of(aws, executor),
        connections=wire,
        listeners=Listeners(aws.subscriptions, aws.inboxes, 100, aws.subscription_rights),
        live_keys=LiveKeys(aws.keys, lambda: "admin_1"),
        executor=executor,
        clock=clock,
        sleep=sleep,
    )


@pytest.fixture
def conversation(aws: Aws, wire: Wire, pusher: Pusher) -> Conversation:
    """A conversation in which clients may subscribe to `sub_1` and `sub_2`."""
    for name in ("sub_1", "sub_2"):
        aws.subscriptions.create(subscription(name, target=InboxTarget("websocket")))
    return conversation_of(aws, wire, pusher, RateLimiter(aws.limits))
