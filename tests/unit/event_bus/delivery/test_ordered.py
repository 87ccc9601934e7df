"""An ordered subscription receives the events of a stream one after the other."""

from dataclasses import replace
from typing import Any

import pytest
from event_bus import times
from event_bus.delivery.subscription_cache import CACHE_SECONDS
from event_bus.model import transitions
from event_bus.model.delivery import DeliveryKey
from event_bus.model.stream_name import StreamName
from event_bus.stores.cursors import CursorStore
from event_bus.stores.streams import StreamEntry

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import LARGE_PAYLOAD, NOON, event, message, replay, routing, subscription
from tests.unit.event_bus.delivery.lanes import REFUSED, LaneRun, queue_message, run
from tests.unit.event_bus.delivery.ordered_streams import (
    GONE,
    SOON,
    make_due,
    ordered,
    overtaken,
    store,
)

__all__ = ["run"]


def test_whichever_message_comes_first_the_stream_is_kept(run: LaneRun, aws: Aws) -> None:
    to = ordered(aws)
    stored = store(aws, "evt_1", "evt_2", "evt_3")
    for each in reversed(stored):
        assert run.take(message(each, to)) == []
    assert run.target.events == ["evt_1", "evt_2", "evt_3"]


def test_large_events_of_a_stream_come_with_their_payloads(run: LaneRun, aws: Aws) -> None:
    stored = store(aws, "evt_1", "evt_2", payload=LARGE_PAYLOAD)
    assert run.take(message(stored[1], ordered(aws))) == []
    assert run.target.events == ["evt_1", "evt_2"]


def test_a_stream_goes_on_behind_an_event_that_cannot_be_read(run: LaneRun, aws: Aws) -> None:
    to = ordered(aws)
    stored = store(aws, "evt_1", "evt_2", "evt_3")
    aws.lose_archived("evt_2")
    assert run.take(message(stored[2], to)) == []
    assert run.target.events == ["evt_1", "evt_3"]
    ended = run.outcome("evt_2")
    assert (ended.status, ended.last_error and ended.last_error.code) == (
        "exhausted",
        "event_unreadable",
    )
    aws.subscriptions.delete(to)
    later = store(aws, "evt_4", "evt_5")
    aws.lose_archived("evt_4")
    run.take(replace(message(later[1], to), subscription_version=99))
    assert run.outcome("evt_4").status == "dropped"


def test_a_stream_begins_with_the_first_event_that_may_match(run: LaneRun, aws: Aws) -> None:
    # The router matches what was stored up to two seconds before the subscription, so that all of
    # it is in the stream's order, whichever message comes first.
    registered = times.unix()
    to = aws.subscriptions.create(
        subscription(ordered=True, retry_policy=SOON, created_at=times.at(registered))
    )
    stored = []
    for number, seconds in enumerate((2.001, 2, 1.999, 1)):
        sent = event(f"evt_{number}", metadata={"stream_id": "task/1"})
        sent = replace(sent, created_at=times.at(registered - seconds))
        stored.append(aws.events.put(sent, RETENTION_DAYS)[1])
    aws.routings.record([routing("evt_0")])
    aws.routings.record([routing(each.id, sub_1="worker") for each in stored[1:]])
    for each in reversed(stored[1:]):
        assert run.take(message(each, to)) == []
    assert run.target.events == ["evt_1", "evt_2", "evt_3"]


