"""Commands, with their states and replies."""

from collections.abc import Iterable
from typing import Annotated, Literal, cast

from pydantic import Field
from typing_extensions import TypeAliasType, TypedDict

from event_bus import json_numbers
from event_bus.api.documents.events import DeliveredEvent
from event_bus.api.documents.members import Object, Time
from event_bus.commands.finding import FoundCommand
from event_bus.model import event as model
from event_bus.model.command_record import CommandState
from event_bus.model.event import Event
from event_bus.model.metadata_members import REPLY_STATUS
from event_bus.paging import MAX_PAGE_BYTES, answered_bytes
from event_bus.publishing.replying import problem

CommandError = TypeAliasType(
    "CommandError",
    Annotated[
        Object,
        Field(description="Problem details (RFC 9457): the handler's, or those of the bus."),
    ],
)


class CommandHandler(TypedDict):
    """The handler of a command.

    Attributes:
        subscription_id: The subscription of the handler.
        service_id: The service that owns it.
    """

    subscription_id: str
    service_id: str


class CommandReply(TypedDict):
    """A reply to a command.

    Attributes:
        service_id: The service that replied.
        status: Whether the reply reports a success.
    """

    service_id: str
    status: Literal["succeeded", "failed"]
    at: Annotated[Time, Field(description="When the reply was stored.")]
    event: Annotated[DeliveredEvent, Field(description="The reply.")]


class LateReply(TypedDict):
    """A reply that came after the end of a command, and was not stored.

    Attributes:
        service_id: The service that replied.
        at: When the reply came.
    """

    service_id: str
    at: Time


class Command(TypedDict):
    """A command, or a request for several replies, with its state and replies.

    Attributes:
        id: The command: the id of its event.
        type: The type of the event.
        source: The service that sent it.
        deadline: The time after which it is not delivered any more; null for none.
        expected_replies: How many replies end it.
        cancelled_by: The service that cancelled it, or `admin`; null if nobody did.
        created_at: When the bus stored it.
    """

    id: str
    type: str
    source: str
    state: Annotated[
        CommandState,
        Field(
            description="`delivered`: the handler has it, and has not replied. `succeeded`, "
            "`failed`, `expired` and `cancelled` are final if `ended_at` is set. `failed` without "
            "`ended_at`: the delivery was given up, and a retry of its dead letter opens the "
            "command again."
        ),
    ]
    deadline: Time | None
    expected_replies: int
    routed: Annotated[bool, Field(description="Whether it was routed.")]
    handler: Annotated[
        CommandHandler | None,
        Field(description="The handler that it was routed to; null if there is none."),
    ]
    reply: Annotated[
        DeliveredEvent | None, Field(description="The first reply that the key may see.")
    ]
    replies: Annotated[
        list[CommandReply],
        Field(
            description="The replies that the key may see and whose retention has not ended. A "
            "reply for which the answer has no room has no payload; read it by its id."
        ),
    ]
    error: Annotated[
        CommandError | None, Field(description="Why it has failed, expired or was cancelled.")
    ]
    late_replies: Annotated[
        list[LateReply], Field(description="The first replies that came too late.")
    ]
    cancelled_by: str | None
    created_at: Time
    delivered_at: Annotated[Time | None, Field(description="When its delivery first succeeded.")]
    ended_at: Annotated[
        Time | None,
        Field(description="When it ended; null while its state may change."),
    ]


class Replied(TypedDict):
    """A reply that is stored.

    Attributes:
        source: The service that replied.
        command_id: The command.
        status: Whether the reply reports a success.
        created_at: When the bus stored the reply.
    """

    id: Annotated[str, Field(description="The reply, which is an event.")]
    type: Annotated[str, Field(description="The address: the type of the reply.")]
    source: str
    command_id: str
    status: Literal["succeeded", "failed"]
    created_at: Time


def command_document(found: FoundCommand) -> Command:
    """Returns a command and its result; its replies are open as far as the caller may read."""
    event, record = found.event, found.record
    error = _error(found)
    events = _that_fit(found.replies, answered_bytes(error))
    shown = [each for each in record.replies if each.event_id in events]
    delivered = [each.delivered_at for each in found.deliveries if each.delivered_at]
    return {
        "id": event.id,
        "type": event.type,
        "source": event.source,
        "state": found.state,
        "deadline": event.deadline,
        "expected_replies": event.expected_replies or 1,
        "routed": found.routed,
        "handler": {
            "subscription_id": found.handler.subscription_id,
            "service_id": found.handler.service_id,
        }
        if found.handler
        else None,
        "reply": events[shown[0].event_id] if shown else None,
        "replies": [
            {
                "service_id": each.service_id,
                "status": "failed" if each.failed else "succeeded",
                "at": each.at,
                "event": events[each.event_id],
            }
            for each in shown
        ],
        "error": error,
        "late_replies": [{"service_id": each.service_id, "at": each.at} for each in record.late],
        "cancelled_by": record.ended_by,
        "created_at": event.created_at,
        "delivered_at": min(delivered, default=None),
        "ended_at": record.ended_at,
    }


def replied_document(command_id: str, reply: model.Event) -> Replied:
    """Returns a reply that is stored."""
    return {
        "id": reply.id,
        "type": reply.type,
        "source": reply.source,
        "command_id": command_id,
        "status": reply.metadata[REPLY_STATUS],
        "created_at": reply.created_at,
    }


def _that_fit(replies: Iterable[Event], size: int) -> dict[str, DeliveredEvent]:
    """Returns replies by their ids, without the payloads that the answer cannot hold.

    Args:
        replies: The replies.
        size: The size of the rest of the answer, in bytes.
    """
    events: dict[str, DeliveredEvent] = {}
    for each in replies:
        # The first reply is in the answer twice: as `reply` and in `replies`.
        size += answered_bytes(each.envelope()) * (1 if events else 2)
        shown = each.envelope()
        if each.payload is None or size > MAX_PAGE_BYTES:
            shown.pop("payload", None)
            shown.pop("payload_base64", None)
        events[each.id] = cast("DeliveredEvent", shown)
    return events


def _error(found: FoundCommand) -> dict[str, object] | None:
    event, record = found.event, found.record
    if found.error:
        detail = f"{found.error.code}: {found.error.message}"
        return problem("delivery-failed", "The command could not be delivered", 502, detail)
    if record.ended == "expired":
        replies = f"{len(record.replies)} of {event.expected_replies} replies had come"
        detail = f"The deadline, {event.deadline}, has passed; {replies}."
        return problem("command-expired", "The command has expired", 504, detail)
    if record.ended == "cancelled":
        detail = f"{record.ended_by} cancelled the command."
        return problem("command-cancelled", "The command was cancelled", 409, detail)
    failed = {each.event_id for each in record.replies if each.failed}
    payload = next((each.payload for each in found.replies if each.id in failed), None)
    return json_numbers.loads(payload) if payload else None
