"""What of a request goes into the audit log."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from event_bus import times
from event_bus.api.routes import Route
from event_bus.model.audit_entries import ANONYMOUS, LISTEN, Status, entry
from event_bus.queues.audit_recorder import recorder

if TYPE_CHECKING:
    from event_bus.api.endpoint import Response

_TOO_MANY = 429


def tell(
    event: Mapping[str, Any], route: Route, caller: Mapping[str, str], response: "Response"
) -> None:
    """Tells the audit log of a request, if it is one to be told of.

    Told of is what changed something or tried to, and everybody who was refused.

    Args:
        event: The function's event.
        route: The request's route.
        caller: What the authorizer found out about the caller.
        response: How it was answered.
    """
    denied = response.reason is not None
    told = route.audited or denied or response.listener_id is not None
    if route.public or response.status == _TOO_MANY or not told:
        return
    context = event["requestContext"]
    status: Status = "denied" if denied else "success" if response.status < 400 else "failure"
    path = event.get("pathParameters") or {}
    answered = response.body if isinstance(response.body, dict) and status == "success" else {}
    recorder().record(
        entry(
            context.get("requestId", ""),
            times.now(),
            LISTEN if response.listener_id else route.action,
            caller.get("service_id", ANONYMOUS),
            path.get("key_id") or response.listener_id or answered.get("id") or path.get("id"),
            status,
            ip_address=context.get("http", {}).get("sourceIp"),
            route=route.key,
            status_code=response.status,
            reason=response.reason,
            key_id=caller.get("key_id"),
            service_id=path.get("id") if "key_id" in path else answered.get("service_id"),
        )
    )
