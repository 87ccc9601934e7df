"""A new subscription is brought the streams that it follows, page by page, and looked at twice."""

from concurrent.futures import Executor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from event_bus import times
from event_bus.model.followed_streams import FollowedStreams
from event_bus.model.replay import Replay
from event_bus.model.stream_name import StreamName
from event_bus.queues.lanes import Lanes
from event_bus.queues.replays import ReplayQueue
from event_bus.recovery import catch_up
from event_bus.recovery.catch_up import CatchUpRunner, catch_up_of
from event_bus.recovery.replay_steps import ReplaySteps
from event_bus.stores.replays import ReplayStore

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import NOON, event, replay, subscription
from tests.unit.event_bus.recovery.runners import refusing, stepped

TASKS = FollowedStreams("planner", None, "task", 1)
SECOND_LOOK = "\n"


class Bus:
    """A subscription that follows streams, and the replay that begins them.

    Attributes:
        now: The present time, in Unix seconds.
        pauses: After how many seconds each next step is due.
    """

    def __init__(self, aws: Aws, executor: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
        self.aws, self.lane, self.now = aws, aws.queue(), times.seconds(NOON)
        self.pauses: list[float] = []
        self.messages: list[dict[str, Any]] = []
        monkeypatch.setattr(times, "unix", lambda: self.now)
        monkeypatch.setattr(times, "now", lambda: times.at(self.now))
        monkeypatch.setattr(catch_up, "_PAGE", 2)
        queue: Any = SimpleNamespace(send_message=lambda **sent: self.messages.append(sent))
        move = ReplayStore.move

        def noting(store: ReplayStore, before: Replay, after: Replay, wait: float = 0) -> bool:
            self.pauses.append(wait)
            return move(store, before, after, wait)

        monkeypatch.setattr(ReplayStore, "move", noting)
        self.runner = CatchUpRunner(
            replays=aws.replays,
            subscriptions=aws.subscriptions,
            streams=aws.streams,
            events=aws.events,
            deliveries=aws.deliveries,
            lanes=Lanes(aws.sqs, {"http": self.lane}, executor),
            steps=ReplaySteps(aws.replays, ReplayQueue(queue, "replays")),
        )

    def follow(self, followed: FollowedStreams | None = TASKS, **members: Any) -> None:
        new = subscription(ordered=True, stream=followed, created_at=times.now(), **members)
        self.subscription = self.aws.subscriptions.create(new)
        self.replay = catch_up_of(self.subscription)
        self.aws.replays.add(self.replay)

    def store(self, stream_id: str, *names: str) -> None:
        for name in names:
            stored = event(name, metadata={"stream_id": stream_id})
            self.aws.events.put(replace(stored, created_at=times.now()), RETENTION_DAYS)

    def step(self) -> Replay:
        return stepped(self.aws, self.runner, self.replay.id)

    def sent(self) -> list[str]:
        return sorted(each.event_id for each in self.aws.sent_on(self.lane))


@pytest.fixture
def bus(aws: Aws, executor: Executor, monkeypatch: pytest.MonkeyPatch) -> Bus:
    return Bus(aws, executor, monkeypatch)


@pytest.mark.parametrize(("followed", "source"), [(TASKS, "planner"), (None, None)])
def test_a_catch_up_is_for_its_subscription_alone(
    followed: FollowedStreams | None, source: str | None
) -> None:
    made = catch_up_of(subscription(stream=followed, created_at=NOON))
    assert made == replay(
        made.id,
        service_id="worker",
        audience="worker",
        subscription_id="sub_1",
        event_types=None,
        source=source,
        until=NOON,
        catches_up=True,
    )


def test_all_streams_of_a_category_are_looked_at_twice_page_by_page(bus: Bus) -> None:
    for number in range(5):
        bus.store(f"task/{number}", f"evt_{number}")
    bus.store("order/1", "evt_order")
    bus.follow()
    seen = []
    for _ in range(6):
        bus.now += 1
        after = bus.step()
        assert after.updated_at == times.now()
        seen.append((after.position, bus.sent(), after.examined, after.sent, after.state))
    assert seen == [
        ("task/1", ["evt_0", "evt_1"], 2, 2, "running"),
        ("task/3", ["evt_2", "evt_3"], 4, 4, "running"),
        (SECOND_LOOK, ["evt_4"], 5, 5, "running"),
        (f"{SECOND_LOOK}task/1", ["evt_0", "evt_1"], 7, 7, "running"),
        (f"{SECOND_LOOK}task/3", ["evt_2", "evt_3"], 9, 9, "running"),
        (f"{SECOND_LOOK}task/3", ["evt_4"], 10, 10, "completed"),
    ]
    assert [each["MessageBody"].partition(" ")[0] for each in bus.messages] == [bus.replay.id] * 5


def test_the_second_look_sends_only_what_the_index_may_have_shown_late(bus: Bus) -> None:
    bus.store("task/a", "evt_old")
    bus.now += 1
    bus.store("task/b", "evt_new")
    bus.now += 300
    bus.follow()
    assert (bus.step().position, bus.sent()) == ("task/b", ["evt_new", "evt_old"])
    assert (bus.step().position, bus.sent()) == (SECOND_LOOK, [])
    after = bus.step()
    # Exactly as old as the index may be late is old enough.
    assert (after.examined, after.sent, bus.sent()) == (4, 2, [])
    bus.now += 1
    bus.store("task/c", "evt_later")
    assert (bus.step().state, bus.sent()) == ("completed", ["evt_later"])


def test_a_stream_that_began_while_the_index_was_late_is_sent_again(bus: Bus) -> None:
    bus.store("task/a", "evt_1")
    bus.now += 299
    bus.follow()
    bus.step()
    assert bus.sent() == ["evt_1"]
    assert (bus.step().state, bus.sent()) == ("completed", ["evt_1"])


def test_steps_follow_at_the_rate_and_the_second_look_after_a_minute(bus: Bus) -> None:
    for number in range(3):
        bus.store(f"task/{number}", f"evt_{number}")
    bus.follow()
    slow = replace(bus.replay, rate=1)
    assert bus.aws.replays.move(bus.replay, slow)
    bus.pauses.clear()
    bus.step()
    bus.now += 12
    bus.step()
    assert bus.pauses == [2, 48]
    assert [each["DelaySeconds"] for each in bus.messages] == [2, 48]
    bus.now += 100
    bus.step()
    bus.step()
    assert bus.pauses == [2, 48, 2, 1]


def test_the_second_look_does_not_wait_where_a_minute_has_passed(bus: Bus) -> None:
    bus.store("task/1", "evt_1")
    bus.follow()
    bus.now += 100
    bus.step()
    assert bus.pauses == [1]


def test_a_single_stream_needs_one_message_about_its_last_event(bus: Bus) -> None:
    bus.store("task/1", "evt_1", "evt_2", "evt_3")
    bus.store("task/10", "evt_4")
    bus.follow(FollowedStreams("planner", "task/1", None, 1))
    after = bus.step()
    assert (after.state, after.examined, after.sent) == ("completed", 1, 1)
    assert bus.sent() == ["evt_3"]
    assert bus.messages == []


def test_a_single_stream_that_does_not_exist_yet_needs_none(bus: Bus) -> None:
    bus.follow(FollowedStreams("planner", "task/1", None, 1))
    after = bus.step()
    assert (after.state, after.examined, after.sent, bus.sent()) == ("completed", 0, 0, [])


def test_a_stream_whose_second_event_is_lost_begins_with_its_first(bus: Bus) -> None:
    bus.store("task/1", "evt_1", "evt_2")
    bus.aws.lose_archived("evt_2")
    bus.follow()
    bus.step()
    assert bus.sent() == ["evt_1"]


@pytest.mark.parametrize(
    ("followed", "members"), [(TASKS, {"status": "disabled"}), (None, {}), (TASKS, None)]
)
def test_nothing_is_brought_to_whom_nothing_is_owed(
    bus: Bus, followed: FollowedStreams | None, members: dict[str, Any] | None
) -> None:
    bus.store("task/1", "evt_1")
    bus.follow(followed, **(members or {}))
    if members is None:
        bus.aws.subscriptions.delete(bus.subscription)
    bus.now += 5
    after = bus.step()
    assert after == replace(bus.replay, state="completed", updated_at=times.now())
    assert (bus.sent(), bus.messages) == ([], [])


def test_a_catch_up_looks_again_after_a_while_whether_the_pause_has_ended(bus: Bus) -> None:
    bus.store("task/1", "evt_1")
    bus.follow(status="paused", paused_at=times.now(), pauses=1)
    bus.now += 600
    after = bus.step()
    assert after == replace(bus.replay, updated_at=times.now())
    [wait] = bus.pauses
    assert 300 <= wait <= 600
    assert (bus.sent(), bus.messages) == ([], [])


def test_what_sqs_refuses_becomes_a_dead_letter(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    bus.store("task/1", "evt_1")
    bus.store("task/2", "evt_2")
    bus.follow()
    monkeypatch.setattr(Lanes, "send", refusing("evt_1"))
    after = bus.step()
    assert (after.examined, after.sent, after.unroutable) == (2, 1, 1)
    [letter] = bus.aws.deliveries.of_event("evt_1")[1]
    assert letter.status == "exhausted"
    assert bus.aws.streams.last_version(StreamName("planner", "task/1")) == 1
