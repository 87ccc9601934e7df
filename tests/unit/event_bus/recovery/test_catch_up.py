"""New subscriptions catch up, though they are paused or an event cannot be read."""

from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

import pytest
from event_bus import times
from event_bus.model.followed_streams import FollowedStreams
from event_bus.queues.lanes import Lanes
from event_bus.queues.replays import ReplayQueue
from event_bus.recovery.catch_up import CatchUpRunner, catch_up_of
from event_bus.recovery.replay_steps import ReplaySteps
from event_bus.registry.subscription_writes import SubscriptionWrites

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import event, subscription


def runner_of(aws: Aws, executor: Executor, lane: str, queue: ReplayQueue) -> CatchUpRunner:
    return CatchUpRunner(
        replays=aws.replays,
        subscriptions=aws.subscriptions,
        streams=aws.streams,
        events=aws.events,
        deliveries=aws.deliveries,
        lanes=Lanes(aws.sqs, {"http": lane}, executor),
        steps=ReplaySteps(aws.replays, queue),
    )


@pytest.mark.parametrize("resume_from", ["backlog", "now"])
def test_a_resume_continues_the_catch_up_that_a_pause_stopped(
    aws: Aws, executor: Executor, resume_from: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(ReplayQueue, "send", lambda _, replay_id, *_more: sent.append(replay_id))
    lane, queue = aws.queue(), aws.queue()
    replays = ReplayQueue(aws.sqs, queue)
    runner = runner_of(aws, executor, lane, replays)
    aws.events.put(event("evt_1", metadata={"stream_id": "task/1"}), RETENTION_DAYS)
    followed = FollowedStreams("planner", "task/1", None, 1)
    new = subscription(ordered=True, stream=followed, created_at=times.now())
    replay = catch_up_of(new)
    aws.replays.add(replay)
    paused = aws.subscriptions.create(
        replace(
            new,
            status="paused",
            paused_at=times.now(),
            pauses=1,
            catch_up_replay_id=replay.id,
        )
    )
    runner.step(replay)
    stopped = aws.replays.get(replay.id)
    assert stopped
    assert stopped.state == "running"
    # A paused subscription costs no message that comes again and again.
    assert (aws.sent(lane), sent) == ([], [])

    writes = SubscriptionWrites(aws.registrations, replays, most=10)
    writes.change(paused, replace(paused, status="active"), resume_from)
    assert sent[0] == replay.id
    runner.step(stopped)
    assert [each.event_id for each in aws.sent_on(lane)] == ["evt_1"]
    completed = aws.replays.get(replay.id)
    assert completed
    assert completed.state == "completed"


def test_an_event_that_uses_the_id_of_an_expired_one_is_not_sent(
    aws: Aws, executor: Executor
) -> None:
    lane, queue = aws.queue(), aws.queue()
    runner = runner_of(aws, executor, lane, ReplayQueue(aws.sqs, queue))
    aws.events.put(event("evt_1", metadata={"stream_id": "task/1"}), RETENTION_DAYS)
    aws.dynamodb.delete_item(TableName=aws.tables["events"], Key={"id": {"S": "evt_1"}})
    present = replace(event("evt_1", source="other"), created_at=times.after(100))
    aws.events.put(present, RETENTION_DAYS)
    followed = FollowedStreams("planner", "task/1", None, 1)
    to = subscription(ordered=True, stream=followed, created_at=times.now())
    replay = catch_up_of(to)
    aws.replays.add(replay)
    aws.subscriptions.create(replace(to, catch_up_replay_id=replay.id))
    runner.step(replay)
    assert aws.sent_on(lane) == []


def test_a_stream_whose_last_event_cannot_be_read_begins_with_the_one_before(
    aws: Aws, executor: Executor
) -> None:
    lane, queue = aws.queue(), aws.queue()
    runner = runner_of(aws, executor, lane, ReplayQueue(aws.sqs, queue))
    for stream, names in {"a": "123", "b": "45", "c": "6"}.items():
        for name in names:
            aws.events.put(event(f"evt_{name}", metadata={"stream_id": f"task/{stream}"}), 30)
    for lost in ("evt_3", "evt_6"):
        aws.lose_archived(lost)
    followed = FollowedStreams("planner", None, "task", 1)
    new = subscription(ordered=True, stream=followed, created_at=times.now())
    replay = catch_up_of(aws.subscriptions.create(new))
    aws.replays.add(replay)
    runner.step(replay)
    assert sorted(each.event_id for each in aws.sent_on(lane)) == ["evt_2", "evt_5"]
