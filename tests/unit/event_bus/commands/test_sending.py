"""A request waits for the end of its command, and no longer than it may."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from event_bus import times
from event_bus.access.known_publishers import KnownPublishers
from event_bus.commands.sending import CommandSender, CommandWaiter, Patience
from event_bus.errors import Conflict, TooManyRequests
from event_bus.model import command_record
from event_bus.model.command_record import Command
from event_bus.publishing.client_request import ClientRequest
from event_bus.publishing.intake import Accepted, Intake
from event_bus.publishing.publisher_rights import PublisherRights
from event_bus.stores.commands import CommandStore

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import NOON, event, publisher, service, submission
from tests.unit.event_bus.commands.mocked_commands import (
    Waiting,
    changed,
    records,
    sent,
    waiter,
    waiting,
)

__all__ = ["records", "waiter", "waiting"]


def cancelled(records: CommandStore) -> Command:
    return changed(records, lambda each: command_record.after_cancel(each, "planner"))


def test_a_wait_looks_less_and_less_often(
    aws: Aws, waiter: CommandWaiter, waiting: Waiting
) -> None:
    found = waiter.wait(sent(aws), Patience(5, waiting.slot))
    assert found == Command("evt_1")
    assert waiting.pauses == pytest.approx(
        [0.1, 0.15, 0.225, 0.3375, 0.50625, 0.759375, 1, 1, 0.921875]
    )
    assert (waiting.slots, waiting.held) == (1, 0)


def test_a_wait_ends_with_the_command(
    aws: Aws, waiter: CommandWaiter, waiting: Waiting, records: CommandStore
) -> None:
    command = sent(aws)

    def meanwhile() -> None:
        if len(waiting.pauses) == 2:
            cancelled(records)

    waiting.meanwhile = meanwhile
    assert waiter.wait(command, Patience(5, waiting.slot)).ended == "cancelled"
    assert (len(waiting.pauses), waiting.slots, waiting.held) == (2, 1, 0)


def test_a_command_that_has_ended_is_answered_without_a_slot(
    aws: Aws, waiter: CommandWaiter, waiting: Waiting, records: CommandStore
) -> None:
    command = sent(aws)
    stored = cancelled(records)
    assert waiter.wait(command, Patience(5, waiting.slot)) == stored
    assert (waiting.pauses, waiting.slots) == ([], 0)


def test_a_request_without_a_wait_does_not_wait(
    aws: Aws, waiter: CommandWaiter, waiting: Waiting
) -> None:
    assert waiter.wait(sent(aws), Patience(0, waiting.slot)) == Command("evt_1")
    assert (waiting.pauses, waiting.slots) == ([], 0)


def test_an_end_by_the_deadline_is_stored_before_it_is_shown(
    aws: Aws, waiter: CommandWaiter, records: CommandStore
) -> None:
    shown = waiter.wait(sent(aws, deadline=NOON), Patience())
    assert shown.ended == "expired"
    assert records.get(event()) == shown


def _refused() -> Iterator[None]:
    raise TooManyRequests("too many are waiting", retry_after_seconds=1)


class TestSender:
    """A command is published once a request has its slot."""

    @pytest.fixture
    def sender(self, aws: Aws, executor: Executor, waiter: CommandWaiter) -> CommandSender:
        registered = publisher("planner", "command.*")
        rights = PublisherRights(KnownPublishers({"planner": registered}.get))
        intake = Intake(
            aws.events,
            rights,
            aws.schema_checks,
            aws.seal,
            RETENTION_DAYS,
            executor,
            lambda *_: True,
            aws.handlers.of,
        )
        return CommandSender(intake, waiter)

    def send(
        self,
        sender: CommandSender,
        patience: Patience,
        *,
        require_handler: bool = False,
        **members: Any,
    ) -> tuple[Accepted, Command]:
        ends = {"deadline": times.after(60)}
        return sender.send(
            submission("command.pay", id="planner:1", metadata=ends, **members),
            service("planner"),
            patience,
            request=ClientRequest({"trace_id": "a" * 32}, "192.0.2.1"),
            require_handler=require_handler,
        )

    def test_a_sent_command_is_open_at_first(self, sender: CommandSender) -> None:
        accepted, command = self.send(sender, Patience())
        assert (accepted.repeated, command) == (False, Command("planner:1"))
        assert accepted.event.metadata["trace_id"] == "a" * 32
        assert accepted.event.origin
        assert accepted.event.origin.ip_address == "192.0.2.1"

    def test_a_repetition_shows_how_it_stands(
        self, sender: CommandSender, records: CommandStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(times, "unix", partial(times.seconds, NOON))
        self.send(sender, Patience())
        stored = records.save(command_record.after_cancel(Command("planner:1"), "planner"))
        accepted, command = self.send(sender, Patience())
        assert (accepted.repeated, command) == (True, stored)

    def test_a_waiting_request_holds_one_slot(
        self, sender: CommandSender, waiting: Waiting
    ) -> None:
        _, command = self.send(sender, Patience(1, waiting.slot))
        assert (command.ended, sum(waiting.pauses)) == (None, 1)
        assert (waiting.slots, waiting.held) == (1, 0)

    def test_nothing_is_published_without_a_place(self, aws: Aws, sender: CommandSender) -> None:
        @contextmanager
        def full() -> Iterator[None]:
            yield from _refused()

        with pytest.raises(TooManyRequests):
            self.send(sender, Patience(1, full))
        assert aws.events.get("planner:1") is None

    def test_a_handler_may_be_required(self, aws: Aws, sender: CommandSender) -> None:
        with pytest.raises(Conflict, match="No subscription handles"):
            self.send(sender, Patience(), require_handler=True)
        assert aws.events.get("planner:1") is None
