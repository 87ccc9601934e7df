"""How a lane marks slow subscribers, and how long it delivers to one of them."""

import threading
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace

import pytest
from event_bus import times
from event_bus.delivery.attempts import AttemptRunner
from event_bus.delivery.circuits import Circuits
from event_bus.delivery.hand_over import HandOver
from event_bus.delivery.lane import LaneRunner
from event_bus.delivery.pacing import Turns
from event_bus.model.outcome import Outcome
from event_bus.model.pace import Pace
from event_bus.queues.lanes import Lanes
from event_bus.stores.paces import PaceStore
from event_bus.targets.answer_times import AnswerTimes
from event_bus.targets.transport import DeliveryRequest

from tests.aws import Aws
from tests.builders import event, message, subscription
from tests.faults import not_sent
from tests.interference import before_next
from tests.unit.event_bus.delivery.lanes import REFUSED, LaneRun, queue_message, run

__all__ = ["run"]


@pytest.fixture
def hand_over(aws: Aws) -> HandOver:
    return HandOver(Circuits(aws.circuits), aws.paces, aws.deliveries)


def test_a_slow_subscriber_is_marked_once(
    aws: Aws, hand_over: HandOver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(times, "unix", lambda: 1_800_000_000.0)
    for _ in range(2):
        hand_over.slow("sub_1")
        marked = aws.paces.get("sub_1")
        assert marked == replace(Pace().proved_slow(times.unix()), version=1)
        assert hand_over.circuits.paces.get("sub_1") == marked


def test_a_mark_keeps_what_another_function_wrote_at_the_same_time(
    aws: Aws, hand_over: HandOver, monkeypatch: pytest.MonkeyPatch
) -> None:
    leased = Pace(leases={"fn_1": (4_000_000_000.0, 1)}, version=1)
    before_next(aws, monkeypatch, "put_item", lambda: aws.paces.put("sub_1", leased))
    hand_over.slow("sub_1")
    found = aws.paces.get("sub_1")
    assert found
    assert (found.state, found.leases, found.version) == ("slow", leased.leases, 2)


def test_a_mark_that_cannot_be_written_is_left_to_the_next_slow_attempt(
    aws: Aws, hand_over: HandOver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with not_sent(aws.dynamodb, "PutItem"):
        hand_over.slow("sub_1")
    assert aws.paces.get("sub_1") is None
    written = []

    def overtaken(_: PaceStore, name: str, pace: Pace) -> bool:
        written.append((name, pace.state))
        return False

    monkeypatch.setattr(PaceStore, "put", overtaken)
    hand_over = replace(hand_over, paces=replace(hand_over.paces, sleep=lambda _: None))
    hand_over.slow("sub_1")
    assert written == [("sub_1", "slow")] * 8


def test_answers_of_a_former_target_do_not_end_the_trial_of_the_new_one(aws: Aws) -> None:
    to = aws.subscriptions.create(subscription())
    trial = Pace(state="trial", version=1)
    aws.paces.put_anew("sub_1", trial)
    circuits, answers = Circuits(aws.circuits), AnswerTimes()
    circuits.look_up(["sub_1"])
    turns = Turns(circuits, aws.paces, aws.deliveries, answers, functions=2)
    plan = turns.plan([(queue_message(message(event(), to)), message(event(), to))], {"sub_1": to})
    assert plan.side_by_side == {"sub_1": 1}
    with answers.waiting("sub_1"):
        # Somebody changes the target during the attempt.
        aws.paces.put_anew("sub_1", trial)
    turns.ended("sub_1")
    found = aws.paces.get("sub_1")
    assert found
    assert (found.state, found.fast_answers) == ("trial", 0)


def test_a_function_that_knows_the_pace_of_a_former_target_does_not_write_it_again(
    aws: Aws,
) -> None:
    aws.paces.put_anew("sub_1", Pace(version=1))
    known = aws.paces.get("sub_1")
    aws.paces.put_anew("sub_1", Pace(state="trial", version=1))
    turned = aws.paces.change("sub_1", lambda pace: replace(pace, next_turn=9.0), known)
    assert turned
    assert (turned.state, turned.next_turn) == ("trial", 9.0)


def slow_lane(run: LaneRun, executor: Executor, seconds: float) -> LaneRunner:
    """A paced lane whose attempts take some seconds each."""
    aws, runner = run.aws, replace(run.lane.runner, clock=run.slowed_by(seconds))
    turns = Turns(run.lane.circuits, aws.paces, aws.deliveries, AnswerTimes(), functions=2)
    lanes = Lanes(aws.sqs, {"http_paced": run.url}, executor)
    return replace(run.lane, runner=runner, pacing=turns, lanes=lanes)


def test_messages_in_turn_are_delivered_while_the_time_of_the_function_allows(
    run: LaneRun, aws: Aws, executor: Executor
) -> None:
    to, lane = aws.subscriptions.create(subscription(max_in_flight=1)), slow_lane(run, executor, 5)
    sent = [message(event(f"evt_{each}"), to) for each in range(4)]
    assert lane.process([queue_message(each, 3) for each in sent]) == []
    assert run.target.events == ["evt_0", "evt_1"]
    later = [(each.event_id, each.delay, each.receives) for each in run.sent()]
    assert later == [("evt_2", 1, 2), ("evt_3", 1, 2)]


def test_a_retry_that_could_not_be_sent_is_sent_although_no_time_is_left(
    run: LaneRun, aws: Aws, executor: Executor
) -> None:
    to = aws.subscriptions.create(subscription(max_in_flight=1))
    run.target.script["evt_1"] = REFUSED
    with not_sent(aws.sqs, "SendMessageBatch"):
        assert run.take(message(event("evt_1"), to)) == [queue_message(message(event(), to)).id]
    lane = slow_lane(run, executor, 30)
    batch = [
        queue_message(message(event("evt_2"), to)),
        queue_message(message(event("evt_1"), to), receives=3),
        queue_message(message(event("evt_3"), to), receives=3),
    ]
    assert lane.process(batch) == []
    assert run.target.events == ["evt_1", "evt_2"]
    assert [(each.event_id, each.attempt) for each in run.sent()] == [("evt_1", 2), ("evt_3", 1)]


def test_slots_are_given_back_while_others_of_the_batch_wait(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Otherwise a new subscriber, however quick, waits for the deadline of a hanging one.
    hanging = aws.subscriptions.create(subscription("sub_2", max_in_flight=5))
    quick = aws.subscriptions.create(subscription("sub_3", max_in_flight=5))
    given_back, over = threading.Event(), threading.Event()
    deliver, put = run.target.deliver, PaceStore.put

    def deliver_or_hang(requests: Sequence[DeliveryRequest]) -> list[Outcome]:
        if requests[0].subscription.id == hanging.id:
            assert over.wait(10)
        return deliver(requests)

    def noted(store: PaceStore, name: str, pace: Pace) -> bool:
        done = put(store, name, pace)
        if name == quick.id and not pace.leases:
            given_back.set()
        return done

    monkeypatch.setattr(run.target, "deliver", deliver_or_hang)
    monkeypatch.setattr(PaceStore, "put", noted)
    turns = Turns(run.lane.circuits, aws.paces, aws.deliveries, AnswerTimes(), functions=2)
    sent = [message(event(f"evt_{each}"), to) for to in (hanging, quick) for each in range(2)]
    with ThreadPoolExecutor(10) as executor, ThreadPoolExecutor(1) as aside:
        lanes = Lanes(aws.sqs, {"http_paced": run.url}, executor)
        lane = replace(run.lane, pacing=turns, lanes=lanes, executor=executor)
        processed = aside.submit(lane.process, [queue_message(each) for each in sent])
        assert given_back.wait(10)
        held = aws.paces.get(hanging.id)
        over.set()
        assert processed.result(10) == []
    assert held
    assert held.in_flight(times.unix()) == 2
    for each in (hanging, quick):
        assert (pace := aws.paces.get(each.id))
        assert pace.leases == {}


@pytest.mark.parametrize(("seconds", "is_patient"), [(30, True), (50, False)])
def test_a_function_ends_in_time_though_it_cannot_give_back_its_lease(
    run: LaneRun,
    aws: Aws,
    executor: Executor,
    monkeypatch: pytest.MonkeyPatch,
    seconds: int,
    is_patient: bool,
) -> None:
    to = aws.subscriptions.create(subscription(max_in_flight=1))
    began, waited = times.unix(), list[float]()
    run.target.meet = lambda: monkeypatch.setattr(times, "unix", lambda: began + seconds)
    paces = replace(aws.paces, sleep=waited.append)
    turns = Turns(run.lane.circuits, paces, aws.deliveries, AnswerTimes(), functions=1)
    put = PaceStore.put

    def takes_only(store: PaceStore, name: str, pace: Pace) -> bool:
        return pace.version == 1 and put(store, name, pace)

    monkeypatch.setattr(PaceStore, "put", takes_only)
    lanes = Lanes(aws.sqs, {"http_paced": run.url}, executor)
    assert (
        replace(run.lane, pacing=turns, lanes=lanes).process([queue_message(message(event(), to))])
        == []
    )
    assert run.target.events == ["evt_1"]
    assert (sum(waited) > 1) is is_patient


def test_slots_of_attempts_that_raise_are_given_back(
    run: LaneRun, aws: Aws, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    to = aws.subscriptions.create(subscription(max_in_flight=5))
    turns = Turns(run.lane.circuits, aws.paces, aws.deliveries, AnswerTimes(), functions=2)
    lanes = Lanes(aws.sqs, {"http_paced": run.url}, executor)
    lane = replace(run.lane, pacing=turns, lanes=lanes)
    monkeypatch.setattr(AttemptRunner, "make", fail)
    sent = [queue_message(message(event(f"evt_{each}"), to)) for each in range(2)]
    assert lane.process(sent) == sorted(each.id for each in sent)
    assert (pace := aws.paces.get(to.id))
    assert (pace.version, pace.leases) == (2, {})
