"""The main lane hands slow, new and limited subscriptions over; the paced lane gives turns."""

import itertools
import threading
from concurrent.futures import Executor
from dataclasses import replace
from typing import cast

import pytest
from event_bus import times
from event_bus.delivery.circuits import CACHE_SECONDS
from event_bus.delivery.pacing import Turns
from event_bus.model.circuit import Circuit
from event_bus.model.pace import Pace
from event_bus.model.retry_policy import RetryPolicy
from event_bus.model.transitions import LONGEST_DELAY_SECONDS
from event_bus.queues.lanes import Lanes
from event_bus.stores.paces import PaceStore

from tests.aws import Aws
from tests.builders import event, message, subscription
from tests.faults import not_sent
from tests.interference import before_next
from tests.unit.event_bus.delivery.lanes import (
    REFUSED,
    ScriptedTransport,
)
from tests.unit.event_bus.delivery.protocol_lanes import (
    SHARE,
    Most,
    ProtocolLanes,
    batch,
    lane_of,
    lanes,
    messages,
    until,
)
from tests.waiting import join

__all__ = ["lanes"]


def test_slow_and_limited_subscriptions_move_without_an_attempt(
    lanes: ProtocolLanes, aws: Aws
) -> None:
    slow = aws.subscriptions.create(subscription("sub_slow"))
    limited = aws.subscriptions.create(subscription("sub_limited", rate_limit=5.0))
    other = aws.subscriptions.create(subscription("sub_other"))
    assert aws.paces.put("sub_slow", replace(Pace().proved_slow(times.unix()), version=1))
    sent = [message(event(f"evt_{each.id}"), each) for each in (slow, limited, other)]
    assert lanes.fast.process(batch(*sent)) == []
    assert lanes.target.events == ["evt_sub_other"]
    assert [each.subscription_id for each in lanes.sent("http_slow")] == ["sub_slow"]
    assert [each.subscription_id for each in lanes.sent("http_paced")] == ["sub_limited"]
    assert lanes.sent("http") == []


def test_a_message_that_cannot_move_comes_again(lanes: ProtocolLanes, aws: Aws) -> None:
    limited = aws.subscriptions.create(subscription(max_in_flight=1))
    with not_sent(aws.sqs, "SendMessageBatch"):
        assert lanes.fast.process(batch(message(event(), limited))) == ["m-evt_1-1"]


def test_a_disabled_subscription_does_not_move(lanes: ProtocolLanes, aws: Aws) -> None:
    limited = aws.subscriptions.create(subscription(max_in_flight=1, status="disabled"))
    assert lanes.fast.process(batch(message(event(), limited))) == []
    assert lanes.sent("http_paced") == []


def test_a_message_that_was_attempted_is_finished_where_it_is(
    lanes: ProtocolLanes, aws: Aws
) -> None:
    to = aws.subscriptions.create(subscription(retry_policy=RetryPolicy(schedule=[5])))
    lanes.target.script["evt_1"] = REFUSED
    with not_sent(aws.sqs, "SendMessageBatch"):
        assert lanes.fast.process(batch(message(event(), to))) == ["m-evt_1-1"]
    assert aws.paces.put("sub_1", replace(Pace().proved_slow(times.unix()), version=1))
    lanes.now[0] += CACHE_SECONDS
    # Its attempt is on record; only this message may send what follows.
    assert lanes.fast.process(batch(message(event(), to), receives=2)) == []
    assert lanes.sent("http_paced") == []
    [follow_up] = lanes.sent("http")
    assert follow_up.attempt == 2


def test_an_attempt_that_takes_long_marks_its_subscription_before_it_ends(
    lanes: ProtocolLanes, aws: Aws
) -> None:
    to = aws.subscriptions.create(subscription())
    hanging, answered = threading.Event(), threading.Event()

    def hang() -> None:
        hanging.set()
        answered.wait(10)

    lanes.target.meet = hang
    attempt = threading.Thread(target=lanes.fast.process, args=(batch(message(event(), to)),))
    attempt.start()
    try:
        assert hanging.wait(5)
        until(lambda: aws.paces.get("sub_1") is not None)
        assert lanes.pace().state == "slow"
    finally:
        answered.set()
        join(attempt)


def test_a_fast_subscriber_has_no_pace(lanes: ProtocolLanes, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription())
    lanes.fast.process(batch(*messages(to, 3)))
    assert aws.paces.get("sub_1") is None


def test_a_trial_ends_in_the_paced_lane_and_the_lane_takes_over(
    lanes: ProtocolLanes, aws: Aws
) -> None:
    to = aws.subscriptions.create(subscription())
    aws.paces.put_anew("sub_1", Pace(state="trial", version=1))
    assert lanes.fast.process(batch(message(event(), to))) == []
    assert lanes.target.events == []
    assert lanes.paced.process(batch(message(event(), to))) == []
    assert lanes.target.events == ["evt_1"]
    assert lanes.pace().state == "fast"
    assert lanes.pace().leases == {}
    lanes.now[0] += CACHE_SECONDS
    assert lanes.fast.process(batch(message(event("evt_2"), to))) == []
    assert lanes.target.events == ["evt_1", "evt_2"]


