"""How far one message works along a stream: pages, time and circuits bound it."""

from dataclasses import replace
from typing import Any

import pytest
from event_bus import times
from event_bus.delivery import live_stream, replayed_stream
from event_bus.model import transitions
from event_bus.model.circuit import CONSECUTIVE_FAILURES, Circuit
from event_bus.model.enrichment import StaticSource
from event_bus.model.outcome import Outcome
from event_bus.model.retry_policy import RetryPolicy
from event_bus.model.stream_name import StreamName
from event_bus.stores.placed_events import PlacedEvent, PlacedEvents

from tests.aws import Aws
from tests.builders import delivery, message, replay, subscription
from tests.unit.event_bus.delivery.lanes import REFUSED, LaneRun, queue_message, run
from tests.unit.event_bus.delivery.ordered_streams import ordered, store

__all__ = ["run"]


def test_a_long_stream_is_walked_page_by_page(run: LaneRun, aws: Aws) -> None:
    to = ordered(aws)
    names = [f"evt_{number:02d}" for number in range(60)]
    stored = store(aws, *names)
    run.take(message(stored[-1], to))
    assert run.target.events == names


def test_a_walk_that_takes_too_long_is_continued_by_a_message(run: LaneRun, aws: Aws) -> None:
    to = ordered(aws)
    first, *_ = store(aws, "evt_1", "evt_2", "evt_3")
    slow = replace(run.lane.ordered, clock=run.slowed_by(15))
    lane = replace(run.lane, ordered=slow)
    assert lane.process([queue_message(message(first, to))]) == []
    assert run.target.events == ["evt_1", "evt_2"]
    [follow_up] = run.sent()
    assert (follow_up.event_id, follow_up.delay) == ("evt_1", 0)
    assert lane.process([queue_message(message(first, to))]) == []
    assert run.target.events == ["evt_1", "evt_2", "evt_3"]


@pytest.mark.parametrize(("enriches", "delivered"), [(False, 3), (True, 2)])
def test_a_walk_ends_earlier_if_its_events_are_enriched(
    run: LaneRun, aws: Aws, enriches: bool, delivered: int
) -> None:
    # An enrichment may take the rest of the function's time.
    sources = {"region": StaticSource(json='"eu"')} if enriches else None
    to = aws.subscriptions.create(subscription(ordered=True, enrichment=sources))
    names = ["evt_1", "evt_2", "evt_3", "evt_4"]
    first, *_ = store(aws, *names)
    runner = replace(run.lane.runner, enrich=lambda *_: b"{}")
    slow = replace(run.lane.ordered, runner=runner, clock=run.slowed_by(8))
    lane = replace(run.lane, runner=runner, ordered=slow)
    assert lane.process([queue_message(message(first, to))]) == []
    assert run.target.events == names[:delivered]


@pytest.mark.parametrize("replay_id", [None, "rpl_1"])
def test_a_retry_of_the_event_that_continues_a_stream_does_not_stop_it(
    run: LaneRun, aws: Aws, replay_id: str | None
) -> None:
    to = aws.subscriptions.create(
        subscription(ordered=True, retry_policy=RetryPolicy(max_attempts=1))
    )
    aws.replays.add(replay(event_types=None))
    names = ["evt_1", "evt_2", "evt_3", "evt_4"]
    stored = store(aws, *names)
    asked = message(stored[0], to, replay_id=replay_id)
    # A replay goes as far as its last message, whose event waited behind the first.
    stream = StreamName("planner", "task/1").key
    held = aws.cursors.hold("sub_1", f"{replay_id}#{stream}", "another", 60)
    assert held
    aws.cursors.release(held, "0 4 1")
    run.target.script["evt_1"] = REFUSED
    slow = replace(run.lane.ordered, clock=run.slowed_by(15))
    lane = replace(run.lane, ordered=slow)
    assert lane.process([queue_message(asked)]) == []
    assert run.target.events == names[:2]
    [following] = run.sent()
    # Somebody retries the first event before the message comes.
    exhausted = run.outcome("evt_1", replay=replay_id)
    assert exhausted.status == "exhausted"
    aws.retried(exhausted)
    assert lane.process([queue_message(following)]) == []
    assert run.target.events == names
    assert run.outcome("evt_1", replay=replay_id).status == "retrying"
    assert run.sent() == []


@pytest.mark.parametrize(
    ("replay_id", "where", "name"),
    [
        (None, live_stream, "version_before"),
        ("rpl_1", replayed_stream, "version_certainly_before"),
    ],
)
def test_a_walk_that_cannot_begin_gives_its_cursor_back(
    run: LaneRun,
    aws: Aws,
    monkeypatch: pytest.MonkeyPatch,
    replay_id: str | None,
    where: object,
    name: str,
) -> None:
    def fail(*_: object) -> int:
        raise ConnectionError("no answer")

    # The subscription is owed no earlier event, and the router never routes this one.
    store(aws, "evt_1", routed=False, created_at="2026-04-01T12:00:00.000Z")
    to, (second,) = ordered(aws), store(aws, "evt_2")
    aws.replays.add(replay(event_types=None))
    monkeypatch.setattr(replayed_stream, "_PAGE", 1)
    asked = queue_message(message(second, to, replay_id=replay_id))
    with monkeypatch.context() as patch:
        patch.setattr(where, name, fail)
        assert run.lane.process([asked]) == [asked.id]
    assert run.lane.process([asked]) == []
    assert run.target.events == ["evt_2"]
    assert run.sent() == []


