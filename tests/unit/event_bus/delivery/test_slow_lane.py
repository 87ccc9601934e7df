"""Slow subscriptions have a lane of their own; those on trial have few functions of another."""

import threading
from dataclasses import replace
from typing import cast

import pytest
from event_bus import times
from event_bus.delivery.circuits import CACHE_SECONDS
from event_bus.delivery.hand_over import HandOver
from event_bus.delivery.pacing import Turns, trials_name
from event_bus.model.pace import TRIAL_FUNCTIONS, Pace, PaceState

from tests.aws import Aws
from tests.builders import event, message, subscription
from tests.faults import not_sent
from tests.unit.event_bus.delivery.protocol_lanes import (
    SHARE,
    ProtocolLanes,
    batch,
    lanes,
    messages,
    until,
)
from tests.waiting import join

__all__ = ["lanes"]


def test_the_paced_lane_leaves_slow_subscriptions_to_the_slow_lane(
    lanes: ProtocolLanes, aws: Aws
) -> None:
    to = aws.subscriptions.create(subscription(max_in_flight=3))
    lanes.paced.process(batch(message(event("evt_0"), to)))
    # Another function marks it; this one has still cached that it is fast.
    pace = lanes.pace()
    assert aws.paces.put("sub_1", replace(pace.proved_slow(times.unix()), version=pace.version + 1))
    before = lanes.pace()
    assert lanes.paced.process(batch(*messages(to, 3), receives=1)) == []
    assert lanes.target.events == ["evt_0"]
    moved = lanes.sent("http_slow")
    assert {each.delay for each in moved} == {0}
    assert lanes.pace() == before
    assert lanes.slow.process(batch(*moved)) == []
    assert len(lanes.target.events) == 4


def test_what_waits_in_the_slow_lane_goes_on_in_the_paced_lane_when_it_is_fast(
    lanes: ProtocolLanes, aws: Aws
) -> None:
    to = aws.subscriptions.create(subscription(rate_limit=2.0))
    assert lanes.slow.process(batch(*messages(to, 3))) == []
    assert len(lanes.target.events) == 1
    assert len(lanes.sent("http_paced")) == 2
    assert lanes.sent("http_slow") == []


def test_what_finds_no_free_slot_in_the_slow_lane_goes_to_the_paced_lane_when_it_is_fast(
    lanes: ProtocolLanes, aws: Aws
) -> None:
    to = aws.subscriptions.create(subscription(max_in_flight=1))
    taken = {"fn_1": (times.unix() + 60, 1)}
    assert aws.paces.put("sub_1", Pace(leases=taken, version=1))
    assert lanes.slow.process(batch(*messages(to, 2))) == []
    assert len(lanes.sent("http_paced")) == 2
    assert lanes.sent("http_slow") == []


def test_only_a_subscription_that_is_not_known_as_slow_is_marked(
    lanes: ProtocolLanes, aws: Aws
) -> None:
    turns = cast("Turns", lanes.slow.pacing)
    turns.slow("sub_1")
    marked = lanes.pace()
    assert (marked.state, marked.version) == ("slow", 1)
    assert turns.circuits.paces.last("sub_1") == marked
    with not_sent(aws.dynamodb, "GetItem"):
        # The first one is not read again, so the fault meets the second one.
        turns.slow("sub_1")
        turns.slow("sub_2")
    assert aws.paces.get("sub_2") is None
    turns.slow("sub_2")
    assert lanes.pace("sub_2").state == "slow"


def test_an_attempt_of_the_paced_lane_marks_its_subscription_before_it_ends(
    lanes: ProtocolLanes, aws: Aws
) -> None:
    to = aws.subscriptions.create(subscription(max_in_flight=5))
    answered = threading.Event()
    lanes.target.meet = lambda: answered.wait(10)
    attempt = threading.Thread(target=lanes.paced.process, args=(batch(message(event(), to)),))
    attempt.start()
    try:
        until(lambda: (pace := aws.paces.get("sub_1")) is not None and pace.state == "slow")
        assert lanes.pace().in_flight(times.unix()) == 1
    finally:
        answered.set()
        join(attempt)
    assert lanes.pace().state == "slow"
    assert lanes.pace().leases == {}


@pytest.mark.parametrize(
    ("limit", "state", "after"),
    [
        (None, "trial", "trial"),
        (5, "trial", "trial"),
        # Another function has ended the trial.
        (5, "fast", "fast"),
        (None, "fast", "slow"),
    ],
)
def test_a_long_attempt_at_a_former_target_does_not_mark_the_new_one(
    lanes: ProtocolLanes, aws: Aws, limit: int | None, state: PaceState, after: PaceState
) -> None:
    to = aws.subscriptions.create(subscription(max_in_flight=limit))
    lane = lanes.paced if limit else lanes.fast
    pacing = cast("HandOver | Turns", lane.pacing)
    marked: list[Pace] = []

    def move() -> None:
        aws.paces.put_anew("sub_1", Pace(state=state))
        pacing.slow("sub_1")
        marked.append(lanes.pace())

    lanes.target.meet = move
    assert lane.process(batch(message(event(), to))) == []
    assert [each.state for each in marked] == [after]
    assert lanes.pace().state == after


