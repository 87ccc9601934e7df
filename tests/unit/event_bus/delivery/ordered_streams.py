"""An ordered subscription, and events of the stream that it receives."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from event_bus.model.event import Event
from event_bus.model.registration import Subscription
from event_bus.model.retry_policy import RetryPolicy
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import Message, from_json
from event_bus.stores.cursors import Cursor, CursorStore

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import event, routing, subscription

SOON = RetryPolicy(schedule=[5], max_attempts=2)


def ordered(aws: Aws) -> Subscription:
    return aws.subscriptions.create(subscription(ordered=True, retry_policy=SOON))


def store(aws: Aws, *names: str, stream: str = "task/1", routed: bool = True) -> list[Event]:
    stored = [
        aws.events.put(event(name, metadata={"stream_id": stream}), RETENTION_DAYS)[1]
        for name in names
    ]
    if routed:
        aws.routings.record([routing(name, sub_1="worker") for name in names])
    return stored


def overtaken() -> Callable[[CursorStore, Cursor, str], bool]:
    """A release that comes after another function has taken the cursor."""
    release = CursorStore.release

    def late(store: CursorStore, cursor: Cursor, position: str) -> bool:
        return release(store, replace(cursor, holder="before"), position)

    return late


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Message]:
    """The messages that lanes sent, with their delays."""
    found: list[Message] = []
    send = Lanes.send

    def sending(lanes: Lanes, messages: Sequence[Message]) -> list[Message]:
        found.extend(replace(from_json(each.to_json()), delay=each.delay) for each in messages)
        return send(lanes, messages)

    monkeypatch.setattr(Lanes, "send", sending)
    return found
