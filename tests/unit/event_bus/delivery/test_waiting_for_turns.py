"""Messages that wait for a turn under a rate limit, and what changes meanwhile."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
from event_bus import times
from event_bus.delivery.circuits import CACHE_SECONDS
from event_bus.model.circuit import Circuit
from event_bus.model.pace import Pace
from event_bus.model.retry_policy import RetryPolicy
from event_bus.model.subscription import Subscription
from event_bus.queues.message import from_json
from event_bus.stores.delivery_items import SHARDS

from tests.aws import Aws
from tests.builders import delivery, event, message, subscription
from tests.faults import not_sent
from tests.unit.event_bus.delivery.lanes import REFUSED
from tests.unit.event_bus.delivery.protocol_lanes import ProtocolLanes, batch, lanes, messages

__all__ = ["lanes"]


def test_a_retry_takes_a_turn_of_its_own(lanes: ProtocolLanes, aws: Aws) -> None:
    policy = RetryPolicy(schedule=[1])
    to = aws.subscriptions.create(subscription(rate_limit=0.2, retry_policy=policy))
    lanes.target.script["evt_0"] = REFUSED
    waited = replace(message(event("evt_0"), to), turn=times.unix() - 0.1)
    assert lanes.paced.process(batch(waited)) == []
    assert lanes.target.events == ["evt_0"]
    [retry] = lanes.sent("http_paced")
    assert (retry.attempt, retry.turn) == (2, None)
    # The first attempt has used a turn that ends in ten seconds only.
    assert lanes.paced.process(batch(message(event("evt_1"), to), retry)) == []
    assert lanes.target.events == ["evt_0", "evt_1"]
    [later] = lanes.sent("http_paced")
    assert later.attempt == 2
    assert later.turn
    assert later.turn > times.unix() + 4


@pytest.mark.parametrize("members", [{"attempt": 2}, {"recorded": True}])
def test_a_retry_with_a_late_turn_is_not_sent_a_second_time(
    lanes: ProtocolLanes, aws: Aws, members: dict[str, Any]
) -> None:
    to = aws.subscriptions.create(subscription(rate_limit=0.1))
    attempts = members.get("attempt", 1) - 1
    at = times.now()
    record = delivery("retrying", attempts=attempts, next_retry_at=at)
    assert aws.deliveries.record(record, attempts + 1) is None
    turn = times.unix() + 9_000
    assert aws.paces.put("sub_1", Pace(next_turn=turn, rate=0.1, version=1))
    first = message(event("evt_0"), to)
    assert lanes.paced.process(batch(first, message(event(), to, **members))) == []
    kept = {each.event_id: each for each in lanes.sent("http_paced")}
    assert kept["evt_1"].turn == turn + 10
    assert aws.deliveries.get(first.key) is None
    found = aws.deliveries.get(record.key)
    assert found
    assert (found.next_retry_at, found.waiting) == (times.at(turn + 10), False)
    # Half an hour after its turn, it counts as lost.
    for seconds, seen in ((1_700, 0), (1_900, 1)):
        until = times.at(turn + seconds)
        assert sum(len(aws.due.page(shard, until, 10)) for shard in range(SHARDS)) == seen


def test_a_late_turn_that_cannot_be_recorded_is_kept_all_the_same(
    lanes: ProtocolLanes, aws: Aws
) -> None:
    to = aws.subscriptions.create(subscription(rate_limit=0.1))
    turn = times.unix() + 9_000
    assert aws.paces.put("sub_1", Pace(next_turn=turn, rate=0.1, version=1))
    with not_sent(aws.dynamodb, "UpdateItem"):
        assert lanes.paced.process(batch(message(event(), to, attempt=2))) == []
    assert [each.turn for each in lanes.sent("http_paced")] == [turn]


@pytest.mark.parametrize("stops", ["circuit", "pause"])
def test_a_message_keeps_its_turn_while_deliveries_wait(
    lanes: ProtocolLanes, aws: Aws, stops: str
) -> None:
    to = aws.subscriptions.create(subscription(rate_limit=0.1))
    assert lanes.paced.process(batch(*messages(to, 3))) == []
    waiting = lanes.sent("http_paced")
    if stops == "circuit":
        assert aws.circuits.put("sub_1", Circuit("open", until=times.unix() + 600, version=1))
        lanes.now[0] += CACHE_SECONDS
    else:
        to = aws.subscriptions.update(replace(to, status="paused"), before=to)
    asked = [replace(each, subscription_version=to.version) for each in waiting]
    assert lanes.paced.process(batch(*asked)) == []
    # A message without its turn would need one behind all others: for hours, none would be used.
    kept = lanes.sent("http_paced")
    assert [(each.event_id, each.turn) for each in kept] == [
        (each.event_id, each.turn) for each in waiting
    ]
    assert all(each.delay > 8 for each in kept)
    assert all(aws.deliveries.of_event(each.event_id)[1] == [] for each in kept)
    # Where its turn comes meanwhile, it waits as all others do.
    due = replace(asked[0], turn=times.unix() - 1)
    assert lanes.paced.process(batch(due)) == []
    assert lanes.sent("http_paced") == []
    [[error]] = [[each.last_error for each in aws.deliveries.of_event(due.event_id)[1]]]
    assert error
    assert error.code == {"circuit": "circuit_open", "pause": "subscription_paused"}[stops]


def _changed(aws: Aws, to: Subscription, rate_limit: float | None) -> Subscription:
    """Returns the subscription with another limit, as a request changes it."""
    changed = aws.subscriptions.update(replace(to, rate_limit=rate_limit), before=to)
    aws.paces.forget_turns(to.id)
    return changed


def _have_turns_of_their_own(lanes: ProtocolLanes, count: int) -> None:
    """Checks that so many messages wait, for turns as far apart as a limit of 0.1 demands."""
    turns = sorted(each.turn or 0 for each in lanes.sent("http_paced"))
    assert len(turns) == count
    assert all(9 < after - before < 11 for before, after in itertools.pairwise(turns))


@pytest.mark.parametrize("between", [[1000.0], [None], [0.5, None, 3.0]])
def test_turns_end_with_their_limit_even_if_it_comes_back(
    lanes: ProtocolLanes, aws: Aws, between: list[float | None]
) -> None:
    to = aws.subscriptions.create(subscription(rate_limit=0.1))
    assert lanes.paced.process(batch(*messages(to, 4))) == []
    waiting = lanes.sent("http_paced")
    for each in (*between, 0.1):
        to = _changed(aws, to, each)
    lanes.now[0] += CACHE_SECONDS
    assert lanes.paced.process(batch(*messages(to, 3, first=5), *waiting)) == []
    # New messages and those with former turns share one series: no two have nearly the same turn.
    _have_turns_of_their_own(lanes, 5)


def test_a_look_for_a_free_slot_is_no_turn_of_a_limit_that_is_set_later(
    lanes: ProtocolLanes, aws: Aws
) -> None:
    to = aws.subscriptions.create(subscription(max_in_flight=1))
    assert aws.paces.put("sub_1", Pace(leases={"fn_1": (times.unix() + 60, 1)}, version=1))
    assert lanes.paced.process(batch(*messages(to, 4))) == []
    looking = lanes.sent("http_paced")
    assert all(each.turn for each in looking)
    to = _changed(aws, to, 0.1)
    aws.paces.put_anew("sub_1", Pace())
    lanes.now[0] += CACHE_SECONDS
    asked = [replace(each, subscription_version=to.version) for each in looking]
    assert lanes.paced.process(batch(*asked)) == []
    assert len(lanes.target.events) == 1
    _have_turns_of_their_own(lanes, 3)


def test_a_look_that_a_lane_gives_before_it_knows_the_limit_is_no_turn(
    lanes: ProtocolLanes, aws: Aws
) -> None:
    to = aws.subscriptions.create(subscription(max_in_flight=1))
    taken = {"fn_1": (times.unix() + 60, 1)}
    assert aws.paces.put("sub_1", Pace(next_turn=1.0, rate=5.0, leases=taken, version=1))
    # The lane read the subscription before the change, and uses that version for some seconds.
    stale = lanes.paced.subscriptions.of(messages(to, 1))
    assert stale
    limited = _changed(aws, to, 0.1)
    assert lanes.paced.process(batch(*messages(to, 4))) == []
    looking = lanes.sent("http_paced")
    assert len(looking) == 4
    aws.paces.change("sub_1", lambda pace: replace(pace, leases={}), aws.paces.get("sub_1"))
    lanes.now[0] += CACHE_SECONDS
    asked = [replace(each, subscription_version=limited.version) for each in looking]
    assert lanes.paced.process(batch(*asked)) == []
    assert len(lanes.target.events) == 1
    _have_turns_of_their_own(lanes, 3)


@pytest.mark.parametrize("stops", ["pause", "nothing"])
def test_a_turn_of_a_later_series_is_kept(lanes: ProtocolLanes, aws: Aws, stops: str) -> None:
    to = aws.subscriptions.create(subscription(rate_limit=0.1))
    assert aws.paces.put("sub_1", Pace(next_turn=times.unix() + 50, rate=0.1, series=3, version=1))
    assert lanes.paced.process(batch(*messages(to, 3))) == []
    waiting = lanes.sent("http_paced")
    assert {each.turn_series for each in waiting} == {3}
    if stops == "pause":
        to = aws.subscriptions.update(replace(to, status="paused"), before=to)
    # They travel through the queue, to a function that knows nothing yet.
    lanes.now[0] += CACHE_SECONDS
    came = [replace(from_json(each.to_json()), subscription_version=to.version) for each in waiting]
    assert lanes.paced.process(batch(*came)) == []
    assert [each.turn for each in lanes.sent("http_paced")] == [each.turn for each in waiting]
    assert lanes.pace().next_turn == (waiting[-1].turn or 0) + 10


def test_a_pause_keeps_no_turns_of_a_former_limit(lanes: ProtocolLanes, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription(rate_limit=0.1))
    assert lanes.paced.process(batch(*messages(to, 3))) == []
    waiting = lanes.sent("http_paced")
    to = aws.subscriptions.update(replace(to, status="paused"), before=to)
    for each in (5.0, 0.1):
        to = _changed(aws, to, each)
    lanes.now[0] += CACHE_SECONDS
    asked = [replace(each, subscription_version=to.version) for each in waiting]
    assert lanes.paced.process(batch(*asked)) == []
    # They need none: they wait for the end of the pause, as others do.
    assert lanes.sent("http_paced") == []
    assert all(aws.deliveries.of_event(each.event_id)[1] for each in waiting)


def test_a_disabled_subscription_ends_messages_before_their_turns(
    lanes: ProtocolLanes, aws: Aws
) -> None:
    to = aws.subscriptions.create(subscription(rate_limit=0.1, status="disabled"))
    waiting = replace(message(event(), to), turn=times.unix() + 5_000)
    assert lanes.paced.process(batch(waiting)) == []
    assert lanes.sent("http_paced") == []
    assert aws.deliveries.of_event("evt_1")[1][0].status == "exhausted"
