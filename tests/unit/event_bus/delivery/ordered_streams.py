"""An ordered subscription, and events of the stream that it receives."""

from collections.abc import Callable
from dataclasses import replace

from event_bus.model.event import Event
from event_bus.model.registration import Subscription
from event_bus.model.retry_policy import RetryPolicy
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
