"""Ends commands whose deadline has passed.

No timer ends a command. The router, the lanes and the inboxes check its deadline before a
delivery. A request that reads or cancels the command after its deadline stores the end, by this
module. A late reply stores the end as well (`publishing/replying.py`).
"""

from event_bus.conflicts import attempts
from event_bus.errors import Unavailable
from event_bus.model.command_record import Command, after_deadline
from event_bus.model.commands import is_over
from event_bus.model.event import Event
from event_bus.stores.commands import CommandStore
from event_bus.stores.refusals import Outdated


def expire_if_due(commands: CommandStore, event: Event, record: Command) -> Command:
    """Ends a command whose deadline has passed, and returns the stored record.

    It stores the end before a client sees it, so that no later reply contradicts the answer.

    Args:
        commands: The records of commands.
        event: The command.
        record: Its record, as it was read.

    Raises:
        Unavailable: In every attempt, another request changed the record first.
    """
    if record.ended or not is_over(event):
        return record
    for _ in attempts():
        try:
            return commands.save(after_deadline(record))
        except Outdated:
            record = commands.get(event)
            if record.ended:
                return record
    raise Unavailable.overtaken("the command")
