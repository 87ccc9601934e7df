"""An event is enriched again after its subscription changed."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace

from event_bus.enrichment.calls import SubscriptionChanged
from event_bus.queues.lanes import Lanes

from tests.aws import Aws
from tests.builders import message
from tests.unit.event_bus.delivery.lanes import LaneRun, run
from tests.unit.event_bus.delivery.test_enriching import (
    ADDED,
    of_a_stream,
    stored,
    subscribed,
)

__all__ = ["run"]


def test_an_event_is_enriched_again_after_its_subscription_changed(
    run: LaneRun, aws: Aws, executor: Executor
) -> None:
    own = aws.queue()
    lanes = Lanes(aws.sqs, {"http": run.url, "enrich": own}, executor)
    moving = replace(run, lane=replace(run.lane, lanes=lanes))
    enriched = message(stored(aws), to := subscribed(aws), attempt=2, enrichment=ADDED)
    later = aws.subscriptions.update(replace(to, name="Other"))
    assert moving.take(replace(enriched, subscription_version=later.version)) == []
    assert run.target.enrichments == [ADDED]
    assert moving.take(replace(enriched, event_id="evt_2")) == []
    [moved] = aws.sent_on(own)
    assert (moved.event_id, moved.attempt, moved.enrichment) == ("evt_2", 2, None)
    assert moved.subscription_version == later.version
    assert run.target.enrichments == [ADDED]


def test_a_lane_takes_no_parts_for_a_newer_version_than_its_own(run: LaneRun, aws: Aws) -> None:
    to = subscribed(aws, ordered=True)
    [first] = of_a_stream(aws, "evt_1")
    runner = replace(run.lane.runner, enrich=raising(SubscriptionChanged(to.version + 1)))
    ordered = replace(run.lane.ordered, runner=runner)
    older = replace(run, lane=replace(run.lane, runner=runner, ordered=ordered))
    assert older.take(message(first, to)) == []
    [again] = run.sent()
    assert (again.event_id, again.attempt, again.delay) == ("evt_1", 1, 0)
    assert (again.subscription_version, run.target.events) == (to.version + 1, [])


def raising(error: Exception) -> Callable[..., bytes]:
    def enrich(*_: object) -> bytes:
        raise error

    return enrich
