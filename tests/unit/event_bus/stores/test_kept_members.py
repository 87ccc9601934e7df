"""What stores keep of what they are given, and what they tell others of it."""

from dataclasses import replace

import pytest
from event_bus import times
from event_bus.model.rights import Grant
from event_bus.model.stream_name import StreamName
from event_bus.stores.changes import ChangeLog
from event_bus.stores.refusals import IdTaken
from event_bus.stores.socket_subscribers import SocketSubscriber, SocketSubscriberKey
from event_bus.stores.stream_times import version_certainly_before
from event_bus.stores.streams import StreamEntry, ranges_of
from event_bus.stores.transactions import transact

from tests.aws import Aws
from tests.builders import LATER, NOON, delivery, subscription


def test_a_websocket_subscriber_keeps_the_key_that_it_connected_by(aws: Aws) -> None:
    made = SocketSubscriber(SocketSubscriberKey("sub_1", "c1"), 3, 2, durable=True, api_key="key_1")
    assert aws.socket_subscribers.add(made, "a push", 9, 1_900_000_000)
    found = aws.socket_subscribers.hold(made.key, "a push", 9)
    assert found
    assert (found.api_key, found.sent, found.acknowledged, found.durable) == ("key_1", 3, 2, True)


@pytest.mark.parametrize(("days", "kept"), [(3, 3), (None, 30)])
def test_a_cursor_is_kept_for_its_time(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, days: int | None, kept: int
) -> None:
    monkeypatch.setattr(times, "unix", lambda: 1_800_000_000.0)
    assert aws.cursors.hold("sub_1", "task/1", "a", 60, days=days)
    [item] = aws.dynamodb.scan(TableName=aws.tables["cursors"])["Items"]
    assert item["expires_at"] == {"N": str(1_800_000_000 + kept * 86_400)}


def test_routers_learn_of_a_right_that_is_removed(aws: Aws) -> None:
    given = Grant("worker", ["task.*"], NOON, NOON)
    aws.rights.put(given)
    assert aws.rights.remove(given)
    told = [
        change["grant"]["event_types"] for _, change in ChangeLog(aws.table("changes")).after(0)
    ]
    assert told == [["task.*"], None]


def test_a_change_takes_the_next_number_if_another_has_taken_its_own(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, latest = ChangeLog(aws.table("changes")), ChangeLog.latest
    assert log.append(lambda number: {"n": number}, lambda _: []) == 1
    # It reads the number before another change takes it.
    reads = iter([0])
    monkeypatch.setattr(ChangeLog, "latest", lambda of: next(reads, latest(of)))
    assert log.append(lambda number: {"n": number}, lambda _: []) == 2
    assert [*log.after(0)] == [(1, {"n": 1}), (2, {"n": 2})]


def test_an_id_has_one_subscription(aws: Aws) -> None:
    first = aws.subscriptions.create(subscription())
    with pytest.raises(IdTaken):
        aws.subscriptions.create(replace(subscription(), name="Another"))
    assert aws.subscriptions.get("sub_1") == first


def test_an_outcome_is_recorded_for_a_delivery_on_its_lane_alone(aws: Aws) -> None:
    waiting = delivery("retrying", next_retry_at=LATER, waiting=True)
    assert aws.deliveries.record(waiting, 1) is None
    delivered = replace(delivery(attempts=2), next_retry_at=None)
    standing = aws.deliveries.record(delivered, 2, unless_waiting=True)
    assert standing
    assert standing.status == "retrying"
    assert aws.deliveries.record(delivered, 2) is None


def test_the_ids_of_a_category_are_its_own_and_those_below_it() -> None:
    own, (first, last) = ranges_of("task")
    assert own == ("task", "task")
    assert first == "task/"
    assert all(first <= each <= last for each in ("task/1", "task/a/b", "task/\U0010ffff"))
    assert not any(first <= each <= last for each in ("task", "tasks/1", "task0", "tas/1"))


def test_a_version_is_found_in_a_stream_that_is_shorter_than_was_asked_for(aws: Aws) -> None:
    stream = StreamName("planner", "task/1")
    transact(aws.streams.adding_parts(stream, [StreamEntry(1, "evt_1", NOON)], listed=True))
    for last in range(1, 12):
        assert version_certainly_before(aws.streams, stream, LATER, last) == 1
    assert version_certainly_before(aws.streams, stream, NOON, 9) == 0
