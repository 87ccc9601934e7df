"""Slow subscriptions have a lane of their own; those on trial have few functions of another."""

import threading
from concurrent.futures import Executor
from dataclasses import replace
from typing import cast

import pytest
from event_bus import times
from event_bus.delivery.circuits import CACHE_SECONDS
from event_bus.delivery.pacing import Turns, trials_name
from event_bus.model.pace import TRIAL_FUNCTIONS, Pace

from tests.aws import Aws
from tests.builders import event, message, subscription
from tests.faults import not_sent
from tests.unit.event_bus.delivery.protocol_lanes import (
    SHARE,
    ProtocolLanes,
    batch,
    messages,
    until,
)
from tests.waiting import join


@pytest.fixture
def both(aws: Aws, executor: Executor) -> ProtocolLanes:
    return ProtocolLanes.of(aws, executor)


def test_the_paced_lane_leaves_slow_subscriptions_to_the_slow_lane(
    both: ProtocolLanes, aws: Aws
) -> None:
    to = aws.subscriptions.create(subscription(max_in_flight=3))
    both.paced.process(batch(message(event("evt_0"), to)))
    # Another function marks it; this one has still cached that it is fast.
    pace = both.pace()
    assert aws.paces.put("sub_1", replace(pace.proved_slow(times.unix()), version=pace.version + 1))
    before = both.pace()
    assert both.paced.process(batch(*messages(to, 3), receives=1)) == []
    assert both.target.events == ["evt_0"]
    moved = both.sent("http_slow")
    assert {each.delay for each in moved} == {0}
    assert both.pace() == before
    assert both.slow.process(batch(*moved)) == []
    assert len(both.target.events) == 4


def test_what_waits_in_the_slow_lane_goes_on_in_the_paced_lane_when_it_is_fast(
    both: ProtocolLanes, aws: Aws
) -> None:
    to = aws.subscriptions.create(subscription(rate_limit=2.0))
    assert both.slow.process(batch(*messages(to, 3))) == []
    assert len(both.target.events) == 1
    assert len(both.sent("http_paced")) == 2
    assert both.sent("http_slow") == []


def test_what_finds_no_free_slot_in_the_slow_lane_goes_to_the_paced_lane_when_it_is_fast(
    both: ProtocolLanes, aws: Aws
) -> None:
    to = aws.subscriptions.create(subscription(max_in_flight=1))
    taken = {"fn_1": (times.unix() + 60, 1)}
    assert aws.paces.put("sub_1", Pace(leases=taken, version=1))
    assert both.slow.process(batch(*messages(to, 2))) == []
    assert len(both.sent("http_paced")) == 2
    assert both.sent("http_slow") == []


def test_only_a_subscription_that_is_not_known_as_slow_is_marked(
    both: ProtocolLanes, aws: Aws
) -> None:
    turns = cast("Turns", both.slow.pacing)
    turns.slow("sub_1")
    marked = both.pace()
    assert (marked.state, marked.version) == ("slow", 1)
    assert turns.circuits.paces.last("sub_1") == marked
    with not_sent(aws.dynamodb, "GetItem"):
        # The first one is not read again, so the fault meets the second one.
        turns.slow("sub_1")
        turns.slow("sub_2")
    assert aws.paces.get("sub_2") is None
    turns.slow("sub_2")
    assert both.pace("sub_2").state == "slow"


def test_an_attempt_of_the_paced_lane_marks_its_subscription_before_it_ends(
    both: ProtocolLanes, aws: Aws
) -> None:
    to = aws.subscriptions.create(subscription(max_in_flight=5))
    answered = threading.Event()
    both.target.meet = lambda: answered.wait(10)
    attempt = threading.Thread(target=both.paced.process, args=(batch(message(event(), to)),))
    attempt.start()
    try:
        until(lambda: (pace := aws.paces.get("sub_1")) is not None and pace.state == "slow")
        assert both.pace().in_flight(times.unix()) == 1
    finally:
        answered.set()
        join(attempt)
    assert both.pace().state == "slow"
    assert both.pace().leases == {}


