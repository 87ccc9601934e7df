"""What tests of inboxes share: AWS in memory, and time that passes when it is waited for."""

from concurrent.futures import Executor

import pytest
from event_bus import times
from event_bus.inbox.leases import InboxLeases
from event_bus.inbox.listeners import Listeners
from event_bus.inbox.reader import InboxReader
from event_bus.inbox.sse import ServerSentEvents
from event_bus.model.delivery import DeliveryKey

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import event
from tests.memory_aws import aws
from tests.unit.event_bus.inbox.inbox import Fill, Time, reader_of

__all__ = ["aws"]


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The time that all see."""
    made = Time()
    monkeypatch.setattr(times, "unix", lambda: made.now)
    return made


@pytest.fixture
def reader(aws: Aws, executor: Executor, time: Time) -> InboxReader:
    """Reads the inboxes."""
    return reader_of(aws, executor, clock=lambda: time.now, sleep=time.sleep)


@pytest.fixture
def leases(aws: Aws, reader: InboxReader) -> InboxLeases:
    """Leases what is next in them."""
    return InboxLeases(reader, aws.inbox_cursors)


@pytest.fixture
def sse(aws: Aws, reader: InboxReader) -> ServerSentEvents:
    """Answers requests for Server-Sent Events."""
    return ServerSentEvents(
        aws.inboxes, reader, Listeners(aws.subscriptions, aws.inboxes, 100, aws.subscription_rights)
    )


@pytest.fixture
def fill(aws: Aws) -> Fill:
    """Fills an inbox."""

    def fill(*names: str, gone: bool = False, to: str = "sub_1") -> None:
        for name in names:
            if not gone:
                aws.events.put(event(name), RETENTION_DAYS)
            aws.inboxes.append(to, [DeliveryKey(name, to)])

    return fill
