"""Finds, replies to and cancels commands, as far as the caller may."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from event_bus.access.callers import Caller
from event_bus.access.event_visibility import VisibleEvents
from event_bus.commands.expiring import expire_if_due
from event_bus.commands.sending import CommandWaiter, Patience
from event_bus.conflicts import attempts
from event_bus.errors import Conflict, Forbidden, NotFound, Unavailable
from event_bus.model.command_record import Command, CommandState, after_cancel, state_of
from event_bus.model.delivery import Delivery, DeliveryError
from event_bus.model.event import Event
from event_bus.publishing.client_request import ClientRequest
from event_bus.publishing.replying import PendingReply, ReplyContent, Replying, StoredReply
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.delivery_items import of_present, routing_of_present
from event_bus.stores.events import EventStore
from event_bus.stores.handlers import Handler, HandlerStore
from event_bus.stores.refusals import Outdated

MAX_REPLIES_BYTES = 4 * 1024 * 1024
"""The most bytes of payloads of replies that one request reads."""


@dataclass(frozen=True, slots=True)
class FoundCommand:
    """A command with its state, deliveries and replies.

    Attributes:
        event: The command.
        record: Its record.
        state: Its state.
        routed: Whether it was routed.
        handler: Its handler; None for a request, and for a command without one.
        deliveries: Its deliveries to services that may reply.
        replies: Its replies that the caller may see, as events. The first ones have their payloads,
            up to `MAX_REPLIES_BYTES`.
        error: The error of its dead letter, if this is why it failed.
    """

    event: Event
    record: Command
    state: CommandState
    routed: bool = False
    handler: Handler | None = None
    deliveries: tuple[Delivery, ...] = ()
    replies: tuple[Event, ...] = ()
    error: DeliveryError | None = None


@dataclass(frozen=True, slots=True)
class Commands:
    """Finds, answers and cancels commands.

    Attributes:
        events: The events.
        deliveries: Their deliveries.
        handlers: The handlers of commands.
        visible: The events that a caller may see.
        waiter: Waits for the ends of commands.
        replying: Stores replies.
    """

    events: EventStore
    deliveries: DeliveryStore
    handlers: HandlerStore
    visible: VisibleEvents
    waiter: CommandWaiter
    replying: Replying

    def get(self, command_id: str, caller: Caller, patience: Patience) -> FoundCommand:
        """Returns a command when it has ended or the wait is over.

        Raises:
            NotFound: There is none with this id that the caller may see.
            TooManyRequests: The request would have to wait, and too many are waiting.
        """
        event = self._event(command_id, caller)
        return self.found(event, self.waiter.wait(event, patience), caller)

    def found(self, event: Event, record: Command, caller: Caller) -> FoundCommand:
        """Returns a command whose record was already read."""
        recorded, deliveries = self.deliveries.of_event(event.id)
        routing = routing_of_present(recorded, event)
        handler = None
        if event.is_command:
            if routing and routing.handler:
                handler = Handler(routing.handler, routing.matched[routing.handler])
            deliveries = [each for each in deliveries if handler and _is_of(each, handler)]
        deliveries = [
            each for each in deliveries if each.key.replay_id is None and of_present(each, event)
        ]
        state = state_of(record, [each.status for each in deliveries])
        given_up = state == "failed" and record.ended is None
        return FoundCommand(
            event=event,
            record=record,
            state=state,
            routed=routing is not None,
            handler=handler,
            deliveries=tuple(deliveries),
            replies=self._replies(event, record, caller),
            error=deliveries[0].last_error if given_up else None,
        )

    def cancel(self, command_id: str, caller: Caller) -> FoundCommand:
        """Cancels a command that has not ended; afterwards no delivery to its handler begins.

        Raises:
            NotFound: There is none with this id that the caller may see.
            Forbidden: The caller has not sent it.
            Conflict: It has ended.
            Unavailable: In every attempt, another request changed the record first.
        """
        event = self._event(command_id, caller)
        if not _sent_by(event, caller):
            raise Forbidden(
                f"Only {event.source}, which sent the command, may cancel it.",
                reason="other_service",
            )
        commands = self.waiter.commands
        for _ in attempts():
            record = expire_if_due(commands, event, commands.get(event))
            if record.ended == "cancelled":
                return self.found(event, record, caller)
            if record.ended:
                raise Conflict(f"The command {event.id} has ended: it {_SAID[record.ended]}.")
            try:
                stored = commands.save(after_cancel(record, caller.service_id))
            except Outdated:
                continue
            return self.found(event, stored, caller)
        raise Unavailable.overtaken("the command")

    def reply(
        self, command_id: str, answer: ReplyContent, caller: Caller, request: ClientRequest
    ) -> StoredReply:
        """Stores the reply of the caller's service to a command.

        Raises:
            NotFound: There is none with this id that the caller may see.
            Forbidden: The caller's service does not handle the command.
            Conflict: The service has given another reply, or the command has ended.
        """
        event = self._event(command_id, caller)
        if not self._may_reply(event, caller):
            raise Forbidden(
                f"{caller.service_id} is not the service that handles the command {event.id}; only "
                "that service replies.",
                reason="other_service",
            )
        origin = request.origin(caller)
        pending = PendingReply(event, caller.service_id, answer, origin, request.trace)
        return self.replying.reply(pending)

    def _event(self, command_id: str, caller: Caller) -> Event:
        """Returns a command that the caller has sent, may read or may reply to."""
        event = self.events.get_many([command_id]).get(command_id)
        if event is None or event.expected_replies is None:
            raise _not_found(command_id)
        if _sent_by(event, caller) or self._may_reply(event, caller):
            return event
        if self.visible.sees(event, caller):
            return event
        raise _not_found(command_id)

    def _may_reply(self, event: Event, caller: Caller) -> bool:
        if caller.admin:
            return False
        if not event.is_command:
            return event.source != caller.service_id and self.visible.sees(event, caller)
        routing = self.visible.routings.of(event)
        if routing is None:
            # The router sends a command before it records the handler, so a reply may come before
            # the record.
            handler = self.handlers.of(event.type)
            return handler is not None and handler.service_id == caller.service_id
        return routing.handler is not None and routing.matched[routing.handler] == caller.service_id

    def _replies(self, event: Event, record: Command, caller: Caller) -> tuple[Event, ...]:
        all_seen = _sent_by(event, caller)
        ids = [
            each.event_id
            for each in record.replies
            if all_seen or each.service_id == caller.service_id
        ]
        if not ids:
            return ()
        found = self.events.get_many(ids)
        replies: list[Event] = []
        size = 0
        for reply in (found[each] for each in ids if each in found):
            size += reply.payload_bytes
            if replies and size > MAX_REPLIES_BYTES:
                replies.append(replace(reply, payload=None))
            elif whole := self.events.whole(reply):
                replies.append(whole)
        return tuple(replies)


_SAID: Mapping[str, Any] = {
    "succeeded": "succeeded",
    "failed": "failed",
    "expired": "has expired",
}


def _is_of(delivery: Delivery, handler: Handler) -> bool:
    return delivery.key.subscription_id == handler.subscription_id


def _sent_by(event: Event, caller: Caller) -> bool:
    return caller.admin or event.source == caller.service_id


def _not_found(command_id: str) -> NotFound:
    return NotFound.of(f"command {command_id}")