def test_a_subscription_on_trial_occupies_few_functions(both: ProtocolLanes, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription())
    turns = cast("Turns", both.paced.pacing)
    turns.functions = 10
    taken = {f"fn_{each}": (times.unix() + 60, 1) for each in range(TRIAL_FUNCTIONS)}
    aws.paces.put_anew("sub_1", Pace(state="trial", leases=taken, version=1))
    assert both.paced.process(batch(*messages(to, 3))) == []
    assert both.target.events == []
    # The first answers tell soon whether it is slow.
    assert {each.delay for each in both.sent("http_paced")} <= {1, 2}
    assert both.pace().next_look == 0
    # Its first answer gives it as many functions as others have.
    aws.paces.put_anew("sub_1", Pace("slow", times.unix(), leases=taken, version=1))
    cast("Turns", both.slow.pacing).functions = 10
    assert both.slow.process(batch(*messages(to, 3))) == []
    assert len(both.target.events) == 3


def test_those_on_trial_leave_functions_to_limited_ones(both: ProtocolLanes, aws: Aws) -> None:
    new = aws.subscriptions.create(subscription("sub_new"))
    limited = aws.subscriptions.create(subscription("sub_limited", max_in_flight=5))
    aws.paces.put_anew("sub_new", Pace(state="trial", version=1))
    taken = {f"fn_{each}": (times.unix() + 60, 1) for each in range(SHARE)}
    aws.paces.put_anew(trials_name("http"), Pace(leases=taken, version=1))
    sent = [message(event("evt_new"), new), message(event("evt_limited"), limited)]
    assert both.paced.process(batch(*sent)) == []
    assert both.target.events == ["evt_limited"]
    [waits] = both.sent("http_paced")
    assert (waits.event_id, waits.delay in (1, 2)) == ("evt_new", True)
    # A lease ends, and the function that takes it returns it with its batch.
    over = Pace(leases=dict.fromkeys(taken, (times.unix() - 1, 1)), version=1)
    aws.paces.put_anew(trials_name("http"), over)
    both.now[0] += CACHE_SECONDS
    assert both.paced.process(batch(message(event("evt_new"), new))) == []
    assert both.target.events == ["evt_limited", "evt_new"]
    assert both.pace(trials_name("http")).leases == {}


def test_a_lease_for_trials_that_cannot_be_taken_holds_them_back(
    both: ProtocolLanes, aws: Aws
) -> None:
    new = aws.subscriptions.create(subscription())
    aws.paces.put_anew("sub_1", Pace(state="trial", version=1))
    both.paced.subscriptions.of(messages(new, 1))
    with not_sent(aws.dynamodb, "PutItem"):
        assert both.paced.process(batch(*messages(new, 2))) == []
    assert both.target.events == []
    assert len(both.sent("http_paced")) == 2


def test_a_batch_without_an_attempt_on_trial_keeps_no_lease_for_trials(
    both: ProtocolLanes, aws: Aws
) -> None:
    new = aws.subscriptions.create(subscription("sub_new"))
    limited = aws.subscriptions.create(subscription("sub_limited", max_in_flight=5))
    taken = {f"fn_{each}": (times.unix() + 60, 1) for each in range(TRIAL_FUNCTIONS)}
    aws.paces.put_anew("sub_new", Pace(state="trial", leases=taken, version=1))
    seen: list[object] = []
    both.target.meet = lambda: seen.append(both.pace(trials_name("http")).leases)
    sent = [message(event("evt_new"), new), message(event("evt_limited"), limited)]
    assert both.paced.process(batch(*sent)) == []
    assert both.target.events == ["evt_limited"]
    # Already while the attempt for the other one is made.
    assert seen == [{}]