def test_the_log_says_once_that_a_subscriber_is_slow(
    lanes: ProtocolLanes, aws: Aws, caplog: pytest.LogCaptureFixture
) -> None:
    pacing = cast("HandOver", lanes.fast.pacing)
    for state, times_said in (("trial", 0), ("slow", 0), ("fast", 1), (None, 2)):
        if state:
            aws.paces.put_anew("sub_1", Pace(state=cast("PaceState", state)))
        pacing.slow("sub_1" if state else "sub_2")
        pacing.slow("sub_1" if state else "sub_2")
        assert caplog.messages.count("subscriber is slow") == times_said


def test_a_subscription_on_trial_occupies_few_functions(lanes: ProtocolLanes, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription())
    turns = cast("Turns", lanes.paced.pacing)
    turns.functions = 10
    taken = {f"fn_{each}": (times.unix() + 60, 1) for each in range(TRIAL_FUNCTIONS)}
    aws.paces.put_anew("sub_1", Pace(state="trial", leases=taken, version=1))
    assert lanes.paced.process(batch(*messages(to, 3))) == []
    assert lanes.target.events == []
    # The first answers tell soon whether it is slow.
    assert {each.delay for each in lanes.sent("http_paced")} <= {1, 2}
    assert lanes.pace().next_look == 0
    # Its first answer gives it as many functions as others have.
    aws.paces.put_anew("sub_1", Pace("slow", times.unix(), leases=taken, version=1))
    cast("Turns", lanes.slow.pacing).functions = 10
    assert lanes.slow.process(batch(*messages(to, 3))) == []
    assert len(lanes.target.events) == 3


def test_those_on_trial_leave_functions_to_limited_ones(lanes: ProtocolLanes, aws: Aws) -> None:
    new = aws.subscriptions.create(subscription("sub_new"))
    limited = aws.subscriptions.create(subscription("sub_limited", max_in_flight=5))
    aws.paces.put_anew("sub_new", Pace(state="trial", version=1))
    taken = {f"fn_{each}": (times.unix() + 60, 1) for each in range(SHARE)}
    aws.paces.put_anew(trials_name("http"), Pace(leases=taken, version=1))
    sent = [message(event("evt_new"), new), message(event("evt_limited"), limited)]
    assert lanes.paced.process(batch(*sent)) == []
    assert lanes.target.events == ["evt_limited"]
    [waits] = lanes.sent("http_paced")
    assert (waits.event_id, waits.delay in (1, 2)) == ("evt_new", True)
    # A lease ends, and the function that takes it returns it with its batch.
    over = Pace(leases=dict.fromkeys(taken, (times.unix() - 1, 1)), version=1)
    aws.paces.put_anew(trials_name("http"), over)
    lanes.now[0] += CACHE_SECONDS
    assert lanes.paced.process(batch(message(event("evt_new"), new))) == []
    assert lanes.target.events == ["evt_limited", "evt_new"]
    assert lanes.pace(trials_name("http")).leases == {}


def test_a_lease_for_trials_that_cannot_be_taken_holds_them_back(
    lanes: ProtocolLanes, aws: Aws
) -> None:
    new = aws.subscriptions.create(subscription())
    aws.paces.put_anew("sub_1", Pace(state="trial", version=1))
    lanes.paced.subscriptions.of(messages(new, 1))
    with not_sent(aws.dynamodb, "PutItem"):
        assert lanes.paced.process(batch(*messages(new, 2))) == []
    assert lanes.target.events == []
    assert len(lanes.sent("http_paced")) == 2


def test_a_batch_without_an_attempt_on_trial_keeps_no_lease_for_trials(
    lanes: ProtocolLanes, aws: Aws
) -> None:
    new = aws.subscriptions.create(subscription("sub_new"))
    limited = aws.subscriptions.create(subscription("sub_limited", max_in_flight=5))
    taken = {f"fn_{each}": (times.unix() + 60, 1) for each in range(TRIAL_FUNCTIONS)}
    aws.paces.put_anew("sub_new", Pace(state="trial", leases=taken, version=1))
    seen: list[object] = []
    lanes.target.meet = lambda: seen.append(lanes.pace(trials_name("http")).leases)
    sent = [message(event("evt_new"), new), message(event("evt_limited"), limited)]
    assert lanes.paced.process(batch(*sent)) == []
    assert lanes.target.events == ["evt_limited"]
    # Already while the attempt for the other one is made.
    assert seen == [{}]
