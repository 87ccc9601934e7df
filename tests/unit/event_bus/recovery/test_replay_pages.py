"""What a step of a replay reads, whom it sends it to, and what it passes over."""

from concurrent.futures import Executor
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from event_bus.model.replay import Replay
from event_bus.queues.lanes import Lanes
from event_bus.queues.message import Message
from event_bus.recovery import replay_runner
from event_bus.recovery.replay_runner import ReplayRunner
from event_bus.routing.registry_view import RegistryView
from event_bus.stores.events import EventStore

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import BESIDE_PLANNER, NOON, event, replay, subscription
from tests.unit.event_bus.recovery import runners


@dataclass
class Bus:
    """Replays on mocked AWS, and those that others continue."""

    aws: Aws
    lane: str
    runner: ReplayRunner
    backlogs: list[Replay] = field(default_factory=list)
    catch_ups: list[Replay] = field(default_factory=list)

    def run(self, **members: Any) -> Replay:
        """Adds a replay, and continues it once."""
        self.aws.replays.add(replay(**members))
        return self.step()

    def step(self, behind: str = "") -> Replay:
        self.runner.step("rpl_1", behind)
        found = self.aws.replays.get("rpl_1")
        assert found
        return found

    def sent(self) -> list[Message]:
        return self.aws.sent_on(self.lane)

    def deliveries(self) -> list[tuple[str, str]]:
        return sorted((each.subscription_id, each.event_id) for each in self.sent())


@pytest.fixture
def bus(aws: Aws, executor: Executor) -> Bus:
    lane = aws.queue()
    backlogs: list[Replay] = []
    catch_ups: list[Replay] = []
    backlog_runner: Any = SimpleNamespace(step=backlogs.append)
    catch_up_runner: Any = SimpleNamespace(step=catch_ups.append)
    runner = runners.replay_runner(aws, executor, lane, backlog_runner, catch_up_runner)
    return Bus(aws, lane, runner, backlogs, catch_ups)


def at(second: int) -> str:
    return f"2026-05-01T12:00:{second:02}.000Z"


def store(aws: Aws, *seconds: int, **members: Any) -> None:
    for second in seconds:
        sent = event(f"evt_{second}", timestamp=at(second), **members)
        aws.events.put(sent, RETENTION_DAYS)


def test_one_event_is_replayed_as_the_replay_of_its_subscribers(aws: Aws, bus: Bus) -> None:
    aws.subscriptions.create(subscription("sub_1"))
    aws.subscriptions.create(subscription("sub_2", event_types=["role.*"]))
    store(aws, 1, 2, 3)
    after = bus.run(event_id="evt_2", event_types=None, since=at(2), until=at(2))
    [message] = bus.sent()
    assert (message.event_id, message.subscription_id, message.replay_id) == (
        "evt_2",
        "sub_1",
        "rpl_1",
    )
    assert (after.state, after.examined, after.sent) == ("completed", 1, 1)
    assert after.position == f"{at(2)}#evt_2"


def test_subscriptions_match_by_payload_source_and_metadata(aws: Aws, bus: Bus) -> None:
    matching: dict[str, dict[str, Any]] = {
        "payload": {"priority": ["high"]},
        "source": {"source": ["planner"]},
        "metadata": {"metadata": {"team": ["x"]}},
    }
    other: dict[str, dict[str, Any]] = {
        "other-payload": {"priority": ["low"]},
        "other-source": {"source": ["other"]},
        "other-metadata": {"metadata": {"team": ["y"]}},
    }
    for name, pattern in (matching | other).items():
        aws.subscriptions.create(subscription(name, filters={"*": pattern}))
    store(aws, 1, payload={"priority": "high"}, metadata={"team": "x"})
    bus.run()
    assert bus.deliveries() == [(name, "evt_1") for name in sorted(matching)]


def test_a_period_begins_with_its_first_moment_and_ends_before_its_last(aws: Aws, bus: Bus) -> None:
    aws.subscriptions.create(subscription("sub_1"))
    store(aws, 1, 2, 3, 4, 5)
    after = bus.run(since=at(2), until=at(4))
    assert [event_id for _, event_id in bus.deliveries()] == ["evt_2", "evt_3"]
    assert (after.examined, after.state) == (2, "completed")


def test_a_long_period_is_replayed_from_its_beginning(
    aws: Aws, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_runner, "MOST_DELIVERIES", 2)
    aws.subscriptions.create(subscription("sub_1"))
    store(aws, 1, 2, 3, 4, 5)
    aws.replays.add(replay(since=at(1), until=at(9)))
    steps = []
    while bus.step().state == "running":
        steps.append([event_id for _, event_id in bus.deliveries()])
    steps.append([event_id for _, event_id in bus.deliveries()])
    assert steps == [["evt_1", "evt_2"], ["evt_3", "evt_4"], ["evt_5"]]


