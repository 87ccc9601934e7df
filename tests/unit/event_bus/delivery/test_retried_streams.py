"""Events that an ordered stream has passed, and that a person retries."""

from dataclasses import replace

import pytest
from event_bus.delivery.subscription_cache import CACHE_SECONDS

from tests.aws import Aws
from tests.builders import message
from tests.unit.event_bus.delivery.lanes import REFUSED, LaneRun, run
from tests.unit.event_bus.delivery.ordered_streams import ordered, store
from tests.unit.event_bus.delivery.replaying import replayed, start

__all__ = ["run"]


def test_an_event_that_was_never_attempted_is_delivered_when_it_is_retried(
    run: LaneRun, aws: Aws
) -> None:
    to = aws.subscriptions.update(replace(ordered(aws), status="disabled"))
    first, second = store(aws, "evt_1", "evt_2")
    run.take(message(second, to))
    for name in ("evt_1", "evt_2"):
        assert (run.outcome(name).status, run.outcome(name).attempts) == ("exhausted", 0)
    to = aws.subscriptions.update(replace(to, status="active"))
    run.now[0] += CACHE_SECONDS
    aws.retried(run.outcome("evt_1"))
    assert run.take(message(first, to), receives=2) == []
    assert run.outcome("evt_1").status == "delivered"
    assert run.target.events == ["evt_1"]


@pytest.mark.parametrize("ended", ["evt_1", "evt_2"])
def test_a_replayed_stream_continues_behind_an_event_whose_retention_has_ended(
    run: LaneRun, aws: Aws, ended: str
) -> None:
    # Reads that need not be consistent know of none of it.
    aws.dynamodb.age = lambda: 5.0  # type: ignore[attr-defined]
    to, (first, second, third) = ordered(aws), store(aws, "evt_1", "evt_2", "evt_3")
    start(aws)
    run.target.script["evt_1"] = REFUSED
    # The messages of the later events end, because that of the first event continues up to them.
    for each in (first, second, third):
        assert run.take(replayed(each, to)) == []
    for name in {"evt_1", ended}:
        aws.dynamodb.delete_item(TableName=aws.tables["events"], Key={"id": {"S": name}})
    run.sent()
    retry = replace(replayed(first, to, attempt=2), event=None)
    assert run.take(retry) == []
    assert run.outcome("evt_1", replay="rpl_1").status == "dropped"
    [following] = run.sent()
    assert following == replace(replayed(third, to), event=None)
    assert run.take(following) == []
    left = [name for name in ("evt_2", "evt_3") if name != ended]
    assert run.target.events == ["evt_1", *left]
    # Nothing is left behind the last event of which the replay has sent a message.
    assert run.sent() == []
