"""Audit log entries of the WebSocket API: refusals, and clients that begin to listen."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from event_bus import times
from event_bus.access.callers import Caller
from event_bus.errors import Reason
from event_bus.model.audit_chain import Entry
from event_bus.model.audit_entries import ANONYMOUS, LISTEN, Status, entry

if TYPE_CHECKING:
    from event_bus.inbox.conversation import MessageResult

_ACTIONS = {"subscribe": "inbox.read", "ack": "inbox.acknowledge"}


def refusal(context: Mapping[str, Any], caller: Caller | None, reason: Reason) -> Entry:
    """Returns the entry of a connection that was refused.

    Args:
        context: The request context of the function's event.
        caller: The caller that tried to connect, if known.
        reason: The reason code.
    """
    return _entry(context, caller, "websocket.connect", "denied", route="$connect", reason=reason)


def entry_of(context: Mapping[str, Any], caller: Caller, result: "MessageResult") -> Entry | None:
    """Returns the entry of a client's message; None if it is not recorded.

    Records clients that begin to listen without a subscription or try to, and denials.

    Args:
        context: The request context of the function's event.
        caller: The client.
        result: The result of its message.
    """
    problem = result.problem
    reason = problem.reason if problem else None
    if not (result.listens or reason):
        return None
    status: Status = "denied" if reason else "failure" if problem else "success"
    return _entry(
        context,
        caller,
        LISTEN if result.listens else _ACTIONS.get(result.action, "websocket.message"),
        status,
        resource=result.listener_id,
        route="$default",
        reason=reason,
        status_code=problem.status if problem else None,
    )


def _entry(
    context: Mapping[str, Any],
    caller: Caller | None,
    action: str,
    status: Status,
    *,
    resource: str | None = None,
    **details: Any,
) -> Entry:
    return entry(
        str(context.get("requestId", "")),
        times.now(),
        action,
        caller.service_id if caller else ANONYMOUS,
        resource,
        status,
        ip_address=context.get("identity", {}).get("sourceIp"),
        connection_id=context.get("connectionId"),
        key_id=caller.key_id if caller else None,
        **details,
    )