def test_attempts_in_flight_are_bounded_within_a_batch_and_beyond(
    lanes: ProtocolLanes, aws: Aws
) -> None:
    to = aws.subscriptions.create(subscription(max_in_flight=2))
    most = lanes.target.meet = Most()
    assert lanes.paced.process(batch(*messages(to, 8))) == []
    assert len(lanes.target.events) == 8
    assert most.seen == 2
    assert lanes.pace().in_flight(times.unix()) == 0


def test_a_message_without_a_free_slot_goes_back_unrecorded(lanes: ProtocolLanes, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription(max_in_flight=2, delivery_guarantee="exactly_once"))
    taken = {"fn_1": (times.unix() + 60, 1), "fn_2": (times.unix() + 60, 1)}
    assert aws.paces.put("sub_1", Pace(leases=taken, version=1))
    assert lanes.paced.process(batch(*messages(to, 3))) == []
    assert lanes.target.events == []
    assert aws.deliveries.of_event("evt_0") == (None, [])
    waiting = [each.delay for each in lanes.sent("http_paced")]
    assert len(waiting) == 3
    assert all(1 <= delay <= 10 for delay in waiting)


def test_a_rate_limit_gives_each_message_one_turn(lanes: ProtocolLanes, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription(rate_limit=2.0))
    assert lanes.paced.process(batch(*messages(to, 6))) == []
    assert len(lanes.target.events) == 1
    later = lanes.sent("http_paced")
    assert all(1 <= each.delay <= 3 for each in later)
    turns = sorted(each.turn for each in later if each.turn)
    assert len(turns) == 5
    assert all(0.45 < after - before < 0.55 for before, after in itertools.pairwise(turns))
    # When its turn has come, a message takes no other one.
    mine = replace(message(event("evt_5"), to), turn=times.unix() - 1)
    next_turn = lanes.pace().next_turn
    assert lanes.paced.process(batch(mine)) == []
    assert lanes.target.events[-1] == "evt_5"
    assert lanes.pace().next_turn == next_turn
    # One whose turn is over for long needs another one: it must not come with all the others.
    late = replace(message(event("evt_6"), to), turn=times.unix() - 60)
    assert lanes.paced.process(batch(late)) == []
    assert "evt_6" not in lanes.target.events
    # One that waits for longer than a queue may hold it waits on, and keeps its turn.
    far = replace(message(event("evt_7"), to), turn=times.unix() + 5_000)
    before = lanes.pace()
    assert lanes.paced.process(batch(far)) == []
    assert lanes.pace() == before
    assert [each.delay for each in lanes.sent("http_paced")][-1] == LONGEST_DELAY_SECONDS


def test_a_turn_of_another_limit_is_replaced(lanes: ProtocolLanes, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription(rate_limit=0.01))
    assert lanes.paced.process(batch(*messages(to, 4))) == []
    waiting = lanes.sent("http_paced")
    assert max(each.turn or 0 for each in waiting) > times.unix() + 250
    faster = aws.subscriptions.update(replace(to, rate_limit=1000.0), before=to)
    new = message(event("evt_new"), faster)
    assert lanes.paced.process(batch(*waiting, new)) == []
    assert len(lanes.target.events) == 5
    assert "evt_new" in lanes.target.events


def test_a_message_without_a_free_slot_keeps_the_turn_that_it_was_given(
    lanes: ProtocolLanes, aws: Aws
) -> None:
    to = aws.subscriptions.create(subscription(rate_limit=2.0, max_in_flight=1))
    taken = {"fn_1": (times.unix() + 60, 1)}
    assert aws.paces.put("sub_1", Pace(leases=taken, version=1))
    late = replace(message(event("evt_0"), to), turn=times.unix() - 60)
    assert lanes.paced.process(batch(late)) == []
    [waiting] = lanes.sent("http_paced")
    assert waiting.turn
    assert waiting.turn > times.unix() - 5
    assert lanes.paced.process(batch(waiting)) == []
    [again] = lanes.sent("http_paced")
    assert again.turn == waiting.turn
    assert lanes.target.events == []


def test_an_open_circuit_takes_no_turns(lanes: ProtocolLanes, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription(rate_limit=2.0))
    assert aws.circuits.put("sub_1", Circuit("open", until=times.unix() + 600, version=1))
    assert lanes.paced.process(batch(*messages(to, 3))) == []
    assert lanes.target.events == []
    assert aws.paces.get("sub_1") is None
    for each in range(3):
        _, [waiting] = aws.deliveries.of_event(f"evt_{each}")
        assert waiting.last_error
        assert waiting.last_error.code == "circuit_open"


