"""A command ends at its deadline, unless a reply was stored before."""

import pytest
from event_bus import times
from event_bus.commands import expiring
from event_bus.commands.expiring import expire_if_due
from event_bus.errors import Unavailable
from event_bus.model import command_record
from event_bus.model.command_record import Command, Reply
from event_bus.stores.commands import CommandStore
from event_bus.stores.refusals import Outdated

from tests.aws import Aws
from tests.builders import NOON, event
from tests.unit.event_bus.commands.mocked_commands import changed, records, sent

__all__ = ["records"]


def test_a_reply_in_the_last_moment_counts(aws: Aws, records: CommandStore) -> None:
    command = sent(aws, deadline=NOON)
    read = records.get(event())
    reply = Reply("evt_2", "worker", False, NOON)
    stored = changed(records, lambda each: command_record.after_reply(each, reply, 1))
    assert expire_if_due(records, command, read) == stored


def test_a_late_reply_that_is_noted_at_the_same_time_changes_no_end(
    aws: Aws, records: CommandStore
) -> None:
    command = sent(aws, deadline=NOON)
    read = records.get(event())
    reply = Reply("evt_2", "worker", False, times.now())
    changed(records, lambda each: command_record.after_reply(each, reply, 2))
    shown = expire_if_due(records, command, read)
    assert (shown.ended, shown.replies) == ("expired", (reply,))


def test_an_end_that_other_requests_overtake_every_time_is_not_shown(
    aws: Aws, records: CommandStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = sent(aws, deadline=NOON)

    def refused(_store: CommandStore, record: Command) -> Command:
        raise Outdated(record.event_id)

    monkeypatch.setattr(CommandStore, "save", refused)
    monkeypatch.setattr(expiring, "attempts", lambda: range(2))
    with pytest.raises(Unavailable, match="Other requests changed the command at the same time"):
        expire_if_due(records, command, records.get(event()))
    assert records.get(event()).ended is None
