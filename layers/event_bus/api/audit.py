"""What of a request goes into the audit log."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from event_bus import clients, times
from event_bus.api.routes import Route
from event_bus.auditing.entries import ANONYMOUS, Status, entry
from event_bus.auditing.recorder import Recorder
from event_bus.errors import Reason
from event_bus.settings import settings

_TOO_MANY = 429


def tell(
    event: Mapping[str, Any],
    route: Route,
    caller: Mapping[str, str],
    status_code: int,
    body: Any,
    reason: Reason | None,
) -> None:
    """Tells the audit log of a request, if it is one to be told of.

    Told of is what changed something or tried to, and everybody who was refused.

    Args:
        event: The function's event.
        route: The request's route.
        caller: What the authorizer found out about the caller.
        status_code: How it was answered.
        body: What was answered.
        reason: Why it, or an event of a batch, was denied, if that was so.
    """
    denied = reason is not None
    if route.public or status_code == _TOO_MANY or not (route.audited or denied):
        return
    context = event["requestContext"]
    status: Status = "denied" if denied else "success" if status_code < 400 else "failure"
    path = event.get("pathParameters") or {}
    answered = body if isinstance(body, dict) and status == "success" else {}
    recorder().record(
        entry(
            context.get("requestId", ""),
            times.now(),
            route.action,
            caller.get("service_id", ANONYMOUS),
            path.get("key_id") or answered.get("id") or path.get("id"),
            status,
            ip_address=context.get("http", {}).get("sourceIp"),
            route=route.key,
            status_code=status_code,
            reason=reason,
            key_id=caller.get("key_id"),
            service_id=path.get("id") if "key_id" in path else answered.get("service_id"),
        )
    )


@cache
def recorder() -> Recorder:
    """What sends the entries of this process."""
    return Recorder(clients.sqs(), settings().audit_queue_url)