def test_the_events_of_one_source_are_replayed(aws: Aws, bus: Bus) -> None:
    aws.subscriptions.create(subscription("sub_1"))
    store(aws, 1, 3)
    store(aws, 2, source=BESIDE_PLANNER)
    store(aws, 4, source="other")
    after = bus.run(source="planner")
    assert [event_id for _, event_id in bus.deliveries()] == ["evt_1", "evt_3"]
    assert after.sent == 2


def test_what_was_stored_at_the_last_moment_is_replayed(
    aws: Aws, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("event_bus.times.now", lambda: NOON)
    aws.subscriptions.create(subscription("sub_1"))
    store(aws, 1)
    assert bus.run(stored_until=NOON).sent == 1


def test_an_ordered_stream_is_sent_by_its_highest_version(aws: Aws, bus: Bus) -> None:
    aws.subscriptions.create(subscription("sub_1", ordered=True))
    # The list is in the order of timestamps, and the versions are not.
    store(aws, 5, 1, 3, metadata={"stream_id": "task/1"})
    bus.run()
    assert bus.deliveries() == [("sub_1", "evt_3")]


def test_every_refused_message_becomes_a_dead_letter(
    aws: Aws, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.subscriptions.create(subscription("sub_1", ordered=True))
    store(aws, 1, 2, 3, metadata={"stream_id": "task/1"})
    monkeypatch.setattr(Lanes, "send", runners.refusing("evt_3", "evt_1"))
    after = bus.run()
    assert bus.deliveries() == [("sub_1", "evt_2")]
    assert (after.sent, after.unroutable) == (1, 2)
    for name in ("evt_1", "evt_3"):
        [letter] = aws.deliveries.of_event(name)[1]
        assert (letter.status, letter.key.replay_id) == ("exhausted", "rpl_1")


def test_an_event_that_cannot_be_matched_is_passed_over(
    aws: Aws, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.subscriptions.create(subscription("sub_1"))
    store(aws, 1, 2, 3)
    matches = RegistryView.matches

    def failing(view: RegistryView, matched: Any, seen: Any) -> Any:
        if matched.id == "evt_2":
            raise ValueError("a poisonous event")
        return matches(view, matched, seen)

    monkeypatch.setattr(RegistryView, "matches", failing)
    after = bus.run()
    assert [event_id for _, event_id in bus.deliveries()] == ["evt_1", "evt_3"]
    assert (after.state, after.sent, after.unroutable) == ("completed", 2, 1)


def test_a_step_is_repeated_where_s3_does_not_answer(
    aws: Aws, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.subscriptions.create(subscription("sub_1"))
    store(aws, 1)

    def unanswered(*_: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="https://s3.example")

    with monkeypatch.context() as patched:
        patched.setattr(EventStore, "filtered_payload", unanswered)
        with pytest.raises(EndpointConnectionError):
            bus.run()
    assert (bus.step().sent, bus.deliveries()) == (1, [("sub_1", "evt_1")])


@pytest.mark.parametrize(("behind", "sent"), [("", 1), (NOON, 1), (at(1), 0)])
def test_a_message_for_a_step_that_was_made_is_ignored(
    aws: Aws, bus: Bus, behind: str, sent: int
) -> None:
    aws.subscriptions.create(subscription("sub_1"))
    store(aws, 1)
    aws.replays.add(replay())
    assert bus.step(behind).sent == sent


def test_a_replay_that_is_not_there_is_not_continued(bus: Bus) -> None:
    bus.runner.step("rpl_unknown")
    assert bus.sent() == []


@pytest.mark.parametrize("state", ["completed", "cancelled"])
def test_a_replay_that_has_ended_is_not_continued(aws: Aws, bus: Bus, state: Any) -> None:
    aws.subscriptions.create(subscription("sub_1"))
    store(aws, 1)
    assert bus.run(state=state) == replay(state=state)
    assert bus.sent() == []


def test_backlogs_and_catch_ups_are_continued_by_others(aws: Aws, bus: Bus) -> None:
    backlog, catching_up = replay("rpl_1", pause=1), replay("rpl_2", catches_up=True)
    for each in (backlog, catching_up):
        aws.replays.add(each)
        bus.runner.step(each.id)
    assert (bus.backlogs, bus.catch_ups) == ([backlog], [catching_up])
