"""The replay of a backlog sends what its pause held, as routing would have sent it."""

from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

import pytest
from event_bus import times
from event_bus.model.delivery import Routing
from event_bus.model.event import MAX_AHEAD_SECONDS, Event
from event_bus.model.replay import Replay
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import Message
from event_bus.queues.replays import ReplayQueue
from event_bus.recovery.backlog_runner import BacklogRunner
from event_bus.recovery.backlogs import backlog_of
from event_bus.recovery.replay_steps import ReplaySteps
from event_bus.stores.replays import ReplayStore
from event_bus.stores.routings import RoutingStore

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import event, subscription
from tests.unit.event_bus.recovery.runners import refusing, stepped

PAUSED_AT = "2026-05-01T12:00:00.000Z"


class Bus:
    """A subscription that was resumed after its second pause, and the replay of its backlog."""

    def __init__(self, aws: Aws, executor: Executor) -> None:
        self.aws, self.lane, self.queue = aws, aws.queue(), aws.queue()
        self.runner = BacklogRunner(
            replays=aws.replays,
            subscriptions=aws.subscriptions,
            events=aws.events,
            routings=aws.routings,
            deliveries=aws.deliveries,
            lanes=Lanes(aws.sqs, {"http": self.lane}, executor),
            steps=ReplaySteps(aws.replays, ReplayQueue(aws.sqs, self.queue)),
            executor=executor,
        )
        paused = subscription(status="paused", paused_at=PAUSED_AT, pauses=2)
        self.replay = backlog_of(paused)
        aws.replays.add(self.replay)
        self.subscription = aws.subscriptions.create(
            replace(paused, status="active", paused_at=None)
        )

    def hold(self, event_id: str, pause: int = 2, **members: Any) -> Event:
        """Stores an event as it is routed to the subscription; held by a pause, unless it is 0."""
        at = {"created_at": PAUSED_AT, "timestamp": PAUSED_AT} | members
        stored = replace(event(event_id), **at)
        self.aws.events.put(stored, RETENTION_DAYS)
        held = {"sub_1": pause} if pause else {}
        routing = Routing(event_id, {"sub_1": "worker"}, PAUSED_AT, held=held)
        self.aws.routings.record([routing])
        return stored

    def change(self, **members: Any) -> None:
        self.subscription = self.aws.subscriptions.update(replace(self.subscription, **members))

    def step(self) -> Replay:
        return stepped(self.aws, self.runner, self.replay.id)

    def sent(self) -> list[Message]:
        return sorted(self.aws.sent_on(self.lane), key=lambda each: each.event_id)


@pytest.fixture
def bus(aws: Aws, executor: Executor) -> Bus:
    return Bus(aws, executor)


def test_held_events_are_sent_as_the_deliveries_that_routing_would_have_made(bus: Bus) -> None:
    held = bus.hold("evt_1")
    bus.hold("evt_2", pause=1)
    bus.hold("evt_3", pause=0)
    done = bus.step()
    assert bus.sent() == [Message("evt_1", "sub_1", "worker", bus.subscription.version, held)]
    assert (done.state, done.sent, done.examined) == ("completed", 1, 3)


def test_an_event_that_two_indexes_hold_is_sent_once(bus: Bus) -> None:
    bus.hold("evt_1", created_at=PAUSED_AT, timestamp="2026-05-01T11:56:00.000Z")
    bus.hold("evt_2", created_at="2026-05-01T12:20:00.000Z", timestamp="2026-05-01T12:01:00.000Z")
    bus.hold("evt_3", created_at=PAUSED_AT, timestamp="2020-01-01T00:00:00.000Z")
    assert bus.step().sent == 3
    assert [each.event_id for each in bus.sent()] == ["evt_1", "evt_2", "evt_3"]


