"""Subscriptions with enrichments, their events, and lanes that enrich them."""

from dataclasses import replace
from typing import Any

from event_bus.delivery.enriching import Enrich
from event_bus.model.enrichment import LookupSource, StaticSource
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.model.retry_policy import RetryPolicy
from event_bus.model.subscription import Subscription

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import event, routing, subscription
from tests.unit.event_bus.delivery.lanes import LaneRun

ADDED = b'{"region":"eu"}'
FAILED = Outcome("enrichment_failed", "region: the URL answered 500")
SOURCES = {"region": StaticSource(json='"eu"'), "c": LookupSource(context="c", key="$.id")}
SOON = RetryPolicy(schedule=[5], max_attempts=2)


def subscribed(aws: Aws, **members: Any) -> Subscription:
    return aws.subscriptions.create(
        subscription(**{"enrichment": SOURCES, "retry_policy": SOON, **members})
    )


def stored(aws: Aws, name: str = "evt_1", **members: Any) -> Event:
    return aws.events.put(event(name, **members), RETENTION_DAYS)[1]


def in_turn(run: LaneRun, enrich: Enrich) -> LaneRun:
    """A lane that enriches in the turn of a stream."""
    runner = replace(run.lane.runner, enrich=enrich)
    ordered = replace(run.lane.ordered, runner=runner)
    return replace(run, lane=replace(run.lane, runner=runner, ordered=ordered))


def answering(found: list[bytes | Outcome]) -> Enrich:
    return lambda *_: found.pop(0)


def of_a_stream(aws: Aws, *names: str) -> list[Event]:
    events = [stored(aws, name, metadata={"stream_id": "task/1"}) for name in names]
    aws.routings.record([routing(name, sub_1="worker") for name in names])
    return events
