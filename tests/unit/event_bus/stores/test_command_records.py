"""A command does not take over the record of a former command with the same id."""

from dataclasses import replace

import pytest
from event_bus import times
from event_bus.model.command_record import Command, LateReply, Reply, after_cancel
from event_bus.model.event import Event
from event_bus.stores.refusals import Outdated

from tests.aws import Aws
from tests.builders import event

STORED = "2026-03-01T12:00:00.000Z"
COMMAND = replace(event(event_type="command.pay"), created_at=STORED)


def before(seconds: float) -> str:
    return times.at(times.seconds(STORED) - seconds)


def ended(at: str) -> Command:
    return Command("evt_1", "expired", at)


@pytest.mark.parametrize(
    ("record", "is_former"),
    [
        (ended(before(86_400)), True),
        (ended(before(61)), True),
        # The clocks of functions differ.
        (ended(before(59)), False),
        (ended(STORED), False),
        (Command("evt_1", replies=(Reply("r", "worker", False, before(3_600)),)), True),
        (Command("evt_1", replies=(Reply("r", "worker", False, STORED),)), False),
        (replace(ended(before(3_600)), late=(LateReply("worker", before(3_500)),)), True),
        (replace(ended(before(3_600)), late=(LateReply("worker", before(-5)),)), False),
    ],
)
def test_a_record_from_before_the_command_belongs_to_a_former_command(
    aws: Aws, record: Command, *, is_former: bool
) -> None:
    stored = aws.commands.save(record)
    expected = Command("evt_1", version=1) if is_former else stored
    assert aws.commands.get(COMMAND) == expected
    assert aws.commands.get_many([COMMAND]) == {"evt_1": expected}


def test_the_next_change_replaces_the_record_of_a_former_command(aws: Aws) -> None:
    aws.commands.save(replace(ended(before(86_400)), late=(LateReply("worker", before(80_000)),)))
    cancelled = aws.commands.save(after_cancel(aws.commands.get(COMMAND), "planner"))
    assert cancelled.late == ()
    assert aws.commands.get(COMMAND) == cancelled
    # Of two such changes, the first counts.
    with pytest.raises(Outdated):
        aws.commands.save(after_cancel(Command("evt_1", version=1), "other"))


def test_without_the_time_of_the_command_any_record_counts(aws: Aws) -> None:
    stored = aws.commands.save(ended(before(86_400)))
    undated: Event = replace(COMMAND, created_at="")
    assert aws.commands.get(undated) == stored
