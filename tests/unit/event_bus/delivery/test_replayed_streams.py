"""An ordered subscription receives the events of a stream that one replay sends in their order."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from event_bus import times
from event_bus.model import transitions
from event_bus.model.delivery import DeliveryKey
from event_bus.model.rights import Grant
from event_bus.model.stream_name import StreamName
from event_bus.stores.cursors import CursorStore
from event_bus.stores.streams import StreamEntry, StreamStore

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import LARGE_PAYLOAD, LATER, NOON, delivery, event, message, replay, routing
from tests.unit.event_bus.delivery.lanes import REFUSED, LaneRun, queue_message, run
from tests.unit.event_bus.delivery.ordered_streams import ordered, overtaken
from tests.unit.event_bus.delivery.replaying import (
    BEFORE,
    ONCE,
    ONE_O_CLOCK,
    make_due,
    replayed,
    start,
    status,
    store,
)

__all__ = ["run"]


def test_whichever_message_comes_first_the_order_is_kept(run: LaneRun, aws: Aws) -> None:
    to, stored = ordered(aws), store(aws, "evt_1", "evt_2", "evt_3")
    start(aws)
    for each in reversed(stored):
        assert run.take(replayed(each, to)) == []
    assert run.target.events == ["evt_1", "evt_2", "evt_3"]
    assert {each.replay_id for each in run.target.attempted} == {"rpl_1"}


def test_a_message_delivers_no_later_event(run: LaneRun, aws: Aws) -> None:
    to, stored = ordered(aws), store(aws, "evt_1", "evt_2", "evt_3")
    start(aws)
    run.take(replayed(stored[1], to))
    assert run.target.events == ["evt_1", "evt_2"]
    run.take(replayed(stored[2], to))
    assert run.target.events == ["evt_1", "evt_2", "evt_3"]


NOT_REPLAYED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "happened before the period": ({"timestamp": BEFORE}, {}),
    "happened at its end": ({"timestamp": ONE_O_CLOCK}, {"until": ONE_O_CLOCK}),
    "stored after its end": ({"created_at": LATER}, {"stored_until": times.now()}),
    "of a type that the replay leaves out": (
        {"event_type": "task.closed"},
        {"event_types": ["task.created"]},
    ),
    "filtered": ({"payload": {"size": 1}}, {}),
    "of another type": ({"event_type": "user.created"}, {}),
    "not permitted": ({"event_type": "task.secret"}, {}),
}


@pytest.mark.parametrize("case", NOT_REPLAYED)
def test_an_event_that_the_replay_does_not_send_is_passed_over(
    run: LaneRun, aws: Aws, case: str
) -> None:
    of_event, of_replay = NOT_REPLAYED[case]
    to = ordered(aws, filters={"task.created": {"size": [{"exists": False}]}})
    aws.rights.put(Grant("worker", ["task.created", "task.closed", "user.*"]))
    start(aws, **of_replay)
    store(aws, "evt_1", **of_event)
    [last] = store(aws, "evt_2")
    run.take(replayed(last, to))
    assert run.target.events == ["evt_2"]


def test_a_failure_holds_up_its_stream_in_this_replay_alone(run: LaneRun, aws: Aws) -> None:
    to, (first, second) = ordered(aws), store(aws, "evt_1", "evt_2")
    [other] = store(aws, "evt_9", stream="task/2")
    start(aws)
    aws.replays.add(replay("rpl_2"))
    aws.routings.record([routing(each.id, sub_1="worker") for each in (first, second)])
    run.target.script["evt_1"] = REFUSED
    for each in (first, second, other):
        assert run.take(replayed(each, to)) == []
    assert run.target.events == ["evt_1", "evt_9"]
    run.target.script.clear()
    # What is routed, and another replay, have cursors of their own.
    run.take(message(second, to))
    run.take(message(second, to, replay_id="rpl_2"))
    assert run.target.events == ["evt_1", "evt_9", *["evt_1", "evt_2"] * 2]
    make_due(aws, "evt_1")
    # The message of the second event is gone: that of the first one delivers both.
    run.take(replace(replayed(first, to, attempt=2), subscription_version=0))
    assert run.target.events[-2:] == ["evt_1", "evt_2"]
    assert (status(run, "evt_1"), status(run, "evt_2")) == ("delivered", "delivered")


def test_a_replayed_stream_passes_an_exhausted_delivery_that_can_be_retried_later(
    run: LaneRun, aws: Aws
) -> None:
    to, (first, second) = ordered(aws, retry_policy=ONCE), store(aws, "evt_1", "evt_2")
    start(aws)
    run.target.script["evt_1"] = REFUSED
    run.take(replayed(second, to))
    assert run.target.events == ["evt_1", "evt_2"]
    run.target.script.clear()
    aws.retried(run.outcome("evt_1", replay="rpl_1"))
    run.take(replayed(first, to, attempt=2, round_start=1))
    assert run.target.events == ["evt_1", "evt_2", "evt_1"]
    assert status(run, "evt_1") == "delivered"


def test_a_delivery_that_has_begun_keeps_its_place(run: LaneRun, aws: Aws) -> None:
    to, (first, second) = ordered(aws), store(aws, "evt_1", "evt_2")
    start(aws)
    run.target.script["evt_1"] = REFUSED
    run.take(replayed(first, to))
    narrowed = replace(to, filters={"task.created": {"size": [1]}})
    to = aws.subscriptions.update(narrowed)
    run.take(replayed(second, to))
    assert run.target.events == ["evt_1"]


def test_a_delivery_that_is_settled_during_a_walk_is_not_attempted(run: LaneRun, aws: Aws) -> None:
    to, (_, second) = ordered(aws), store(aws, "evt_1", "evt_2")
    start(aws)
    key = DeliveryKey("evt_2", to.id, "rpl_1")
    due = delivery("retrying", key=key, next_retry_at=NOON, dead_letter_id="dl_1")
    aws.deliveries.record(due, 1)
    # A person discards it after the walk has read the records of its page.
    run.target.meet = lambda: aws.dead_letters.discard(transitions.discarded(due, "worker"))
    assert run.take(replayed(second, to)) == []
    assert run.target.events == ["evt_1"]
    assert status(run, "evt_2") == "dropped"


def test_the_replay_of_one_event_delivers_it_alone(run: LaneRun, aws: Aws) -> None:
    to, stored = ordered(aws), store(aws, *[f"evt_{number:02d}" for number in range(30)])
    for chosen in (stored[3], stored[28]):
        start(aws, event_id=chosen.id, until=NOON)
        run.take(replayed(chosen, to))
        assert run.target.events.pop() == chosen.id
        assert run.target.requests.pop(0)
    assert run.target.events == []


@pytest.mark.parametrize("before", [1, 30])
def test_an_event_of_an_expired_replay_is_delivered_alone(
    run: LaneRun, aws: Aws, before: int
) -> None:
    to, [*_, last] = ordered(aws), store(aws, *[f"evt_{number}" for number in range(before + 1)])
    assert run.take(replayed(last, to)) == []
    assert run.target.events == [last.id]


def test_a_walk_reads_once_what_all_its_events_need(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, stored = ordered(aws), store(aws, *[f"evt_{number:02d}" for number in range(11)])
    start(aws)
    calls: Counter[str] = Counter()

    def count(name: str) -> None:
        made = getattr(aws.dynamodb, name)

        def counted(**asked: Any) -> Any:
            calls[name] += 1
            return made(**asked)

        monkeypatch.setattr(aws.dynamodb, name, counted)

    for name in ("query", "get_item", "batch_get_item", "update_item"):
        count(name)
    run.take(replayed(stored[0], to))
    alone = calls.copy()
    run.take(replayed(stored[-1], to))
    assert run.target.events == [each.id for each in stored]
    # The cursor is taken and released, and an outcome is recorded. The subscription and its
    # circuit are read for the batch, and the deliveries of a page.
    assert alone == {"update_item": 3, "query": 1, "batch_get_item": 3}
    # For ten events: the replay, the rights and the other nine events as well. The subscription and
    # its circuit are cached.
    assert calls - alone == {"update_item": 12, "query": 1, "get_item": 1, "batch_get_item": 3}


def test_the_beginning_of_a_long_stream_is_not_read(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, now, stream = ordered(aws), times.unix(), StreamName("planner", "task/1")
    entries = [
        StreamEntry(number, f"old_{number}", times.at(now - 100_000 + number))
        for number in range(1, 501)
    ]
    for part in aws.streams.adding_parts(stream, entries, listed=True):
        aws.dynamodb.put_item(**part.item["Put"])
    _, early, late = store(aws, "evt_1"), *store(aws, "evt_2", "evt_3", timestamp=times.at(now))
    start(aws, since=times.at(now - 10))
    read: list[int] = []
    between = StreamStore.between

    def counted(store: StreamStore, *asked: Any, **options: Any) -> list[StreamEntry]:
        found = between(store, *asked, **options)
        read.append(len(found))
        return found

    monkeypatch.setattr(StreamStore, "between", counted)
    run.take(replayed(late, to))
    # The first of the three happened before the period, whenever it was stored.
    assert run.target.events == [early.id, late.id]
    assert len(read) < 16
    assert sum(read) < 60


def test_events_of_a_time_when_sources_shared_streams_come_in_order(run: LaneRun, aws: Aws) -> None:
    to, old = ordered(aws), []
    for version, source in enumerate(("planner", "other", "planner"), 1):
        sent = event(f"evt_{version}", source=source, metadata={"stream_id": "task/1"})
        placed = replace(sent, metadata={**sent.metadata, "stream_version": version})
        aws.dynamodb.put_item(**aws.events.adding_part(placed, RETENTION_DAYS).item["Put"])
        entry = StreamEntry(version, placed.id, placed.created_at)
        stream = StreamName("planner", "task/1")
        put = aws.streams.adding_parts(stream, [entry], listed=True)[0].item["Put"]
        put["Item"]["stream_id"] = {"S": "task/1"}
        aws.dynamodb.put_item(**put)
        old.append(placed)
    start(aws)
    [new] = store(aws, "evt_4")
    run.take(replayed(new, to))
    assert run.target.events == ["evt_1", "evt_3", "evt_4"]
    assert run.take(replayed(old[2], to)) == []
    assert run.target.events == ["evt_1", "evt_3", "evt_4"]


def test_an_event_without_a_place_is_delivered(run: LaneRun, aws: Aws) -> None:
    to = ordered(aws)
    sent = event("evt_1", metadata={"stream_id": "task/1"})
    placed = replace(sent, metadata={**sent.metadata, "stream_version": 7})
    start(aws)
    run.take(replayed(placed, to))
    assert run.target.events == ["evt_1"]
    assert run.take(replayed(placed, to), receives=2) == []
    assert run.target.events == ["evt_1"]


def test_an_event_whose_payload_is_lost_holds_up_nothing(run: LaneRun, aws: Aws) -> None:
    to = ordered(aws, filters={"task.created": {"size": [{"exists": False}]}})
    [lost] = store(aws, "evt_1", payload=LARGE_PAYLOAD)
    [second] = store(aws, "evt_2")
    start(aws)
    aws.lose_payload(lost.id)
    run.take(replayed(second, to))
    assert run.target.events == ["evt_2"]


def test_a_new_message_follows_while_no_other_knows_of_its_event(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, (first, second) = ordered(aws), store(aws, "evt_1", "evt_2")
    start(aws)
    run.target.script["evt_1"] = REFUSED
    run.take(replayed(first, to))
    asked = replayed(second, to)
    with monkeypatch.context() as patch:
        patch.setattr(CursorStore, "release", overtaken())
        run.sent()
        assert run.take(asked) == []
    assert run.sent() == [replace(asked, origin=queue_message(asked).id)]
    name = f"rpl_1#{StreamName('planner', 'task/1').key}"
    assert aws.cursors.position("sub_1", name) == f"0 1 {to.version}"
