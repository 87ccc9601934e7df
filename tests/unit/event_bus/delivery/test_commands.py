"""A handler receives no command that has ended, and none a second time."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from event_bus import times
from event_bus.model import command_record
from event_bus.model.command_record import Command, Reply
from event_bus.model.event import Event
from event_bus.model.subscription import Subscription
from event_bus.stores.commands import CommandStore
from event_bus.stores.refusals import Outdated

from tests.aws import Aws
from tests.builders import LATER, NOON, event, message, subscription
from tests.interference import before_next
from tests.unit.event_bus.delivery.lanes import LaneRun, run

__all__ = ["run"]

HANDLER = subscription(event_types=["command.pay"], handles=True, delivery_guarantee="exactly_once")
COMMAND = event(event_type="command.pay")

Change = Callable[[Command], Command]


@pytest.fixture
def store(aws: Aws) -> CommandStore:
    return aws.commands


@pytest.fixture
def watched(run: LaneRun, store: CommandStore) -> LaneRun:
    """A lane that looks at the records of commands."""

    def end(command: Event) -> command_record.EndState | None:
        return store.get(command).ended

    runner = replace(run.lane.runner, command_end=end)
    ordered = replace(run.lane.ordered, runner=runner)
    return replace(run, lane=replace(run.lane, runner=runner, ordered=ordered))


ANSWERED = ("command_answered", "the command was answered before this attempt")
CANCELLED = ("command_cancelled", "the command was cancelled")
EXPIRED = ("command_expired", "the deadline of the command has passed")


def error_of(run: LaneRun, replay: str | None = None) -> tuple[str, str]:
    ended = run.outcome(replay=replay)
    assert (ended.status, ended.attempts) == ("dropped", 0)
    return run.error(replay=replay)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda each: command_record.after_cancel(each, "planner"), CANCELLED),
        (command_record.after_deadline, EXPIRED),
        (
            lambda each: command_record.after_reply(each, Reply("r", "worker", False, NOON), 1),
            ANSWERED,
        ),
        (
            lambda each: command_record.after_reply(each, Reply("r", "worker", True, NOON), 1),
            ANSWERED,
        ),
    ],
)
def test_a_command_that_has_ended_is_not_delivered(
    watched: LaneRun, aws: Aws, store: CommandStore, change: Change, error: tuple[str, str]
) -> None:
    to = aws.subscriptions.create(HANDLER)
    store.save(change(Command("evt_1")))
    assert watched.take(message(COMMAND, to)) == []
    assert watched.target.attempted == []
    assert error_of(watched) == error


def test_the_end_of_a_former_command_with_the_same_id_ends_no_other(
    watched: LaneRun, aws: Aws, store: CommandStore
) -> None:
    to = aws.subscriptions.create(HANDLER)
    store.save(Command("evt_1", "succeeded", NOON, replies=(Reply("r", "worker", False, NOON),)))
    watched.take(message(COMMAND, to))
    assert watched.outcome().status == "delivered"


def test_a_command_that_is_cancelled_before_its_claim_is_not_delivered(
    watched: LaneRun, aws: Aws, store: CommandStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = aws.subscriptions.create(HANDLER)
    cancelled = command_record.after_cancel(Command("evt_1"), "planner")
    before_next(aws, monkeypatch, "update_item", lambda: store.save(cancelled))
    watched.take(message(COMMAND, to))
    assert watched.target.attempted == []
    assert error_of(watched) == CANCELLED


def test_other_subscriptions_receive_a_command_in_any_state(
    watched: LaneRun, aws: Aws, store: CommandStore
) -> None:
    observer = aws.subscriptions.create(subscription(event_types=["command.*"]))
    store.save(command_record.after_cancel(Command("evt_1"), "planner"))
    watched.take(message(COMMAND, observer))
    assert watched.outcome().status == "delivered"


@pytest.mark.parametrize(
    ("sent", "to", "delivered"),
    [
        (event(event_type="command.pay", metadata={"deadline": NOON}), HANDLER, False),
        (event(event_type="command.pay", metadata={"deadline": LATER}), HANDLER, True),
        (event(event_type="command.pay", metadata={"deadline": NOON}), subscription(), False),
        (event(metadata={"deadline": NOON}), subscription(), True),
        (event(metadata={"deadline": NOON, "expect_replies": 2}), subscription(), False),
    ],
)
def test_nothing_is_delivered_after_its_deadline(
    watched: LaneRun, aws: Aws, sent: Event, to: Subscription, delivered: bool
) -> None:
    watched.take(message(sent, aws.subscriptions.create(to)))
    if delivered:
        assert watched.outcome().status == "delivered"
        return
    assert watched.target.attempted == []
    assert error_of(watched)[0] == "command_expired"


def test_a_retry_after_the_deadline_is_not_made(
    watched: LaneRun, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = aws.subscriptions.create(HANDLER)
    sent = event(event_type="command.pay", metadata={"deadline": times.after(60)})
    watched.target.script["evt_1"] = ConnectionError()
    watched.take(message(sent, to))
    now = times.unix() + 120
    monkeypatch.setattr(times, "unix", lambda: now)
    tried = len(watched.target.attempted)
    watched.take(message(sent, to, attempt=2), receives=2)
    assert len(watched.target.attempted) == tried
    assert watched.outcome().status == "dropped"


def test_a_replay_brings_no_command_to_its_handler(watched: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(HANDLER)
    watched.take(replace(message(COMMAND, to), replay_id="rpl_1"))
    assert watched.target.attempted == []
    said = "a replay delivers no command to its handler"
    assert error_of(watched, "rpl_1") == ("command_replayed", said)


def test_other_events_cost_no_read_of_a_command(watched: LaneRun, aws: Aws) -> None:
    to = aws.subscriptions.create(subscription(delivery_guarantee="exactly_once"))

    def look(_: Event) -> None:
        raise AssertionError("the record of a command was read")

    runner = replace(watched.lane.runner, command_end=look)
    lane = replace(watched.lane, runner=runner)
    replace(watched, lane=lane).take(message(event(), to))
    assert watched.outcome().status == "delivered"


def test_of_two_changes_of_one_record_the_first_counts(store: CommandStore) -> None:
    read = store.save(command_record.after_cancel(Command("evt_1"), "planner"))
    first = store.save(replace(read, ended_by="one"))
    for outdated in (read, Command("evt_1")):
        with pytest.raises(Outdated):
            store.save(outdated)
    assert store.get(COMMAND) == first
    assert store.save(first).version == 3
