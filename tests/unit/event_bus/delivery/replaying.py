"""A replay in order, and events of the stream that it sends."""

from dataclasses import replace
from typing import Any

from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.model.registration import Subscription
from event_bus.model.replay import Replay
from event_bus.model.retry_policy import RetryPolicy
from event_bus.queues.message import Message

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import NOON, event, message, replay, subscription
from tests.unit.event_bus.delivery.lanes import Trial

GONE = Outcome("http_status", "the subscriber answered 410", status_code=410)


SOON = RetryPolicy(schedule=[5], max_attempts=2)


ONCE = RetryPolicy(max_attempts=1)


BEFORE = "2026-05-01T11:59:59.999Z"


ONE_O_CLOCK = "2026-05-01T13:00:00.000Z"


def ordered(aws: Aws, **members: Any) -> Subscription:
    members = {"retry_policy": SOON, **members}
    return aws.subscriptions.create(subscription(ordered=True, **members))


def store(aws: Aws, *names: str, stream: str = "task/1", **members: Any) -> list[Event]:
    created_at = members.pop("created_at", None)
    made = []
    for name in names:
        sent = event(name, metadata={"stream_id": stream}, **members)
        sent = replace(sent, created_at=created_at or sent.created_at)
        made.append(aws.events.put(sent, RETENTION_DAYS)[1])
    return made


def start(aws: Aws, **members: Any) -> Replay:
    begun = replay(**{"event_types": None, **members})
    aws.replays.add(begun)
    return begun


def replayed(about: Event, to: Subscription, **members: Any) -> Message:
    return message(about, to, replay_id="rpl_1", **members)


def status(trial: Trial, name: str) -> str:
    return trial.outcome(name, replay="rpl_1").status


def make_due(aws: Aws, name: str) -> None:
    """Ends the wait of a failed delivery."""
    aws.dynamodb.update_item(
        TableName=aws.tables["deliveries"],
        Key={"event_id": {"S": name}, "subscription_id": {"S": "sub_1#rpl_1"}},
        UpdateExpression="SET next_retry_at = :noon",
        ExpressionAttributeValues={":noon": {"S": NOON}},
    )