def open_circuit(aws: Aws) -> None:
    """Opens the circuit of sub_1, whose pause is over."""
    assert aws.circuits.put("sub_1", Circuit(state="open", until=times.unix() - 1, version=1))


def test_a_delivery_that_another_function_settled_does_not_wait_for_the_circuit(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = ordered(aws)
    first, _ = store(aws, "evt_1", "evt_2")
    assert aws.circuits.put("sub_1", Circuit(state="open", until=times.unix() + 60, version=1))
    aws.deliveries.record(delivery("delivered", "evt_1"), 1)
    at = PlacedEvents.at

    def before(events: PlacedEvents, *place: Any) -> PlacedEvent | None:
        # The record is read just before the other one writes it.
        found = at(events, *place)
        return replace(found, delivery=None) if found else None

    monkeypatch.setattr(PlacedEvents, "at", before)
    run.take(message(first, to))
    assert run.outcome("evt_2").status == "retrying"


def test_every_attempt_along_a_stream_counts_for_the_circuit(run: LaneRun, aws: Aws) -> None:
    to = ordered(aws)
    names = [f"evt_{number:02d}" for number in range(3 * CONSECUTIVE_FAILURES)]
    stored = store(aws, *names)
    # Each walk delivers two events, and fails at the third one.
    for last in range(2, len(names), 3):
        run.target.script = {names[last]: REFUSED}
        run.take(message(stored[last], to))
        circuit = aws.circuits.get_many(["sub_1"])["sub_1"]
        assert (circuit.state, circuit.consecutive) == ("closed", 1)
        discarded = transitions.discarded(run.outcome(names[last]), "worker")
        run.aws.dead_letters.discard(discarded)


def test_a_walk_ends_where_ten_attempts_in_a_row_failed(run: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(
        subscription(ordered=True, retry_policy=RetryPolicy(max_attempts=1))
    )
    names = [f"evt_{number:02d}" for number in range(2 * CONSECUTIVE_FAILURES)]
    stored = store(aws, *names)
    run.target.script = dict.fromkeys(names, REFUSED)
    run.take(message(stored[0], to))
    assert run.target.events == names[:CONSECUTIVE_FAILURES]
    assert run.outcome(names[CONSECUTIVE_FAILURES]).waiting


def test_a_walk_continues_after_a_successful_probe(run: LaneRun, aws: Aws) -> None:
    to = ordered(aws)
    stored = store(aws, "evt_1", "evt_2", "evt_3")
    open_circuit(aws)
    run.take(message(stored[0], to))
    assert run.target.events == ["evt_1", "evt_2", "evt_3"]
    assert aws.circuits.get_many(["sub_1"]) == {}


def test_a_message_that_makes_no_attempt_takes_no_permit(run: LaneRun, aws: Aws) -> None:
    to = ordered(aws)
    held, undue, free = (store(aws, f"evt_{each}", stream=f"task/{each}")[0] for each in (1, 2, 3))
    assert aws.cursors.hold("sub_1", StreamName("planner", "task/1").key, "another", 60)
    run.target.script["evt_2"] = REFUSED
    run.take(message(undue, to))
    run.now[0] += 60
    aws.circuits.forget("sub_1")
    open_circuit(aws)
    run.take(message(held, to), message(undue, to, attempt=2), message(held, to))
    assert run.target.events == ["evt_2"]
    assert aws.circuits.get_many(["sub_1"])["sub_1"].state == "open"
    run.take(message(held, to), message(undue, to, attempt=2), message(free, to))
    assert run.target.events == ["evt_2", "evt_3"]
    assert aws.circuits.get_many(["sub_1"]) == {}


def test_a_delivery_that_cannot_be_sent_leaves_the_probe_to_the_next(
    run: LaneRun, aws: Aws
) -> None:
    to = ordered(aws)
    first, *_ = store(aws, "evt_1", "evt_2", "evt_3")
    open_circuit(aws)
    said = Outcome("transform_failed", "the expression yields no value", unsendable=True)
    run.target.script["evt_1"] = said
    assert run.take(message(first, to)) == []
    assert (run.outcome("evt_1").status, run.outcome("evt_1").attempts) == ("exhausted", 1)
    # The next event of the stream is the probe, in the same walk.
    assert [run.outcome(name).status for name in ("evt_2", "evt_3")] == ["delivered"] * 2
    assert aws.circuits.get_many(["sub_1"]) == {}
