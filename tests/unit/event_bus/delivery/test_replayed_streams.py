"""An ordered subscription receives the events of a stream that one replay sends in their order."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from event_bus import times
from event_bus.model import transitions
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.model.registration import Subscription
from event_bus.model.replay import Replay
from event_bus.model.retry_policy import RetryPolicy
from event_bus.model.rights import Grant
from event_bus.model.stream_name import StreamName
from event_bus.queues.message import Message
from event_bus.stores.cursors import CursorStore
from event_bus.stores.streams import StreamEntry, StreamStore

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import LARGE_PAYLOAD, LATER, NOON, event, message, replay, routing, subscription
from tests.unit.event_bus.delivery.lanes import REFUSED, Trial, received, trial

__all__ = ["trial"]

GONE = Outcome("http_status", "the subscriber answered 410", status_code=410)
SOON = RetryPolicy(schedule=[5], max_attempts=2)
ONCE = RetryPolicy(max_attempts=1)
BEFORE = "2026-05-01T11:59:59.999Z"
ONE_O_CLOCK = "2026-05-01T13:00:00.000Z"


def ordered(aws: Aws, **members: Any) -> Subscription:
    members = {"retry_policy": SOON, **members}
    return aws.subscriptions.create(subscription(ordered=True, **members))


def store(aws: Aws, *names: str, stream: str = "task/1", **members: Any) -> list[Event]:
    created_at = members.pop("created_at", None)
    made = []
    for name in names:
        sent = event(name, metadata={"stream_id": stream}, **members)
        sent = replace(sent, created_at=created_at or sent.created_at)
        made.append(aws.events.put(sent, RETENTION_DAYS)[1])
    return made


def start(aws: Aws, **members: Any) -> Replay:
    begun = replay(**{"event_types": None, **members})
    aws.replays.add(begun)
    return begun


def replayed(about: Event, to: Subscription, **members: Any) -> Message:
    return message(about, to, replay_id="rpl_1", **members)


def status(trial: Trial, name: str) -> str:
    return trial.outcome(name, replay="rpl_1").status


def make_due(aws: Aws, name: str) -> None:
    """Ends the wait of a failed delivery."""
    aws.dynamodb.update_item(
        TableName=aws.tables["deliveries"],
        Key={"event_id": {"S": name}, "subscription_id": {"S": "sub_1#rpl_1"}},
        UpdateExpression="SET next_retry_at = :noon",
        ExpressionAttributeValues={":noon": {"S": NOON}},
    )


def test_whichever_message_comes_first_the_order_is_kept(trial: Trial, aws: Aws) -> None:
    to, stored = ordered(aws), store(aws, "evt_1", "evt_2", "evt_3")
    start(aws)
    for each in reversed(stored):
        assert trial.take(replayed(each, to)) == []
    assert trial.target.events == ["evt_1", "evt_2", "evt_3"]
    assert {each.replay_id for each in trial.target.attempted} == {"rpl_1"}


def test_a_message_delivers_no_later_event(trial: Trial, aws: Aws) -> None:
    to, stored = ordered(aws), store(aws, "evt_1", "evt_2", "evt_3")
    start(aws)
    trial.take(replayed(stored[1], to))
    assert trial.target.events == ["evt_1", "evt_2"]
    trial.take(replayed(stored[2], to))
    assert trial.target.events == ["evt_1", "evt_2", "evt_3"]


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
    trial: Trial, aws: Aws, case: str
) -> None:
    of_event, of_replay = NOT_REPLAYED[case]
    to = ordered(aws, filters={"task.created": {"size": [{"exists": False}]}})
    aws.rights.put(Grant("worker", ["task.created", "task.closed", "user.*"]))
    start(aws, **of_replay)
    store(aws, "evt_1", **of_event)
    [last] = store(aws, "evt_2")
    trial.take(replayed(last, to))
    assert trial.target.events == ["evt_2"]


def test_a_failure_holds_up_its_stream_in_this_replay_alone(trial: Trial, aws: Aws) -> None:
    to, (first, second) = ordered(aws), store(aws, "evt_1", "evt_2")
    [other] = store(aws, "evt_9", stream="task/2")
    start(aws)
    aws.replays.add(replay("rpl_2"))
    aws.routings.record([routing(each.id, sub_1="worker") for each in (first, second)])
    trial.target.script["evt_1"] = REFUSED
    for each in (first, second, other):
        assert trial.take(replayed(each, to)) == []
    assert trial.target.events == ["evt_1", "evt_9"]
    trial.target.script.clear()
    # What is routed, and another replay, have cursors of their own.
    trial.take(message(second, to))
    trial.take(message(second, to, replay_id="rpl_2"))
    assert trial.target.events == ["evt_1", "evt_9", *["evt_1", "evt_2"] * 2]
    make_due(aws, "evt_1")
    # The message of the second event is gone: that of the first one delivers both.
    trial.take(replace(replayed(first, to, attempt=2), subscription_version=0))
    assert trial.target.events[-2:] == ["evt_1", "evt_2"]
    assert (status(trial, "evt_1"), status(trial, "evt_2")) == ("delivered", "delivered")


def test_what_is_exhausted_lets_the_stream_pass_and_comes_late(trial: Trial, aws: Aws) -> None:
    to, (first, second) = ordered(aws, retry_policy=ONCE), store(aws, "evt_1", "evt_2")
    start(aws)
    trial.target.script["evt_1"] = REFUSED
    trial.take(replayed(second, to))
    assert trial.target.events == ["evt_1", "evt_2"]
    trial.target.script.clear()
    dead = trial.outcome("evt_1", replay="rpl_1")
    assert aws.dead_letters.reopen(transitions.reopened(dead))
    trial.take(replayed(first, to, attempt=2, round_start=1))
    assert trial.target.events == ["evt_1", "evt_2", "evt_1"]
    assert status(trial, "evt_1") == "delivered"


def test_a_delivery_that_has_begun_keeps_its_place(trial: Trial, aws: Aws) -> None:
    to, (first, second) = ordered(aws), store(aws, "evt_1", "evt_2")
    start(aws)
    trial.target.script["evt_1"] = REFUSED
    trial.take(replayed(first, to))
    narrowed = replace(to, filters={"task.created": {"size": [1]}})
    to = aws.subscriptions.update(narrowed)
    trial.take(replayed(second, to))
    assert trial.target.events == ["evt_1"]


@pytest.mark.parametrize(
    ("guarantee", "end"), [("at_least_once", "exhausted"), ("at_most_once", "dropped")]
)
def test_an_event_that_matched_too_late_for_its_place_is_no_secret(
    trial: Trial, aws: Aws, guarantee: Any, end: str
) -> None:
    to = ordered(aws, filters={"task.created": {"size": [1]}}, delivery_guarantee=guarantee)
    [first], [second] = store(aws, "evt_1"), store(aws, "evt_2", payload={"size": 1})
    start(aws)
    trial.take(replayed(second, to))
    to = aws.subscriptions.update(replace(to, filters={}))
    trial.take(replayed(first, to))
    assert trial.target.events == ["evt_2"]
    found = trial.outcome("evt_1", replay="rpl_1")
    assert (found.status, found.last_error and found.last_error.code) == (end, "stream_passed")


def test_a_pause_does_not_hide_that_an_event_matched_too_late(trial: Trial, aws: Aws) -> None:
    to = ordered(aws, filters={"task.created": {"size": [1]}})
    [first], [second] = store(aws, "evt_1"), store(aws, "evt_2", payload={"size": 1})
    start(aws)
    trial.take(replayed(second, to))
    to = replace(to, filters={}, status="paused", paused_at=times.now(), pauses=1)
    trial.take(replayed(first, aws.subscriptions.update(to)))
    found = trial.outcome("evt_1", replay="rpl_1")
    code = found.last_error and found.last_error.code
    assert (found.status, code) == ("exhausted", "stream_passed")
    # A person who retries it during the pause accepts that it arrives out of order.
    reopened = aws.dead_letters.reopen(transitions.reopened(found))
    assert reopened
    paused = aws.subscriptions.get("sub_1")
    assert paused
    again = replayed(first, paused, attempt=1)
    trial.take(again, receives=2)
    assert status(trial, "evt_1") == "retrying"
    active = aws.subscriptions.update(replace(paused, status="active", paused_at=None))
    trial.take(replayed(first, active), receives=2)
    assert trial.target.events == ["evt_2", "evt_1"]


def test_a_walk_does_not_judge_by_an_older_subscription(trial: Trial, aws: Aws) -> None:
    to = ordered(aws, filters={"task.created": {"size": [1]}})
    first, second, third = store(aws, "evt_1", "evt_2", "evt_3")
    start(aws)
    trial.target.script["evt_1"] = REFUSED
    trial.take(replayed(first, to))
    newer = aws.subscriptions.update(replace(to, filters={}))
    # Another function, which knows the newer one, keeps the third event for later.
    name = f"rpl_1#{StreamName('planner', 'task/1').key}"
    cursor = aws.cursors.hold("sub_1", name, "another", 60)
    assert cursor
    aws.cursors.release(cursor, f"0 3 {newer.version}")
    make_due(aws, "evt_1")
    trial.target.script.clear()
    retried = replace(replayed(first, to, attempt=2), subscription_version=0)
    assert trial.take(retried) == []
    assert trial.target.events == ["evt_1"]
    trial.take(replace(retried, subscription_version=newer.version))
    assert trial.target.events == ["evt_1", "evt_1", "evt_2", "evt_3"]
    assert status(trial, third.id) == status(trial, second.id) == "delivered"


def test_the_events_behind_one_after_which_the_subscriber_was_gone_end(
    trial: Trial, aws: Aws
) -> None:
    to, stored = ordered(aws), store(aws, "evt_1", "evt_2", "evt_3")
    start(aws)
    trial.target.script["evt_1"] = GONE
    trial.take(replayed(stored[2], to))
    trial.now[0] += 15
    trial.take(replayed(stored[2], to))
    assert trial.target.events == ["evt_1"]
    assert {status(trial, each.id) for each in stored} == {"exhausted"}


def test_a_deleted_subscription_is_owed_nothing(trial: Trial, aws: Aws) -> None:
    to, (first, _) = ordered(aws), store(aws, "evt_1", "evt_2")
    start(aws)
    found = aws.subscriptions.get(to.id)
    assert found
    aws.subscriptions.delete(found)
    trial.take(replayed(first, to))
    assert status(trial, "evt_1") == "dropped"
    assert trial.target.events == []


def test_a_pause_keeps_the_order(trial: Trial, aws: Aws) -> None:
    to, (first, second) = ordered(aws), store(aws, "evt_1", "evt_2")
    start(aws)
    paused = aws.subscriptions.update(replace(to, status="paused", paused_at=times.now(), pauses=1))
    for each in (second, first):
        trial.take(replayed(each, paused))
    assert trial.target.events == []
    assert status(trial, "evt_1") == "retrying"
    resumed = aws.subscriptions.update(replace(paused, status="active", paused_at=None))
    trial.take(replayed(first, resumed))
    assert trial.target.events == ["evt_1", "evt_2"]


def test_what_was_discarded_during_a_pause_holds_up_nothing_after_it(
    trial: Trial, aws: Aws
) -> None:
    to, (first, second) = ordered(aws), store(aws, "evt_1", "evt_2")
    start(aws)
    trial.target.script["evt_1"] = REFUSED
    trial.take(replayed(second, to))
    aws.dead_letters.discard(transitions.discarded(trial.outcome("evt_1", replay="rpl_1"), "me"))
    paused = aws.subscriptions.update(replace(to, status="paused", paused_at=times.now(), pauses=1))
    # The message that has the stream continue comes during the pause.
    trial.take(replayed(first, paused, attempt=2))
    assert status(trial, "evt_2") == "retrying"
    assert trial.target.events == ["evt_1"]


def test_the_replay_of_one_event_delivers_it_alone(trial: Trial, aws: Aws) -> None:
    to, stored = ordered(aws), store(aws, *[f"evt_{number:02d}" for number in range(30)])
    for chosen in (stored[3], stored[28]):
        start(aws, event_id=chosen.id, until=NOON)
        trial.take(replayed(chosen, to))
        assert trial.target.events.pop() == chosen.id
        assert trial.target.requests.pop(0)
    assert trial.target.events == []


def test_an_event_of_an_expired_replay_is_delivered_alone(trial: Trial, aws: Aws) -> None:
    to, (_, second) = ordered(aws), store(aws, "evt_1", "evt_2")
    trial.take(replayed(second, to))
    assert trial.target.events == ["evt_2"]


def test_a_walk_reads_once_what_all_its_events_need(
    trial: Trial, aws: Aws, monkeypatch: pytest.MonkeyPatch
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
    trial.take(replayed(stored[0], to))
    alone = calls.copy()
    trial.take(replayed(stored[-1], to))
    assert trial.target.events == [each.id for each in stored]
    # The cursor is taken and released, and an outcome is recorded. The subscription and its
    # circuit are read for the batch, and the deliveries of a page.
    assert alone == {"update_item": 3, "query": 1, "batch_get_item": 3}
    # For ten events: the replay, the rights and the other nine events as well. The subscription and
    # its circuit are cached.
    assert calls - alone == {"update_item": 12, "query": 1, "get_item": 1, "batch_get_item": 3}


def test_the_beginning_of_a_long_stream_is_not_read(
    trial: Trial, aws: Aws, monkeypatch: pytest.MonkeyPatch
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
    trial.take(replayed(late, to))
    # The first of the three happened before the period, whenever it was stored.
    assert trial.target.events == [early.id, late.id]
    assert len(read) < 16
    assert sum(read) < 60


def test_events_of_a_time_when_sources_shared_streams_come_in_order(trial: Trial, aws: Aws) -> None:
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
    trial.take(replayed(new, to))
    assert trial.target.events == ["evt_1", "evt_3", "evt_4"]
    assert trial.take(replayed(old[2], to)) == []
    assert trial.target.events == ["evt_1", "evt_3", "evt_4"]


def test_an_event_without_a_place_is_delivered(trial: Trial, aws: Aws) -> None:
    to = ordered(aws)
    sent = event("evt_1", metadata={"stream_id": "task/1"})
    placed = replace(sent, metadata={**sent.metadata, "stream_version": 7})
    start(aws)
    trial.take(replayed(placed, to))
    assert trial.target.events == ["evt_1"]
    assert trial.take(replayed(placed, to), receives=2) == []
    assert trial.target.events == ["evt_1"]


def test_an_event_whose_payload_is_lost_holds_up_nothing(trial: Trial, aws: Aws) -> None:
    to = ordered(aws, filters={"task.created": {"size": [{"exists": False}]}})
    [lost] = store(aws, "evt_1", payload=LARGE_PAYLOAD)
    [second] = store(aws, "evt_2")
    start(aws)
    for found in aws.s3.list_objects_v2(Bucket=aws.bucket).get("Contents", []):
        if lost.id in found["Key"]:
            aws.s3.delete_object(Bucket=aws.bucket, Key=found["Key"])
    trial.take(replayed(second, to))
    assert trial.target.events == ["evt_2"]


def overtaken(cursors: CursorStore) -> Callable[..., bool]:
    """A release that comes after another function has taken the cursor."""
    release = CursorStore.release

    def late(store: CursorStore, cursor: Any, position: str) -> bool:
        return release(store, replace(cursor, holder="before"), position)

    return late


def test_a_message_stays_while_no_other_knows_of_its_event(
    trial: Trial, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, (first, second) = ordered(aws), store(aws, "evt_1", "evt_2")
    start(aws)
    trial.target.script["evt_1"] = REFUSED
    trial.take(replayed(first, to))
    asked = replayed(second, to)
    with monkeypatch.context() as patch:
        patch.setattr(CursorStore, "release", overtaken(aws.cursors))
        assert trial.take(asked) == [received(asked).id]
    name = f"rpl_1#{StreamName('planner', 'task/1').key}"
    assert aws.cursors.position("sub_1", name) == f"0 1 {to.version}"
