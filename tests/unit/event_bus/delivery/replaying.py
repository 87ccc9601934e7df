"""A replay in order, and events of the stream that it sends."""

from typing import Any

from event_bus.model.event import Event
from event_bus.model.replay import Replay
from event_bus.model.retry_policy import RetryPolicy
from event_bus.model.subscription import Subscription
from event_bus.queues.message import Message

from tests.aws import Aws
from tests.builders import message, replay
from tests.unit.event_bus.delivery import ordered_streams
from tests.unit.event_bus.delivery.lanes import LaneRun

ONCE = RetryPolicy(max_attempts=1)

BEFORE = "2026-05-01T11:59:59.999Z"

ONE_O_CLOCK = "2026-05-01T13:00:00.000Z"


def store(aws: Aws, *names: str, **members: Any) -> list[Event]:
    """Stores events that only the replay sends."""
    return ordered_streams.store(aws, *names, routed=False, **members)


def start(aws: Aws, **members: Any) -> Replay:
    begun = replay(**{"event_types": None, **members})
    aws.replays.add(begun)
    return begun


def replayed(about: Event, to: Subscription, **members: Any) -> Message:
    return message(about, to, replay_id="rpl_1", **members)


def status(run: LaneRun, name: str) -> str:
    return run.outcome(name, replay="rpl_1").status


def make_due(aws: Aws, name: str) -> None:
    """Ends the wait of a failed delivery of the replay."""
    ordered_streams.make_due(aws, name, "sub_1#rpl_1")