def test_new_messages_wait_behind_those_that_look_for_a_free_slot(
    lanes: ProtocolLanes, aws: Aws
) -> None:
    to = aws.subscriptions.create(subscription(max_in_flight=2))
    assert aws.paces.put("sub_1", Pace(next_look=times.unix() + 5, version=1))
    first, second = messages(to, 2)
    looked = replace(message(event("evt_9"), to), turn=times.unix() - 1)
    assert lanes.paced.process(batch(first, looked, second)) == []
    assert lanes.target.events == ["evt_9"]
    behind = lanes.sent("http_paced")
    assert {each.event_id for each in behind} == {"evt_0", "evt_1"}
    assert all(each.turn and each.turn > times.unix() for each in behind)


def test_without_a_free_slot_new_messages_and_those_that_looked_go_back(
    lanes: ProtocolLanes, aws: Aws
) -> None:
    to = aws.subscriptions.create(subscription(max_in_flight=1))
    taken = {"fn_1": (times.unix() + 60, 1)}
    assert aws.paces.put("sub_1", Pace(leases=taken, next_look=times.unix() + 5, version=1))
    looked = replace(message(event("evt_9"), to), turn=times.unix() - 1)
    assert lanes.paced.process(batch(*messages(to, 2), looked)) == []
    assert lanes.target.events == []
    behind = {each.event_id for each in lanes.sent("http_paced")}
    assert behind == {"evt_0", "evt_1", "evt_9"}


def test_turns_are_taken_though_another_function_writes_first(
    lanes: ProtocolLanes, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = aws.subscriptions.create(subscription(rate_limit=2.0))
    taken = Pace(next_turn=times.unix() + 2, version=1)
    before_next(aws, monkeypatch, "put_item", lambda: aws.paces.put("sub_1", taken))
    turns, waited = cast("Turns", lanes.paced.pacing), list[float]()
    turns.paces = replace(turns.paces, sleep=waited.append)
    assert lanes.paced.process(batch(message(event(), to))) == []
    # The message is delivered after those to which the other function has assigned times.
    [later] = lanes.sent("http_paced")
    assert (later.turn, later.delay in (2, 3)) == (taken.next_turn, True)
    assert lanes.pace().next_turn == taken.next_turn + 0.5
    assert len(waited) == 1


def test_a_pace_that_cannot_be_written_holds_its_messages_back(
    lanes: ProtocolLanes, aws: Aws
) -> None:
    to = aws.subscriptions.create(subscription(rate_limit=2.0))
    lanes.paced.subscriptions.of(messages(to, 1))
    with not_sent(aws.dynamodb, "PutItem"):
        assert lanes.paced.process(batch(*messages(to, 2))) == []
    assert lanes.target.events == []
    assert len(lanes.sent("http_paced")) == 2


def test_many_functions_take_leases_side_by_side_and_none_is_lost(
    aws: Aws, executor: Executor
) -> None:
    to = aws.subscriptions.create(subscription(max_in_flight=3))
    sender = Lanes(aws.sqs, {"http": aws.queue(), "http_paced": aws.queue()}, executor)
    most = Most()
    target = ScriptedTransport(meet=most)
    functions = [lane_of(aws, target, sender, [0.0], "paced") for _ in range(4)]
    threads = [
        threading.Thread(target=lane.process, args=(batch(message(event(f"evt_{n}"), to)),))
        for n, lane in enumerate(functions)
    ]
    for thread in threads:
        thread.start()
    join(*threads)
    # Half of the functions alone may deliver to it at a time.
    assert 1 <= most.seen <= SHARE
    pace = aws.paces.get("sub_1")
    assert pace
    assert pace.leases == {}


def test_a_lease_is_given_back_though_others_write_for_a_while(
    lanes: ProtocolLanes, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = aws.subscriptions.create(subscription(max_in_flight=2))
    put, refused = PaceStore.put, [0]

    def busy(store: PaceStore, subscription_id: str, pace: Pace) -> bool:
        # The first write takes the lease. Then, thirty times, another function was faster.
        if pace.version > 1 and refused[0] < 30:
            refused[0] += 1
            return False
        return put(store, subscription_id, pace)

    monkeypatch.setattr(PaceStore, "put", busy)
    waited: list[float] = []
    turns = cast("Turns", lanes.paced.pacing)
    turns.paces = replace(turns.paces, sleep=waited.append)
    assert lanes.paced.process(batch(message(event(), to))) == []
    assert (refused[0], lanes.pace().leases) == (30, {})
    assert 1 < sum(waited) < 30
    assert max(waited) <= 0.5


def test_a_function_does_not_give_back_its_lease_for_ever(
    lanes: ProtocolLanes, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = aws.subscriptions.create(subscription(max_in_flight=2))
    put, waited = PaceStore.put, [0.0]
    turns = cast("Turns", lanes.paced.pacing)

    def sleep(seconds: float) -> None:
        waited[0] += seconds

    monkeypatch.setattr(
        PaceStore,
        "put",
        lambda store, name, pace: pace.version == 1 and put(store, name, pace),
    )
    turns.paces = replace(turns.paces, sleep=sleep)
    assert lanes.paced.process(batch(message(event(), to))) == []
    assert lanes.target.events == ["evt_1"]
    assert 5 < waited[0] < 15