def test_messages_are_spread_by_their_delays(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    delays: list[int] = []

    def send(_lanes: Lanes, messages: list[Message]) -> list[Message]:
        delays.extend(each.delay for each in messages)
        return []

    monkeypatch.setattr(Lanes, "send", send)
    for number in range(5):
        bus.hold(f"evt_{number}")
    bus.aws.replays.move(bus.replay, slow := replace(bus.replay, rate=2))
    bus.replay = slow
    bus.step()
    assert delays == [0, 0, 1, 1, 2]


def test_a_long_backlog_is_sent_page_by_page(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("event_bus.recovery.backlog_runner._DEPTH", 1)
    asked: list[str] = []
    monkeypatch.setattr(ReplayQueue, "send", lambda _, replay_id, *_more: asked.append(replay_id))
    for number in range(6):
        at = times.at(times.seconds(PAUSED_AT) + number)
        bus.hold(f"evt_{number}", created_at=at, timestamp=at)
    steps = 0
    monkeypatch.setattr(times, "after", lambda seconds: f"2026-05-02T12:00:00.{seconds:03}Z")
    while (after := bus.step()).state == "running":
        # The first step moves the end ahead, because held events may have future timestamps.
        assert after.until == f"2026-05-02T12:00:00.{MAX_AHEAD_SECONDS:03}Z"
        steps += 1
        assert asked == [bus.replay.id] * steps
        assert steps < 20
    assert steps > 1
    assert [each.event_id for each in bus.sent()] == [f"evt_{number}" for number in range(6)]


@pytest.mark.parametrize(
    ("members", "state"),
    [
        ({"status": "paused", "paused_at": PAUSED_AT, "pauses": 3}, "running"),
        ({"skipped_pauses": 2}, "cancelled"),
        ({"skipped_pauses": 3, "pauses": 3}, "cancelled"),
    ],
)
def test_nothing_is_sent_during_another_pause_or_when_it_is_skipped(
    bus: Bus, members: dict[str, Any], state: str
) -> None:
    bus.hold("evt_1")
    bus.change(**members)
    assert bus.step().state == state
    assert bus.sent() == []


def test_the_backlog_of_a_disabled_subscription_is_sent_to_its_lane(bus: Bus) -> None:
    """There it becomes a dead letter, like all that is on its way then."""
    bus.hold("evt_1")
    bus.change(status="disabled")
    assert bus.step().sent == 1


def test_a_backlog_ends_with_its_subscription(bus: Bus) -> None:
    bus.hold("evt_1")
    bus.aws.subscriptions.delete(bus.subscription)
    assert bus.step().state == "cancelled"
    assert bus.sent() == []


def test_an_event_that_was_held_a_moment_ago_is_sent(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus.hold("evt_1")
    get_many = RoutingStore.get_many

    def of_the_past(store: RoutingStore, ids: Any, *, consistent: bool = False) -> Any:
        return get_many(store, ids, consistent=True) if consistent else {}

    monkeypatch.setattr(RoutingStore, "get_many", of_the_past)
    assert bus.step().sent == 1


def test_what_sqs_refuses_becomes_a_dead_letter(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("evt_1", "evt_2", "evt_3"):
        bus.hold(name)
    bus.aws.lose_archived("evt_3")
    monkeypatch.setattr(Lanes, "send", refusing("evt_1"))
    done = bus.step()
    assert [each.event_id for each in bus.sent()] == ["evt_2"]
    assert (done.sent, done.unroutable) == (1, 2)
    [letter] = bus.aws.deliveries.of_event("evt_1")[1]
    assert letter.status == "exhausted"


@pytest.mark.parametrize(
    ("members", "shortest", "longest"),
    [
        ({"skipped_pauses": 2}, 0, 0),
        # It has been paused for 600 seconds.
        ({"status": "paused", "paused_at": PAUSED_AT, "pauses": 3}, 300, 600),
    ],
)
def test_a_stopped_backlog_is_looked_at_again_after_a_while(
    bus: Bus,
    monkeypatch: pytest.MonkeyPatch,
    members: dict[str, Any],
    shortest: float,
    longest: float,
) -> None:
    waits: list[float] = []
    move = ReplayStore.move

    def noting(store: ReplayStore, before: Replay, after: Replay, wait: float = 0) -> bool:
        waits.append(wait)
        return move(store, before, after, wait)

    monkeypatch.setattr(ReplayStore, "move", noting)
    bus.change(**members)
    now = times.seconds(PAUSED_AT) + 600
    monkeypatch.setattr(times, "unix", lambda: now)
    monkeypatch.setattr(times, "now", lambda: times.at(now))
    assert bus.step().updated_at == times.at(now)
    [wait] = waits
    assert shortest <= wait <= longest
