"""Messages whose event is stored, but cannot be read: each becomes a dead letter at once."""

import pytest
from event_bus.model.delivery import DeliveryKey
from event_bus.model.subscription import DeliveryGuarantee

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import LARGE_PAYLOAD, event, message, subscription
from tests.unit.event_bus.delivery.enriching_batches import Batches, batches, external
from tests.unit.event_bus.delivery.enrichments import stored
from tests.unit.event_bus.delivery.lanes import REFUSED, LaneRun, run
from tests.unit.event_bus.delivery.ordered_streams import make_due, ordered, store

__all__ = ["batches", "run"]


@pytest.mark.parametrize(
    ("guarantee", "status"), [("at_least_once", "exhausted"), ("at_most_once", "dropped")]
)
def test_an_event_that_cannot_be_read_is_tried_once(
    run: LaneRun, aws: Aws, guarantee: DeliveryGuarantee, status: str
) -> None:
    to = aws.subscriptions.create(subscription(delivery_guarantee=guarantee))
    large = event(payload=LARGE_PAYLOAD)
    aws.events.put(large, RETENTION_DAYS)
    aws.lose_archived(large.id)
    assert run.take(message(large, to)) == []
    assert (run.outcome().status, run.outcome().attempts) == (status, 0)
    assert run.error()[0] == "event_unreadable"
    assert (run.target.events, run.sent()) == ([], [])


def test_an_event_that_cannot_be_read_is_not_enriched(batches: Batches, aws: Aws) -> None:
    to, large = external(aws), stored(aws, payload=LARGE_PAYLOAD)
    aws.lose_archived(large.id)
    assert batches.take(message(large, to, enriches=True)) == []
    assert (batches.asked, batches.onward(), batches.back()) == ([], [], [])
    ended = aws.deliveries.get(DeliveryKey(large.id, to.id))
    assert ended
    assert ended.status == "exhausted"


def test_a_stream_continues_behind_the_retry_of_an_event_that_cannot_be_read(
    run: LaneRun, aws: Aws
) -> None:
    to = ordered(aws)
    first, second, _ = store(aws, "evt_1", "evt_2", "evt_3", payload=LARGE_PAYLOAD)
    run.target.script["evt_1"] = REFUSED
    # The message of the second event ends, because the retry of the first one continues the stream.
    for each in (first, second):
        assert run.take(message(each, to)) == []
    [retry] = run.sent()
    aws.lose_archived("evt_1")
    make_due(aws, "evt_1")
    assert run.take(retry) == []
    assert run.outcome("evt_1").status == "exhausted"
    assert run.error("evt_1")[0] == "event_unreadable"
    [following] = run.sent()
    assert run.take(following) == []
    assert run.target.events == ["evt_1", "evt_2", "evt_3"]
