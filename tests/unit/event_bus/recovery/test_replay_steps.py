"""A replay continues from what its last step has stored, at the rate that was asked for."""

from types import SimpleNamespace
from typing import Any

import pytest
from event_bus import times
from event_bus.model.replay import Replay
from event_bus.queues.replays import ReplayQueue
from event_bus.recovery.replay_steps import ReplaySteps
from event_bus.stores.listings import ListedEvent, ListPage
from event_bus.stores.replays import ReplayStore

from tests.aws import Aws
from tests.builders import LATER, NOON, replay

ENTRIES = [ListedEvent(f"{NOON}#evt_{n}", f"evt_{n}", "", "", None, None) for n in (1, 2, 3)]


class Bus:
    """Steps of replays, the messages for their next steps, and the stored pauses before these."""

    def __init__(self, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
        self.messages: list[dict[str, Any]] = []
        self.pauses: list[float] = []
        queue: Any = SimpleNamespace(send_message=lambda **sent: self.messages.append(sent))
        self.steps = ReplaySteps(aws.replays, ReplayQueue(queue, "replays"))
        move = ReplayStore.move

        def noting(store: ReplayStore, before: Replay, after: Replay, wait: float = 0) -> bool:
            self.pauses.append(wait)
            return move(store, before, after, wait)

        monkeypatch.setattr(ReplayStore, "move", noting)


@pytest.fixture
def bus(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Bus:
    monkeypatch.setattr(times, "now", lambda: LATER)
    return Bus(aws, monkeypatch)


def page(reached: str | None) -> ListPage:
    return ListPage(ENTRIES, reached, 9)


@pytest.mark.parametrize(
    ("sent", "refused", "pause"),
    [(0, 0, 0), (1, 0, 1), (10, 0, 1), (7, 4, 2), (0, 11, 2), (100_000, 0, 900)],
)
def test_a_step_is_followed_after_the_time_that_its_deliveries_may_take(
    aws: Aws, bus: Bus, sent: int, refused: int, pause: int
) -> None:
    before = replay(rate=10, examined=5, sent=20, unroutable=2)
    aws.replays.add(before)
    bus.steps.end(before, page("here"), sent=sent, refused=refused, unroutable=3)
    [message] = bus.messages
    # Only the step that follows this one takes the message.
    assert (message["MessageBody"], message["MessageGroupId"]) == (f"rpl_1 {LATER}", "planner")
    assert (message["DelaySeconds"], bus.pauses) == (pause, [pause])
    after = aws.replays.get("rpl_1")
    assert after
    assert (after.state, after.updated_at, after.until) == ("running", LATER, before.until)
    assert (after.examined, after.sent, after.unroutable) == (8, 20 + sent, 5)
    assert after.position == "here"


def test_the_step_that_reaches_the_end_completes_the_replay(aws: Aws, bus: Bus) -> None:
    aws.replays.add(replay())
    bus.steps.end(replay(), page(None), sent=3, refused=0, unroutable=0, until=NOON)
    after = aws.replays.get("rpl_1")
    assert after
    assert (after.state, after.until, after.sent) == ("completed", NOON, 3)
    assert after.position == ENTRIES[-1].position
    assert bus.messages == []


def test_an_empty_page_leaves_the_position(aws: Aws, bus: Bus) -> None:
    before = replay(position="there")
    aws.replays.add(before)
    bus.steps.end(before, ListPage([], None, 0), sent=0, refused=0, unroutable=0)
    after = aws.replays.get("rpl_1")
    assert after
    assert (after.position, after.examined) == ("there", 0)


def test_a_replay_that_was_changed_meanwhile_is_left_alone(aws: Aws, bus: Bus) -> None:
    aws.replays.add(replay(state="cancelled"))
    bus.steps.end(replay(), page("here"), sent=3, refused=0, unroutable=0)
    found = aws.replays.get("rpl_1")
    assert found
    assert (found.state, found.sent) == ("cancelled", 0)
    assert bus.messages == []


def test_the_next_step_follows_at_once_unless_a_pause_is_named(aws: Aws, bus: Bus) -> None:
    aws.replays.add(replay())
    bus.steps.store(replay(), replay(sent=1, updated_at=LATER))
    [message] = bus.messages
    assert (message["DelaySeconds"], bus.pauses) == (0, [0])
