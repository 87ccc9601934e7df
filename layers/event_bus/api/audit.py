"""Entries of requests in the audit log."""

from collections.abc import Mapping
from typing import Any

from event_bus import times
from event_bus.api.operation import Operation
from event_bus.api.requests import Request, Response
from event_bus.model.audit_chain import Entry
from event_bus.model.audit_entries import ANONYMOUS, LISTEN, Status, entry

_TOO_MANY = 429


def entry_of(request: Request, operation: Operation, response: Response) -> Entry | None:
    """Returns the entry of a request in the audit log; None if it is not recorded.

    Args:
        request: The request.
        operation: Its operation.
        response: Its answer.
    """
    denied = response.reason is not None
    recorded = operation.recorded or denied or response.listener_id is not None
    if operation.public or response.status == _TOO_MANY or not recorded:
        return None
    caller, path = request.identity, request.in_path
    status: Status = "denied" if denied else "success" if response.status < 400 else "failure"
    answered = response.body if isinstance(response.body, dict) and status == "success" else {}
    return entry(
        request.id,
        times.now(),
        LISTEN if response.listener_id else operation.action,
        caller.get("service_id", ANONYMOUS),
        _resource_of(path, response.listener_id, answered),
        status,
        ip_address=request.ip_address,
        route=operation.key,
        status_code=response.status,
        reason=response.reason,
        key_id=caller.get("key_id"),
        service_id=path.get("id") if "key_id" in path else answered.get("service_id"),
    )


def _resource_of(
    path: Mapping[str, str], listener_id: str | None, answered: Mapping[str, Any]
) -> str | None:
    """Returns the id of the resource that a request is about, if it is about one.

    Args:
        path: The parameters of the path.
        listener_id: The subscription that the request created for a listener, if it created one.
        answered: The document of a successful answer, which has the id of a new resource.
    """
    return (
        path.get("key_id")
        or listener_id
        or answered.get("id")
        or path.get("id")
        or path.get("type")
        or path.get("category")
        or "/".join(path[each] for each in ("name", "key") if each in path)
        or None
    )
