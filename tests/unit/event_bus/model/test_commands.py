"""The state machine of commands: what ends one, and what does not."""

from dataclasses import replace

import pytest
from event_bus import times
from event_bus.model import command_record
from event_bus.model.command_record import KEPT_LATE_REPLIES, Command, CommandState, Reply, state_of
from event_bus.model.commands import is_over, may_answer
from event_bus.model.delivery import DeliveryStatus

from tests.builders import LATER, NOON, event, subscription

OPEN = Command("evt_1")


def reply(service_id: str = "worker", *, failed: bool = False) -> Reply:
    return Reply(f"{service_id}:reply_1", service_id, failed, NOON)


@pytest.mark.parametrize(("failed", "state"), [(False, "succeeded"), (True, "failed")])
def test_the_reply_of_the_handler_ends_a_command(failed: bool, state: CommandState) -> None:
    ended = command_record.after_reply(OPEN, reply(failed=failed), 1)
    assert (ended.ended, ended.reply_of("worker")) == (state, reply(failed=failed))
    assert ended.ended_at
    assert ended.reply_of("other") is None
    assert state_of(ended, ["exhausted"]) == state


def test_a_request_ends_with_its_last_reply() -> None:
    first = command_record.after_reply(OPEN, reply("a"), 3)
    second = command_record.after_reply(first, reply("b", failed=True), 3)
    assert (first.ended, second.ended, second.ended_at) == (None, None, None)
    third = command_record.after_reply(second, reply("c"), 3)
    assert (third.ended, len(third.replies)) == ("failed", 3)
    expired = command_record.after_deadline(second)
    assert (expired.ended, len(expired.replies)) == ("expired", 2)


def test_a_command_expires_or_is_cancelled() -> None:
    assert command_record.after_deadline(OPEN).ended == "expired"
    cancelled = command_record.after_cancel(OPEN, "planner")
    assert (cancelled.ended, cancelled.ended_by) == ("cancelled", "planner")


def test_late_replies_are_noted_up_to_a_number() -> None:
    command = command_record.after_deadline(OPEN)
    for _ in range(KEPT_LATE_REPLIES + 5):
        command = command_record.after_late_reply(command, "worker")
    assert (command.ended, command.replies) == ("expired", ())
    assert [each.service_id for each in command.late] == ["worker"] * KEPT_LATE_REPLIES


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        ([], "accepted"),
        (["pending"], "accepted"),
        (["retrying"], "accepted"),
        (["delivered"], "delivered"),
        (["exhausted"], "failed"),
        (["dropped"], "failed"),
        (["exhausted", "retrying"], "accepted"),
        (["exhausted", "delivered"], "delivered"),
    ],
)
def test_an_open_command_is_where_its_deliveries_are(
    statuses: list[DeliveryStatus], state: CommandState
) -> None:
    assert state_of(OPEN, statuses) == state


@pytest.mark.parametrize(
    ("event_type", "metadata", "over"),
    [
        ("command.pay", {}, False),
        ("command.pay", {"deadline": NOON}, True),
        ("command.pay", {"deadline": "2026-05-01T14:00:00+02:00"}, True),
        ("command.pay", {"deadline": LATER}, False),
        # What a deadline meant before the bus read any.
        ("command.pay", {"deadline": "soon"}, False),
        ("task.created", {"deadline": NOON}, False),
        ("task.created", {"deadline": NOON, "expect_replies": 2}, True),
        ("commander.pay", {"deadline": NOON}, False),
    ],
)
def test_only_what_is_answered_has_a_deadline(
    event_type: str, metadata: dict[str, object], over: bool
) -> None:
    asked = event("evt_1", event_type, metadata=metadata)
    assert is_over(asked) is over
    assert times.now() > NOON


def test_only_the_handler_answers_a_command_and_every_subscriber_a_request() -> None:
    observer = subscription()
    handler = replace(observer, handles=True)
    command, request = event(event_type="command.pay"), event(metadata={"expect_replies": 2})
    assert [may_answer(command, each) for each in (observer, handler)] == [False, True]
    assert may_answer(request, observer)
    assert not may_answer(event(), handler)
