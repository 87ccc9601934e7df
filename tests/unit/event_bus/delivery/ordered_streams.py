"""An ordered subscription, and events of the stream that it receives."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.model.retry_policy import RetryPolicy
from event_bus.model.subscription import Subscription
from event_bus.stores.cursors import Cursor, CursorStore

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import NOON, event, routing, subscription

SOON = RetryPolicy(schedule=[5], max_attempts=2)

GONE = Outcome("http_status", "the subscriber answered 410", status_code=410)


def ordered(aws: Aws, **members: Any) -> Subscription:
    members = {"retry_policy": SOON, **members}
    return aws.subscriptions.create(subscription(ordered=True, **members))


def store(
    aws: Aws, *names: str, stream: str = "task/1", routed: bool = True, **members: Any
) -> list[Event]:
    created_at = members.pop("created_at", None)
    stored = []
    for name in names:
        sent = event(name, metadata={"stream_id": stream}, **members)
        sent = replace(sent, created_at=created_at or sent.created_at)
        stored.append(aws.events.put(sent, RETENTION_DAYS)[1])
    if routed:
        aws.routings.record([routing(name, sub_1="worker") for name in names])
    return stored


def make_due(aws: Aws, name: str, delivery: str = "sub_1") -> None:
    """Ends the wait of a failed delivery."""
    aws.dynamodb.update_item(
        TableName=aws.tables["deliveries"],
        Key={"event_id": {"S": name}, "subscription_id": {"S": delivery}},
        UpdateExpression="SET next_retry_at = :noon",
        ExpressionAttributeValues={":noon": {"S": NOON}},
    )


def overtaken() -> Callable[[CursorStore, Cursor, str], bool]:
    """A release that comes after another function has taken the cursor."""
    release = CursorStore.release

    def late(store: CursorStore, cursor: Cursor, position: str) -> bool:
        return release(store, replace(cursor, holder="before"), position)

    return late
