"""Commands: sending them, waiting for their replies, replying and cancelling."""

from event_bus.api.documents.commands import Command, Replied
from event_bus.api.operation import Operation
from event_bus.api.operations.publishing import REQUIRE_HANDLER
from event_bus.api.parameters import whole
from event_bus.errors import Conflict, NotFound
from event_bus.requests.commands import MAX_COMMAND_WAIT_SECONDS, CommandSubmission, ReplyRequest

WAIT = whole(
    "wait",
    "The longest wait for the end of the command, in seconds.",
    default=0,
    minimum=0,
    maximum=MAX_COMMAND_WAIT_SECONDS,
)

SEND = Operation(
    "POST /commands",
    name="sendCommand",
    function="inbox",
    scope="publish",
    action="command.send",
    # Accepted events reach the audit log from the table stream.
    audited=False,
    tag="Commands",
    summary="Send a command, or a request for several replies, and wait for its end.",
    query=(WAIT, REQUIRE_HANDLER),
    body=CommandSubmission,
    answers={200: Command, 202: Command},
    located=(200, 202),
    errors=(Conflict,),
)
GET = Operation(
    "GET /commands/{id}",
    name="getCommand",
    function="inbox",
    scope="read",
    action="command.read",
    tag="Commands",
    summary="Read the state of a command and its replies, and wait for its end.",
    query=(WAIT,),
    head=False,
    answers={200: Command},
    errors=(NotFound,),
)
CANCEL = Operation(
    "POST /commands/{id}/cancel",
    name="cancelCommand",
    function="inbox",
    scope="publish",
    action="command.cancel",
    tag="Commands",
    summary="Cancel a command that has not ended; its handler does not receive it any more.",
    answers={200: Command},
    errors=(NotFound, Conflict),
)
REPLY = Operation(
    "POST /events/{id}/reply",
    name="replyToEvent",
    function="inbox",
    scope="publish",
    action="command.reply",
    # Accepted events reach the audit log from the table stream.
    audited=False,
    tag="Commands",
    summary="Reply to a command, once, as the service that handles it.",
    body=ReplyRequest,
    answers={200: Replied, 202: Replied},
    errors=(NotFound, Conflict),
)
