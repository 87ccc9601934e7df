"""A replay continues by its messages, and skips events that are not its own."""

import pytest
from event_bus import times
from event_bus.queues.replays import ReplayQueue
from event_bus.recovery.replay_runner import ReplayRunner

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import BESIDE_PLANNER, event, replay
from tests.handlers import Functions


def steps(functions: Functions, aws: Aws, replay_id: str) -> int:
    """How often the function is called until a replay is completed."""
    for turn in range(9):
        found = aws.replays.get(replay_id)
        assert found is not None
        if found.state == "completed":
            return turn
        functions.load("replay")._runner.step(replay_id)
    raise AssertionError("it does not end")


def test_events_of_a_busy_neighbour_are_skipped_in_one_step(functions: Functions, aws: Aws) -> None:
    for number in range(150):
        at = f"2026-05-01T12:00:00.{number:03}Z"
        stored = event(f"evt_{number:03}", source=BESIDE_PLANNER, timestamp=at)
        aws.events.put(stored, RETENTION_DAYS)
    aws.replays.add(replay("rpl_quiet", source="planner"))
    aws.replays.add(replay("rpl_busy", source=BESIDE_PLANNER))
    assert steps(functions, aws, "rpl_quiet") == 1
    assert steps(functions, aws, "rpl_busy") > 2


def test_messages_that_an_invocation_has_no_time_for_are_sent_again(
    functions: Functions, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaying = functions.load("replay")
    taken: list[str] = []
    clock = [0.0]

    def step(_runner: object, replay_id: str, _behind: str) -> None:
        taken.append(replay_id)
        clock[0] += 15

    monkeypatch.setattr(ReplayRunner, "step", step)
    monkeypatch.setattr(times, "steady", lambda: clock[0])
    bodies = ["rpl_1", "rpl_2", "rpl_3", '{"stream":["planner","task/1"]}']
    records = [
        {"messageId": each, "body": each, "attributes": {"MessageGroupId": f"of {place}"}}
        for place, each in enumerate(bodies)
    ]
    assert functions.invoke("replay", {"Records": records}) == {"batchItemFailures": []}
    assert taken == ["rpl_1", "rpl_2"]
    # As new messages, so that the queue does not count the receipts of those that only waited.
    assert sorted(aws.take(replaying._queue.url)) == sorted(bodies[2:])


def test_a_message_that_is_sent_again_stays_in_its_group(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, str]] = []
    clock = iter([0.0, 30.0, 30.0])
    monkeypatch.setattr(times, "steady", lambda: next(clock))
    monkeypatch.setattr(ReplayQueue, "send", lambda _, body, group: sent.append((body, group)))
    records = [
        {"messageId": "m-1", "body": "rpl_1", "attributes": {"MessageGroupId": "worker"}},
        # An earlier release has sent it.
        {"messageId": "m-2", "body": "rpl_2", "attributes": {}},
    ]
    assert functions.invoke("replay", {"Records": records}) == {"batchItemFailures": []}
    assert sent == [("rpl_1", "worker"), ("rpl_2", "m-2")]
