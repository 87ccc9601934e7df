"""The messages of a replay: one for the events of a stream, where a subscription is ordered."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

import pytest
from event_bus.queues.lanes import Lanes
from event_bus.recovery import replay_runner
from event_bus.stores.archive_runs import ByteRange
from event_bus.stores.event_items import stub_of

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import LATER, NOON, event, replay, subscription
from tests.unit.event_bus.recovery import runners

Sent = Callable[[], tuple[list[tuple[str, str]], int]]
"""Steps the replay; returns the subscription and event of each message, and what was counted."""


@pytest.fixture
def step(aws: Aws, executor: Executor) -> Sent:
    lane = aws.queue()
    none: Any = None
    runner = runners.replay_runner(aws, executor, lane, backlogs=none, catch_ups=none)
    aws.replays.add(replay())

    def step() -> tuple[list[tuple[str, str]], int]:
        runner.step("rpl_1")
        sent = aws.sent_on(lane)
        after = aws.replays.get("rpl_1")
        assert after
        return sorted((each.subscription_id, each.event_id) for each in sent), after.sent

    return step


def store(aws: Aws) -> None:
    """Two events of a stream, one of another and one without a stream; the last one first."""
    for name, stream, second in (("1", "a", 9), ("2", "a", 8), ("3", "b", 7), ("4", None, 6)):
        metadata = {"stream_id": stream} if stream else {}
        sent = event(f"evt_{name}", timestamp=f"2026-05-01T12:00:0{second}.000Z", metadata=metadata)
        aws.events.put(sent, RETENTION_DAYS)


def test_a_stream_gets_one_message_where_the_subscription_is_ordered(aws: Aws, step: Sent) -> None:
    aws.subscriptions.create(subscription("sub_1", ordered=True))
    aws.subscriptions.create(subscription("sub_2"))
    store(aws)
    sent, counted = step()
    ordered = [event_id for subscription_id, event_id in sent if subscription_id == "sub_1"]
    # Not the one that comes last in the list of events: that with the highest version.
    assert ordered == ["evt_2", "evt_3", "evt_4"]
    assert len(sent) == 3 + 4
    assert counted == 8


def test_events_are_sent_themselves_where_the_message_of_their_stream_is_refused(
    aws: Aws, step: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.subscriptions.create(subscription("sub_1", ordered=True))
    store(aws)
    monkeypatch.setattr(Lanes, "send", runners.refusing("evt_2"))
    sent, counted = step()
    assert [event_id for _, event_id in sent] == ["evt_1", "evt_3", "evt_4"]
    assert counted == 3
    after = aws.replays.get("rpl_1")
    assert after
    assert (after.unroutable, after.state) == (1, "completed")


def test_a_step_ends_after_many_deliveries(
    aws: Aws, step: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_runner, "MOST_DELIVERIES", 5)
    for number in range(3):
        aws.subscriptions.create(subscription(f"sub_{number}"))
    store(aws)
    steps = [step() for _ in range(3)]
    event_ids = [sorted({event_id for _, event_id in sent}) for sent, _ in steps]
    assert event_ids == [["evt_3", "evt_4"], ["evt_1", "evt_2"], []]
    assert [counted for _, counted in steps] == [6, 12, 12]
    after = aws.replays.get("rpl_1")
    assert after
    assert (after.examined, after.state) == (4, "completed")


def test_unroutable_events_behind_the_end_of_a_step_count_in_the_next_one(
    aws: Aws, step: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_runner, "MOST_DELIVERIES", 1)
    aws.subscriptions.create(subscription("sub_1"))
    store(aws)
    table = aws.tables["events"]
    item = aws.dynamodb.get_item(TableName=table, Key={"id": {"S": "evt_3"}})["Item"]
    aws.dynamodb.put_item(TableName=table, Item=stub_of(item, ByteRange("missing", 0, 9)))
    unroutable = []
    for _ in range(4):
        step()
        after = aws.replays.get("rpl_1")
        assert after
        unroutable.append(after.unroutable)
    assert unroutable == [0, 1, 1, 1]
    assert after
    assert (after.sent, after.state) == (3, "completed")


def test_an_event_that_the_archive_lost_is_counted_and_the_others_are_sent(
    aws: Aws, step: Sent
) -> None:
    aws.subscriptions.create(subscription("sub_1"))
    store(aws)
    table = aws.tables["events"]
    item = aws.dynamodb.get_item(TableName=table, Key={"id": {"S": "evt_2"}})["Item"]
    aws.dynamodb.put_item(TableName=table, Item=stub_of(item, ByteRange("missing", 0, 9)))
    sent, counted = step()
    assert [event_id for _, event_id in sent] == ["evt_1", "evt_3", "evt_4"]
    after = aws.replays.get("rpl_1")
    assert after
    assert (counted, after.unroutable, after.state) == (3, 1, "completed")


@pytest.mark.parametrize(
    ("limits", "deliveries"),
    [
        ({}, [("sub_1", "evt_1"), ("sub_2", "evt_1")]),
        ({"audience": "worker"}, [("sub_1", "evt_1")]),
        ({"subscription_id": "sub_2"}, [("sub_2", "evt_1")]),
        ({"stored_until": NOON}, []),
        ({"stored_until": LATER}, [("sub_1", "evt_1"), ("sub_2", "evt_1")]),
    ],
)
def test_a_replay_keeps_to_its_audience_and_to_what_was_stored_before_it(
    aws: Aws, step: Sent, limits: dict[str, str], deliveries: list[tuple[str, str]]
) -> None:
    aws.subscriptions.create(subscription("sub_1", "worker"))
    aws.subscriptions.create(subscription("sub_2", "llm"))
    before = aws.replays.get("rpl_1")
    assert before
    unlimited: Any = {"audience": None, "subscription_id": None}
    assert aws.replays.move(before, replace(before, **{**unlimited, **limits}))
    aws.events.put(event(timestamp="2026-05-01T12:00:05.000Z"), RETENTION_DAYS)
    assert step()[0] == deliveries