@pytest.mark.moto
def test_a_record_of_a_moment_ago_is_read(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    [first] = store(aws, "evt_1")
    to = ordered(aws)
    asked: list[bool] = []
    original = aws.dynamodb.batch_get_item
    # A circuit may be some seconds old.
    circuits = aws.circuits.table.name

    def reading(RequestItems: dict[str, Any]) -> Any:  # noqa: N803
        asked.extend(
            each["ConsistentRead"] for table, each in RequestItems.items() if table != circuits
        )
        return original(RequestItems=RequestItems)

    monkeypatch.setattr(aws.dynamodb, "batch_get_item", reading)
    run.take(message(first, to))
    assert run.target.events == ["evt_1"]
    # The stand-in for DynamoDB reads what was written last in any case.
    assert asked
    assert all(asked)


def test_a_failure_holds_its_stream_back_and_no_other(run: LaneRun, aws: Aws) -> None:
    to = ordered(aws)
    first, second = store(aws, "evt_1", "evt_2")
    [other] = store(aws, "evt_9", stream="task/2")
    run.target.script["evt_1"] = REFUSED
    for each in (first, second, other):
        run.take(message(each, to))
    assert run.target.events == ["evt_1", "evt_9"]
    run.target.script.clear()
    make_due(aws, "evt_1")
    run.take(message(first, to, attempt=2))
    assert run.target.events == ["evt_1", "evt_9", "evt_1", "evt_2"]
    made = {name: run.outcome(name).attempts for name in ("evt_1", "evt_2")}
    assert made == {"evt_1": 2, "evt_2": 1}


def test_an_exhausted_or_discarded_event_no_longer_blocks_its_stream(
    run: LaneRun, aws: Aws
) -> None:
    to = ordered(aws)
    first, second, third = store(aws, "evt_1", "evt_2", "evt_3")
    run.target.script["evt_1"] = REFUSED
    run.take(message(first, to))
    assert aws.dead_letters.discard(transitions.discarded(run.outcome("evt_1"), "worker"))
    run.take(message(second, to))
    assert run.target.events == ["evt_1", "evt_2", "evt_3"]
    assert run.take(message(third, to)) == []
    assert len(run.target.events) == 3


def test_an_event_that_is_not_routed_yet_is_waited_for(run: LaneRun, aws: Aws) -> None:
    to = ordered(aws)
    store(aws, "evt_1", routed=False)
    [second] = store(aws, "evt_2")
    assert run.take(message(second, to)) == []
    assert run.target.events == []
    aws.routings.record([routing("evt_1")])
    run.take(message(second, to))
    assert run.target.events == ["evt_2"]


def test_messages_wait_while_another_function_walks_along_their_stream(
    run: LaneRun, aws: Aws
) -> None:
    to = ordered(aws)
    [stored] = store(aws, "evt_1")
    held = aws.cursors.hold("sub_1", StreamName("planner", "task/1").key, "another", 60)
    assert held
    assert run.take(message(stored, to)) == []
    assert run.target.events == []
    aws.cursors.release(held, "0")
    run.take(message(stored, to))
    assert run.target.events == ["evt_1"]


def test_a_new_message_follows_if_another_has_taken_the_cursor(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It would end because the retry of the first event continues the stream. The other function
    # may have made that retry meanwhile, or may have received this very message and deleted it.
    to, (first, second) = ordered(aws), store(aws, "evt_1", "evt_2")
    run.target.script["evt_1"] = REFUSED
    run.take(message(first, to))
    asked = message(second, to)
    assert run.take(asked) == []
    with monkeypatch.context() as patch:
        patch.setattr(CursorStore, "release", overtaken())
        run.sent()
        assert run.take(asked) == []
    assert run.sent() == [replace(asked, origin=queue_message(asked).id)]


def test_the_waits_for_the_function_that_delivers_a_stream_grow(run: LaneRun, aws: Aws) -> None:
    to = ordered(aws)
    first, second = store(aws, "evt_1", "evt_2")
    held = aws.cursors.hold("sub_1", StreamName("planner", "task/1").key, "another", 60)
    assert held
    asked, delays = message(first, to), []
    for _ in range(20):
        assert run.take(asked) == []
        [asked] = run.sent()
        delays.append(asked.delay)
    # Two checks as soon as ever: the function at work has usually ended by then.
    assert delays == [3, 3, 6, 12, 24, *[30] * 15]
    aws.cursors.release(held, "0")
    run.target.script["evt_1"] = REFUSED
    run.take(asked)
    # The message of the next attempt counts from 0 again.
    [retry] = run.sent()
    assert (retry.attempt, retry.times_held) == (2, 0)
    assert run.take(message(second, to)) == []
    assert run.target.events == ["evt_1"]


@pytest.mark.parametrize("replay_id", [None, "rpl_1"])
def test_a_retry_that_comes_early_comes_again(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch, replay_id: str | None
) -> None:
    # The clock of the function that recorded its time may be ahead.
    now = times.unix()
    monkeypatch.setattr(times, "unix", lambda: now)
    to, (first, second) = ordered(aws), store(aws, "evt_1", "evt_2")
    aws.replays.add(replay(event_types=None))
    run.target.script["evt_1"] = REFUSED
    run.take(message(first, to, replay_id=replay_id))
    [retry] = run.sent()
    for _ in range(3):
        assert run.take(retry, message(second, to, replay_id=replay_id)) == []
        # The message of the second event ends, because this one delivers both.
        [again] = [each for each in run.sent() if not each.times_held]
        assert replace(again, delay=0) == replace(retry, delay=0)
        due = run.outcome("evt_1", replay=replay_id).next_retry_at
        assert due
        assert 0 <= now + again.delay - times.seconds(due) < 1
    assert run.target.events == ["evt_1"]


@pytest.mark.parametrize("resume_from", ["backlog", "now"])
@pytest.mark.parametrize("attempt", [1, 2])
def test_a_delivery_settled_during_a_pause_does_not_block_its_stream(
    run: LaneRun, aws: Aws, resume_from: str, attempt: int
) -> None:
    # Reads that need not be consistent know of none of it.
    aws.dynamodb.age = lambda: 5.0  # type: ignore[attr-defined]
    to = ordered(aws)
    first, second = store(aws, "evt_1", "evt_2")
    run.target.script["evt_1"] = REFUSED
    run.take(message(second, to))
    run.sent()
    assert aws.dead_letters.discard(transitions.discarded(run.outcome("evt_1"), "worker"))
    paused = aws.subscriptions.update(replace(to, status="paused", paused_at=times.now(), pauses=1))
    [third] = store(aws, "evt_3", routed=False)
    aws.routings.record([replace(routing("evt_3", sub_1="worker"), held={"sub_1": 1})])
    # The message that has the stream continue comes during the pause.
    assert run.take(message(first, paused, attempt=attempt)) == []
    [again] = run.sent()
    assert 30 <= again.delay <= 60
    assert run.target.events == ["evt_1"]
    for each in (second, third):
        assert aws.deliveries.get(DeliveryKey(each.id, "sub_1")) is None
    skipped = 1 if resume_from == "now" else 0
    aws.subscriptions.update(
        replace(paused, status="active", paused_at=None, skipped_pauses=skipped)
    )
    run.now[0] += 60
    assert run.take(again) == []
    assert run.target.events == ["evt_1", "evt_2", *["evt_3"][skipped:]]


def test_a_message_of_an_event_that_was_just_skipped_makes_no_attempt(
    run: LaneRun, aws: Aws
) -> None:
    aws.dynamodb.age = lambda: 5.0  # type: ignore[attr-defined]
    to = ordered(aws)
    [event] = store(aws, "evt_1", routed=False)
    aws.routings.record([replace(routing("evt_1", sub_1="worker"), held={"sub_1": 1})])
    resumed = aws.subscriptions.update(replace(to, pauses=1, skipped_pauses=1))
    # The second one comes when the stream has passed the event.
    for _ in range(2):
        assert run.take(message(event, resumed)) == []
        assert (run.target.events, run.sent()) == ([], [])


@pytest.mark.parametrize("comes", ["during a pause", "first", "last"])
def test_an_event_that_was_routed_anew_and_matches_no_more_is_not_attempted(
    run: LaneRun, aws: Aws, comes: str
) -> None:
    # A router sent its message and crashed; the subscription lost the type before it was routed
    # again. It is not owed, so the stream goes on without it, and it must not come afterwards.
    to = ordered(aws)
    lost, second, third = store(aws, "evt_1", "evt_2", "evt_3", routed=False)
    aws.routings.record(
        [routing("evt_1"), *[routing(each.id, sub_1="x") for each in (second, third)]]
    )
    if comes == "during a pause":
        paused = replace(to, status="paused", paused_at=times.now(), pauses=1)
        aws.subscriptions.update(paused)
        run.take(message(lost, to))
        assert run.outcome("evt_1").status == "retrying"
        aws.subscriptions.update(replace(paused, version=2, status="active", paused_at=None))
        run.now[0] += 60
    if comes == "first":
        run.take(message(lost, to))
    run.take(message(third, to))
    run.take(message(lost, to))
    run.take(message(second, to))
    assert run.target.events == ["evt_2", "evt_3"]
    if comes == "during a pause":
        ended = run.outcome("evt_1")
        said = ended.last_error and ended.last_error.code
        assert (ended.status, said) == ("dropped", "not_matched")
    else:
        assert aws.deliveries.get(DeliveryKey("evt_1", "sub_1")) is None


def test_a_message_ends_during_a_pause_if_nothing_comes_behind_it(run: LaneRun, aws: Aws) -> None:
    to = ordered(aws)
    first, second = store(aws, "evt_1", "evt_2")
    run.take(message(first, to))
    [alone] = store(aws, "evt_3", stream="task/2")
    run.target.script["evt_3"] = REFUSED
    run.take(message(alone, to))
    run.sent()
    assert aws.dead_letters.discard(transitions.discarded(run.outcome("evt_3"), "worker"))
    paused = aws.subscriptions.update(replace(to, status="paused", paused_at=times.now(), pauses=1))
    repeated = [message(each, paused, attempt=2) for each in (first, second, alone)]
    assert run.take(*repeated) == []
    assert run.sent() == []


def test_a_retried_event_that_its_stream_has_passed_is_out_of_order(run: LaneRun, aws: Aws) -> None:
    to = ordered(aws)
    first, second = store(aws, "evt_1", "evt_2")
    run.target.script["evt_1"] = REFUSED
    run.take(message(first, to))
    run.take(message(first, to, attempt=2))
    make_due(aws, "evt_1")
    run.take(message(first, to, attempt=2))
    assert run.outcome("evt_1").status == "exhausted"
    run.take(message(second, to))
    run.target.script.clear()
    reopened = aws.retried(run.outcome("evt_1"))
    run.take(message(first, to, attempt=reopened.attempts + 1, round_start=reopened.attempts))
    assert run.outcome("evt_1").status == "delivered"
    assert run.target.events == ["evt_1", "evt_1", "evt_2", "evt_1"]


def test_a_stream_of_a_deleted_subscription_is_not_delivered(run: LaneRun, aws: Aws) -> None:
    to = ordered(aws)
    first, _ = store(aws, "evt_1", "evt_2")
    run.target.script["evt_1"] = REFUSED
    run.take(message(first, to))
    found = aws.subscriptions.get("sub_1")
    assert found
    aws.subscriptions.delete(found)
    run.now[0] += 60
    run.take(message(first, to, attempt=2))
    make_due(aws, "evt_1")
    run.take(message(first, to, attempt=2))
    assert {run.outcome(name).status for name in ("evt_1", "evt_2")} == {"dropped"}


@pytest.mark.moto
def test_events_behind_a_410_answer_end_as_dead_letters(run: LaneRun, aws: Aws) -> None:
    to = ordered(aws)
    first, *_ = store(aws, "evt_1", "evt_2", "evt_3")
    run.target.script["evt_1"] = GONE
    assert run.take(message(first, to)) == []
    assert run.target.events == ["evt_1"]
    # It comes again, late enough for every lane to know.
    [again] = run.sent()
    assert again.delay > CACHE_SECONDS
    disabled = aws.subscriptions.get("sub_1")
    assert disabled
    assert disabled.status == "disabled"
    run.now[0] += 15
    assert run.take(message(first, to)) == []
    assert run.target.events == ["evt_1"]
    assert {run.outcome(name).status for name in ("evt_1", "evt_2", "evt_3")} == {"exhausted"}


def test_events_of_a_stream_that_sources_shared_are_delivered(run: LaneRun, aws: Aws) -> None:
    to = ordered(aws)
    old = []
    for version, name in enumerate(("evt_1", "evt_2"), 1):
        sent = event(name, metadata={"stream_id": "task/1"})
        placed = replace(sent, metadata={**sent.metadata, "stream_version": version})
        aws.dynamodb.put_item(**aws.events.adding_part(placed, RETENTION_DAYS).item["Put"])
        entry = StreamEntry(version, name, NOON)
        put = aws.streams.adding_parts(StreamName("planner", "task/1"), [entry], listed=True)[
            0
        ].item
        put["Put"]["Item"]["stream_id"] = {"S": "task/1"}
        aws.dynamodb.put_item(**put["Put"])
        old.append(placed)
    aws.routings.record([routing(each.id, sub_1="worker") for each in old])
    run.take(message(old[0], to))
    [new] = store(aws, "evt_3")
    assert new.metadata["stream_version"] == 3
    run.take(message(new, to))
    run.take(message(old[1], to))
    assert run.target.events == ["evt_1", "evt_3", "evt_2"]
    # Each is delivered once, however often its message comes.
    assert run.take(message(old[1], to, attempt=2)) == []
    assert run.target.events == ["evt_1", "evt_3", "evt_2"]
