"""The refusals of the bus in memory."""

from typing import Any

import httpx

from event_bus_client.errors import (
    Conflict,
    Fault,
    Forbidden,
    InvalidRequest,
    NotFound,
    Problem,
    VersionConflict,
)


def refused(*faults: tuple[str, str]) -> InvalidRequest:
    """Makes the refusal of members; each fault is a JSON pointer and what is wrong there."""
    pointer, detail = faults[0]
    return InvalidRequest(
        kind="invalid-request",
        status=422,
        title="The request is not valid",
        detail=f"{pointer}: {detail}",
        faults=tuple(Fault(*each) for each in faults),
    )


def missing(kind: str, its_id: str) -> NotFound:
    """Makes the refusal for a resource that does not exist."""
    return NotFound(
        kind="not-found",
        status=404,
        title="There is no such resource",
        detail=f"There is no {kind} {its_id}.",
    )


def conflict(detail: str, *faults: tuple[str, str], retry_after: float | None = None) -> Conflict:
    """Makes the refusal of a request that conflicts with what is stored."""
    return Conflict(
        kind="conflict",
        status=409,
        title="The request conflicts with what is stored",
        detail=detail,
        faults=tuple(Fault(*each) for each in faults),
        retry_after=retry_after,
    )


def forbidden(detail: str) -> Forbidden:
    """Makes the refusal of what only another service may do."""
    return Forbidden(
        kind="forbidden", status=403, title="The key does not permit this", detail=detail
    )


def version_conflict(pointer: str, version: int) -> VersionConflict:
    """Makes the refusal of events whose stream does not have the expected version."""
    detail = f"the stream has version {version}" if version else "the stream has no events"
    return VersionConflict(
        kind="version-conflict",
        status=409,
        title="The stream has another version",
        detail=f"{pointer}: {detail}.",
        faults=(Fault(pointer, f"{detail}: read its new events, and decide again"),),
        document={"actual_version": version},
    )


def details(kind: str, title: str, status: int, detail: str) -> dict[str, Any]:
    """Returns problem details that the bus itself writes."""
    return {
        "type": f"urn:event-bus:problem:{kind}",
        "title": title,
        "status": status,
        "detail": detail,
    }


def refusal(problem: Problem) -> httpx.Response:
    """Returns the answer to a request that is refused."""
    asked = problem.retry_after
    headers = {} if asked is None else {"retry-after": f"{asked:g}"}
    return httpx.Response(problem.status, headers=headers, json=document(problem))


def document(problem: Problem) -> dict[str, Any]:
    """Returns a problem as the API answers it."""
    return {
        **details(problem.kind, problem.title, problem.status, problem.detail),
        "errors": [{"pointer": each.pointer, "detail": each.detail} for each in problem.faults],
        **problem.document,
    }
