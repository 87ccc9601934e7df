"""Replies to commands: each is an event of its own, stored together with the command's record."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from event_bus.conflicts import attempts
from event_bus.encryption.payload_seal import PayloadSeal
from event_bus.errors import Conflict, Unavailable
from event_bus.log import logger, traces
from event_bus.model import command_record as transitions
from event_bus.model.command_record import Command, Reply
from event_bus.model.command_types import reply_address
from event_bus.model.commands import is_over
from event_bus.model.event import Event, EventOrigin
from event_bus.model.metadata_members import REPLY_FOR, REPLY_STATUS
from event_bus.publishing.publisher_rights import PublisherRights
from event_bus.publishing.schema_checks import SchemaChecks
from event_bus.requests.event import EventSubmission, accept
from event_bus.requests.validation import read
from event_bus.stores.commands import CommandStore
from event_bus.stores.events import EventStore
from event_bus.stores.refusals import IdTaken, Outdated

_ATTEMPTS = 13


class TooLate(Conflict):
    """A reply to a command that has expired or was cancelled; it is not stored."""


@dataclass(frozen=True, slots=True)
class ReplyContent:
    """The reply of a service to a command, before it is an event.

    Attributes:
        payload: The payload of the reply; problem details (RFC 9457) if it failed.
        failed: Whether it reports a failure.
    """

    payload: dict[str, Any]
    failed: bool = False


@dataclass(frozen=True, slots=True)
class PendingReply:
    """A reply of a service to a command, before it is stored.

    Attributes:
        command: The command.
        service_id: The service that replies; its right to reply is already checked.
        answer: The reply.
        origin: The request that sent the reply, for the audit log.
        trace: The trace context of the reply, as metadata.
    """

    command: Event
    service_id: str
    answer: ReplyContent
    origin: EventOrigin | None = None
    trace: Mapping[str, str] | None = None

    @property
    def address(self) -> str:
        """The type of the reply."""
        return reply_address(self.command.source, self.command.metadata.get("reply_to"))

    def event(self) -> Event:
        """Returns the reply as its service would publish it.

        Raises:
            InvalidRequest: The reply is not a valid event.
            TooLarge: The payload is too large.
        """
        command = self.command
        submission = {
            "id": reply_id(self.service_id, command.id),
            "type": self.address,
            "payload": self.answer.payload,
            "metadata": reply_metadata(command),
        }
        parsed = read(EventSubmission, submission)
        event = replace(accept(parsed, self.service_id, "", self.trace or {}), origin=self.origin)
        if trace_id := command.metadata.get("trace_id"):
            event = replace(event, metadata={"trace_id": trace_id, **event.metadata})
        return event

    def related(self, event: Event) -> Event:
        """Returns the event of the reply with the metadata that only the bus may set."""
        command = self.command
        hops = command.shown_hops + 1
        metadata = {
            **event.metadata,
            "hop_count": hops,
            REPLY_STATUS: "failed" if self.answer.failed else "succeeded",
        }
        if self.address.partition(".")[0] == command.source:
            # At any other address, the reply is received like an ordinary event.
            metadata[REPLY_FOR] = command.source
        hidden = command.hop_count + 1
        return replace(event, metadata=metadata, hidden_hops=hidden if hidden > hops else 0)


@dataclass(frozen=True, slots=True)
class StoredReply:
    """A reply that is stored.

    Attributes:
        event: The reply.
        repeated: Whether an earlier request with the same content has stored it.
    """

    event: Event
    repeated: bool


@dataclass(frozen=True, slots=True)
class Replying:
    """Stores replies.

    Attributes:
        events: The events.
        commands: The records of commands.
        rights: Knows what publishers have marked as sensitive.
        schemas: Checks replies by the schemas of their types.
        seal: Seals what is sensitive.
    """

    events: EventStore
    commands: CommandStore
    rights: PublisherRights
    schemas: SchemaChecks
    seal: PayloadSeal

    def reply(self, pending: PendingReply) -> StoredReply:
        """Stores the reply of a service to a command; each service replies once.

        One transaction stores the reply and the record of the command. So every stored reply
        changes the command, and no reply is stored after its end.

        Raises:
            InvalidRequest: The reply is not a valid event.
            TooLarge: The payload is too large.
            TooLate: The command has expired or was cancelled.
            Conflict: The service has given another reply, or the command has all its replies.
            Unavailable: In every attempt, another request changed the record first.
        """
        event = self._event(pending)
        command, service_id, answer = pending.command, pending.service_id, pending.answer
        for _ in attempts(_ATTEMPTS):
            record = self.commands.get(command)
            if given := record.reply_of(service_id):
                return self._repeated(given, event, answer)
            try:
                self._refuse_late(command, record, service_id)
                reply = Reply(event.id, service_id, answer.failed, event.created_at)
                expected = command.expected_replies or 1
                answered = transitions.after_reply(record, reply, expected)
                self.commands.save_with_reply(answered, event, self.events)
            except Outdated:
                continue
            except IdTaken:
                if self.commands.get(command).reply_of(service_id):
                    continue
                raise Conflict(f"Another event has the id of the reply, {event.id}.") from None
            logger.info("command answered", **traces(event), failed=answer.failed)
            return StoredReply(event, repeated=False)
        raise Unavailable.overtaken("the command")

    def _refuse_late(self, command: Event, record: Command, service_id: str) -> None:
        if record.ended is None and is_over(command):
            record = transitions.after_deadline(record)
        if record.ended is None:
            return
        if record.ended in ("succeeded", "failed"):
            raise Conflict(f"The command {command.id} has all the replies that it expects.")
        self.commands.save(transitions.after_late_reply(record, service_id))
        said = "expired" if record.ended == "expired" else "was cancelled"
        raise TooLate(f"The command {command.id} {said} before its reply, which is not stored.")

    def _repeated(self, given: Reply, event: Event, answer: ReplyContent) -> StoredReply:
        stored = self.events.get_many([given.event_id]).get(given.event_id)
        if stored and given.failed == answer.failed and self.seal.is_digest(event.digest, stored):
            return StoredReply(stored, repeated=True)
        raise Conflict(f"The service has replied already, by {given.event_id}.")

    def _event(self, pending: PendingReply) -> Event:
        """Returns the reply as it is stored. Its payload is checked, unless the command failed."""
        event, answer = pending.event(), pending.answer
        sensitive = self.rights.sensitive_in(pending.service_id, pending.address)
        if not answer.failed:
            event, _ = self.schemas.checked(event, answer.payload, "", sensitive)
        event = pending.related(event)
        return self.seal.close(event, sensitive) if sensitive else event


def reply_id(service_id: str, answered: str) -> str:
    """Returns the id of a reply, the same each time that the service replies.

    It begins with the name of the service, so no other service can take it first.

    Args:
        service_id: The service that replies.
        answered: A text that identifies what it replies to.
    """
    return f"{service_id}:reply_{hashlib.sha256(answered.encode()).hexdigest()[:32]}"


def reply_metadata(event: Event) -> dict[str, Any]:
    """Returns the members of a reply's metadata that relate it to the event."""
    return {
        "correlation_id": event.metadata.get("correlation_id") or event.id,
        "causation_id": event.id,
    }


def problem(kind: str, title: str, status: int, detail: str) -> dict[str, Any]:
    """Makes problem details (RFC 9457) that the bus itself puts into a reply or an answer.

    Args:
        kind: The last part of the problem's type.
        title: The kind of problem in words.
        status: An HTTP status that describes it.
        detail: What went wrong.
    """
    return {
        "type": f"urn:event-bus:problem:{kind}",
        "title": title,
        "status": status,
        "detail": detail,
    }
