"""The record of a command, and how it changes.

A command is an event whose type begins with `command.`. It has at most one handler, which replies
once. Any other event is a request if its metadata says how many replies it expects
(`expect_replies`): each service that receives it may reply once.

This module is the state machine of both, and the only module that changes a `Command`:

| Transition | The command is | It becomes |
|---|---|---|
| `after_reply` | open | open, or with its last reply succeeded or failed |
| `after_deadline` | open | expired |
| `after_cancel` | open | cancelled |
| `after_late_reply` | expired or cancelled | the same, with a note of the late reply |

Succeeded, failed, expired and cancelled are final. An open command whose delivery was given up is
shown as failed too, without a time of its end: a retry of the dead letter opens it again.

The fake bus of the Python client has a copy of this module in its wheel, so it imports only `times`
and the standard library.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from event_bus import times

KEPT_LATE_REPLIES = 10
"""How many late replies of a command are noted."""

EndState = Literal["succeeded", "failed", "expired", "cancelled"]
"""The final states of a command."""

CommandState = Literal["accepted", "delivered", "succeeded", "failed", "expired", "cancelled"]
"""The states of a command, as clients see them."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply to a command.

    Attributes:
        event_id: The reply, which is an event.
        service_id: The service that replied.
        failed: Whether it reports a failure.
        at: When the bus stored it, RFC 3339.
    """

    event_id: str
    service_id: str
    failed: bool
    at: str


@dataclass(frozen=True, slots=True)
class LateReply:
    """A reply that came after a command had expired or was cancelled; it was not stored.

    Attributes:
        service_id: The service that replied.
        at: When it came, RFC 3339.
    """

    service_id: str
    at: str


@dataclass(frozen=True, slots=True)
class Command:
    """The record of a command, besides the event and its deliveries.

    Attributes:
        event_id: The command.
        ended: Its final state; None while it is open.
        ended_at: When it ended, RFC 3339.
        ended_by: The service that cancelled it, if one did.
        replies: Its replies, in the order in which they were stored.
        late: The first late replies.
        version: The number of writes of the record.
    """

    event_id: str
    ended: EndState | None = None
    ended_at: str | None = None
    ended_by: str | None = None
    replies: tuple[Reply, ...] = ()
    late: tuple[LateReply, ...] = ()
    version: int = 0

    def reply_of(self, service_id: str) -> Reply | None:
        """Returns the reply of a service, if it has replied."""
        return next((each for each in self.replies if each.service_id == service_id), None)


def after_reply(command: Command, reply: Reply, expected: int) -> Command:
    """Adds a reply to an open command, and ends it if all expected replies have come.

    Args:
        command: The command.
        reply: The reply of a service that has not replied yet.
        expected: The number of replies that end the command.
    """
    replies = (*command.replies, reply)
    answered = replace(command, replies=replies)
    if len(replies) < expected:
        return answered
    failed = any(each.failed for each in replies)
    return _ended(answered, "failed" if failed else "succeeded")


def after_deadline(command: Command) -> Command:
    """Ends an open command whose deadline has passed."""
    return _ended(command, "expired")


def after_cancel(command: Command, by: str) -> Command:
    """Ends an open command that a service cancels."""
    return replace(_ended(command, "cancelled"), ended_by=by)


def after_late_reply(command: Command, service_id: str) -> Command:
    """Adds a reply that came too late, up to a limit."""
    late = (*command.late, LateReply(service_id, times.now()))
    return replace(command, late=late[:KEPT_LATE_REPLIES])


def state_of(command: Command, statuses: Collection[str]) -> CommandState:
    """Returns the state of a command.

    Args:
        command: Its record.
        statuses: The statuses of its deliveries to those who may reply.
    """
    if command.ended:
        return command.ended
    if "delivered" in statuses:
        return "delivered"
    # Not final: a person may retry a dead letter, and the handler may still reply.
    if statuses and all(each in ("exhausted", "dropped") for each in statuses):
        return "failed"
    return "accepted"


def _ended(command: Command, state: EndState) -> Command:
    return replace(command, ended=state, ended_at=times.now())
