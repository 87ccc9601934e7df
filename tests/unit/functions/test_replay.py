"""A replay goes on by what there is of it, and passes over what there is beside."""

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


def test_what_is_beside_a_quiet_source_is_passed_over(functions: Functions, aws: Aws) -> None:
    for number in range(150):
        at = f"2026-05-01T12:00:00.{number:03}Z"
        stored = event(f"evt_{number:03}", source=BESIDE_PLANNER, timestamp=at)
        aws.events.put(stored, RETENTION_DAYS)
    aws.replays.add(replay("rpl_quiet", source="planner"))
    aws.replays.add(replay("rpl_busy", source=BESIDE_PLANNER))
    assert steps(functions, aws, "rpl_quiet") == 1
    assert steps(functions, aws, "rpl_busy") > 2
