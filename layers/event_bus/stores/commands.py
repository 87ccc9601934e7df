"""The records of commands, beside the deliveries of each: `#command` in the deliveries table.

A command has no record until it is answered, cancelled, or found to be expired.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from event_bus import times
from event_bus.model.command_record import Command, LateReply, Reply
from event_bus.model.event import Event, is_former
from event_bus.stored import restored
from event_bus.stores.delivery_items import COMMAND
from event_bus.stores.events import EventStore
from event_bus.stores.items import Item, document, number, text
from event_bus.stores.refusals import Outdated
from event_bus.stores.table import Table
from event_bus.stores.transactions import Part, put_alone, transact

if TYPE_CHECKING:
    from event_bus.stores.table import Condition


@dataclass(frozen=True, slots=True)
class CommandStore:
    """Reads and writes the records of commands.

    Attributes:
        table: The deliveries table.
        retention_days: How many days a record is kept.
    """

    table: Table
    retention_days: int = 0

    def get(self, event: Event) -> Command:
        """Returns the record of a command; an open one if there is none."""
        item = self.table.get(_key(event.id), ConsistentRead=True)
        return _of_present(_command(item), event) if item else Command(event.id)

    def get_many(self, events: Iterable[Event]) -> dict[str, Command]:
        """Returns those records of commands that exist, by the commands' ids."""
        by_id = {event.id: event for event in events}
        found = self.table.batch_get([_key(each) for each in by_id], ConsistentRead=True)
        records = [_command(item) for item in found]
        return {each.event_id: _of_present(each, by_id[each.event_id]) for each in records}

    def save(self, command: Command) -> Command:
        """Replaces the record of a command that was read at its version.

        Returns:
            The record as it is stored.

        Raises:
            Outdated: It has changed since it was read.
        """
        stored, part = self._part(command)
        put_alone(part)
        return stored

    def save_with_reply(self, command: Command, reply: Event, events: EventStore) -> Command:
        """Replaces the record of a command, and stores the reply that it names, or neither.

        Args:
            command: The record, with the reply.
            reply: The reply.
            events: Where the reply is stored.

        Raises:
            IdTaken: There is an event with the id of the reply.
            Outdated: The record has changed since it was read.
        """
        events.put_payload(reply)
        stored, part = self._part(command)
        transact([events.adding_part(reply, self.retention_days), part])
        return stored

    def _part(self, command: Command) -> tuple[Command, Part]:
        stored = replace(command, version=command.version + 1)
        condition: Condition = {"ConditionExpression": "attribute_not_exists(event_id)"}
        if command.version:
            condition = {
                "ConditionExpression": "version = :version",
                "ExpressionAttributeValues": {":version": number(command.version)},
            }
        item = {
            **_key(command.event_id),
            "version": number(stored.version),
            "document": document(asdict(stored)),
            "expires_at": number(times.expiry(self.retention_days)),
        }
        return stored, self.table.put_part(item, Outdated(command.event_id), **condition)


def _key(event_id: str) -> Item:
    return {"event_id": text(event_id), "subscription_id": text(COMMAND)}


def _of_present(record: Command, event: Event) -> Command:
    """Returns the record, or an open one if it belongs to a former command with the same id.

    An id may be used again when its event has expired, and a record expires later. The version
    stays, so that the next write replaces the record.
    """
    replied = [*(each.at for each in record.replies), *(each.at for each in record.late)]
    if is_former(max([record.ended_at or "", *replied]), event.created_at):
        return Command(event.id, version=record.version)
    return record


def _command(item: Mapping[str, Any]) -> Command:
    members = orjson.loads(item["document"]["S"])
    members["replies"] = tuple(restored(Reply, each) for each in members["replies"])
    members["late"] = tuple(restored(LateReply, each) for each in members["late"])
    return restored(Command, members)
