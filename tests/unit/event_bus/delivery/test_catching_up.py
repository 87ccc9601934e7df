"""A subscription receives the events of a stream from a version on, whatever their age."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from event_bus import times
from event_bus.model import transitions
from event_bus.model.event import MAX_HOPS, Event
from event_bus.model.followed_streams import FollowedStreams
from event_bus.model.retry_policy import RetryPolicy
from event_bus.model.rights import Grant
from event_bus.model.stream_name import StreamName
from event_bus.model.subscription import Subscription
from event_bus.queues.message import next_message
from event_bus.stores.routings import RoutingStore

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import LARGE_PAYLOAD, event, message, routing, subscription
from tests.unit.event_bus.delivery.lanes import REFUSED, LaneRun, run

__all__ = ["run"]

TASK_1 = StreamName("planner", "task/1")


def catching_up(aws: Aws, from_version: int = 1, **members: Any) -> Subscription:
    """A subscription that was registered now."""
    followed = FollowedStreams("planner", "task/1", None, from_version)
    return aws.subscriptions.create(
        subscription(
            ordered=True,
            stream=followed,
            filters=followed.narrowed({}),
            created_at=times.now(),
            **members,
        )
    )


def store(aws: Aws, name: str, age: float, *, routed: bool = True, **members: Any) -> Event:
    """An event of an age in seconds, routed before anybody subscribed."""
    metadata = {"stream_id": "task/1", **members.pop("metadata", {})}
    sent = replace(
        event(name, metadata=metadata, **members), created_at=times.at(times.unix() - age)
    )
    stored = aws.events.put(sent, RETENTION_DAYS)[1]
    if routed:
        aws.routings.record([routing(name)])
    return stored


def test_a_stream_is_delivered_from_the_chosen_version_on(run: LaneRun, aws: Aws) -> None:
    for number in range(3):
        store(aws, f"evt_{number}", 1_000)
    to = catching_up(aws, 2)
    last = store(aws, "evt_3", -60, routed=False)
    aws.routings.record([routing("evt_3", sub_1="worker")])
    run.take(message(last, to))
    assert run.target.events == ["evt_1", "evt_2", "evt_3"]
    # Whatever comes again finds everything settled.
    run.take(message(last, to), receives=2)
    assert len(run.target.events) == 3


def test_large_events_come_with_their_payloads(run: LaneRun, aws: Aws) -> None:
    for number in range(3):
        last = store(aws, f"evt_{number}", 1_000, payload=LARGE_PAYLOAD)
    aws.lose_payload("evt_1")
    assert run.take(message(last, catching_up(aws))) == []
    assert run.target.events == ["evt_0", "evt_2"]


def test_an_event_that_cannot_be_read_is_passed_over(run: LaneRun, aws: Aws) -> None:
    for number in range(3):
        last = store(aws, f"evt_{number}", 1_000)
    aws.lose_archived("evt_1")
    assert run.take(message(last, catching_up(aws))) == []
    assert run.target.events == ["evt_0", "evt_2"]


def test_events_routed_during_the_registration_leave_no_gap(run: LaneRun, aws: Aws) -> None:
    to = catching_up(aws)
    # The last was stored long after the time of the registration, which took long to be stored.
    names = ["evt_old", "evt_margin", "evt_during", "evt_late"]
    for name, age in zip(names, (3, 1, -20, -1_000), strict=True):
        last = store(aws, name, age)
    run.take(message(last, to))
    assert run.target.events == names


def test_an_old_event_that_was_never_routed_is_no_obstacle(run: LaneRun, aws: Aws) -> None:
    store(aws, "evt_0", 1_000, routed=False)
    last = store(aws, "evt_1", 900)
    run.take(message(last, catching_up(aws)))
    assert run.target.events == ["evt_0", "evt_1"]


def test_filters_types_and_loops_count_for_the_past(run: LaneRun, aws: Aws) -> None:
    store(aws, "evt_0", 1_000, event_type="order.made")
    store(aws, "evt_1", 1_000, metadata={"hop_count": MAX_HOPS + 1})
    store(aws, "evt_2", 1_000, payload={"n": 1})
    last = store(aws, "evt_3", 1_000, payload={"n": 2})
    to = catching_up(aws)
    to = aws.subscriptions.update(replace(to, filters={**to.filters, "task.*": {"n": [1]}}))
    assert run.take(message(last, to)) == []
    # The message only began the stream: its own event is not owed.
    assert run.target.events == ["evt_2"]
    assert aws.deliveries.get(message(last, to).key) is None
    run.take(message(last, to), receives=2)
    assert run.target.events == ["evt_2"]


def test_rights_are_checked_for_past_events_of_any_age(run: LaneRun, aws: Aws) -> None:
    aws.rights.put(Grant("worker", ["task.created"]))
    store(aws, "evt_0", 5, event_type="task.secret")
    last = store(aws, "evt_1", 5)
    run.take(message(last, catching_up(aws)))
    assert run.target.events == ["evt_1"]
    assert aws.deliveries.of_event("evt_0")[1] == []


def test_a_failing_event_of_the_past_holds_up_what_follows(run: LaneRun, aws: Aws) -> None:
    store(aws, "evt_0", 1_000)
    last = store(aws, "evt_1", 900)
    to = catching_up(aws, retry_policy=RetryPolicy(schedule=[5], max_attempts=2))
    run.target.script["evt_0"] = REFUSED
    run.take(message(last, to))
    assert run.target.events == ["evt_0"]
    assert run.outcome("evt_0").status == "retrying"
    # Until it is due, nothing goes past it.
    run.take(message(last, to), receives=2)
    assert run.target.events == ["evt_0"]


@pytest.mark.parametrize(("deleted", "delivered"), [(False, ["evt_2"]), (True, [])])
def test_truncated_and_deleted_events_are_not_delivered(
    run: LaneRun, aws: Aws, deleted: bool, delivered: list[str]
) -> None:
    for number in range(3):
        last = store(aws, f"evt_{number}", 1_000)
    aws.streams.truncate(TASK_1, 3)
    if deleted:
        aws.streams.delete(TASK_1, 3)
    run.take(message(last, catching_up(aws)))
    assert run.target.events == delivered


@pytest.mark.parametrize("deleted", [False, True])
@pytest.mark.parametrize("from_version", [1, 2])
def test_new_events_are_delivered_although_they_are_hidden_before(
    run: LaneRun, aws: Aws, deleted: bool, from_version: int
) -> None:
    for number in range(3):
        store(aws, f"evt_{number}", 1_000)
    to = catching_up(aws, from_version)
    for number in (3, 4):
        last = store(aws, f"evt_{number}", -60, routed=False)
        aws.routings.record([routing(last.id, sub_1="worker")])
    aws.streams.truncate(TASK_1, 6)
    if deleted:
        aws.streams.delete(TASK_1, 5)
    run.take(message(last, to))
    assert run.target.events == ["evt_3", "evt_4"]


def test_a_new_event_below_the_first_version_is_dropped(run: LaneRun, aws: Aws) -> None:
    to = catching_up(aws, 3)
    for number in range(4):
        last = store(aws, f"evt_{number}", -60, routed=False)
        aws.routings.record([routing(last.id, sub_1="worker")])
        run.take(message(last, to))
    assert run.target.events == ["evt_2", "evt_3"]
    for each in ("evt_0", "evt_1"):
        ended = run.outcome(each)
        assert (ended.status, ended.last_error and ended.last_error.code) == (
            "dropped",
            "not_matched",
        )


def test_a_usual_ordered_subscription_begins_with_itself(run: LaneRun, aws: Aws) -> None:
    store(aws, "evt_0", 1_000)
    to = catching_up(aws)
    assert to.stream
    to = aws.subscriptions.update(replace(to, stream=replace(to.stream, from_version=None)))
    last = store(aws, "evt_1", -1, routed=False)
    aws.routings.record([routing("evt_1", sub_1="worker")])
    run.take(message(last, to))
    assert run.target.events == ["evt_1"]


def test_a_stream_that_was_silent_for_long_is_not_delivered_again(run: LaneRun, aws: Aws) -> None:
    last = store(aws, "evt_0", 1_000)
    # Another ordered subscription begins at its registration, so its cursor may go.
    for to, days in (
        (catching_up(aws), 3_650),
        (aws.subscriptions.create(subscription("sub_2", ordered=True)), RETENTION_DAYS),
    ):
        run.take(message(last, to))
        key = {"owner": {"S": to.id}, "name": {"S": TASK_1.key}}
        cursor = aws.dynamodb.get_item(TableName=aws.tables["cursors"], Key=key)["Item"]
        assert abs(int(cursor["expires_at"]["N"]) - times.expiry(days)) < 60


def test_a_disabled_subscription_is_owed_no_history(run: LaneRun, aws: Aws) -> None:
    store(aws, "evt_0", 1_000)
    last = store(aws, "evt_1", 1_000)
    run.take(message(last, catching_up(aws, status="disabled")))
    assert run.target.events == []
    assert [aws.deliveries.of_event(each)[1] for each in ("evt_0", "evt_1")] == [[], []]


def test_a_paused_subscription_waits_with_the_first_event_that_it_is_owed(
    run: LaneRun, aws: Aws
) -> None:
    first = store(aws, "evt_0", 1_000)
    last = store(aws, "evt_1", 1_000, event_type="order.made")
    to = catching_up(aws, status="paused", paused_at=times.now(), pauses=1)
    run.take(message(last, to))
    assert run.target.events == []
    waiting = run.outcome("evt_0").last_error
    assert waiting
    assert waiting.code == "subscription_paused"
    # The message of the last event only starts the stream; a record of it would deliver it.
    assert aws.deliveries.get(message(last, to).key) is None
    aws.subscriptions.update(replace(to, status="active", paused_at=None))
    run.now[0] += 60
    run.take(message(first, to), receives=2)
    assert run.target.events == ["evt_0"]


def test_an_event_that_was_not_owed_ends_although_its_lane_crashed(run: LaneRun, aws: Aws) -> None:
    store(aws, "evt_0", 1_000)
    last = store(aws, "evt_1", 1_000, event_type="order.made")
    to = catching_up(aws)
    crashed = transitions.after_crash(
        message(last, to).first_record(last), to.delivery_guarantee, to.retry_policy, 1
    )
    aws.deliveries.record(crashed, 2)
    for receives in (1, 2):
        run.take(next_message(run.outcome("evt_1")), receives=receives)
    assert run.target.events == ["evt_0"]
    ended = run.outcome("evt_1")
    assert (ended.status, ended.last_error and ended.last_error.code) == ("dropped", "not_matched")


def test_an_event_that_was_matched_a_moment_ago_is_owed(
    run: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = catching_up(aws, retry_policy=RetryPolicy(schedule=[5], max_attempts=1))
    last = store(aws, "evt_0", -60, routed=False)
    aws.routings.record([routing("evt_0", sub_1="worker")])
    run.target.script["evt_0"] = REFUSED
    run.take(message(last, to))
    reopened = aws.retried(run.outcome("evt_0"))
    # Its routing record alone says that it is owed, and only consistent reads find that record.
    to = aws.subscriptions.update(replace(to, event_types=["order.*"]))
    read = RoutingStore.get_many

    def late(store: RoutingStore, ids: Iterable[str], *, consistent: bool = False) -> Any:
        return read(store, ids, consistent=True) if consistent else {}

    monkeypatch.setattr(RoutingStore, "get_many", late)
    run.target.script.clear()
    run.now[0] += 60
    run.take(replace(next_message(reopened), subscription_version=to.version))
    assert run.outcome("evt_0").status == "delivered"
