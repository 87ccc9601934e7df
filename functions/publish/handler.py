"""Takes events in: `POST /events`."""

from typing import Any

from event_bus.api.endpoint import Request, Response, answer
from event_bus.errors import Problem
from event_bus.model.trace_context import trace_in
from event_bus.publishing.intake import Accepted
from event_bus.runtime.intake import deployed_intake

_intake = deployed_intake(workers=16)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers API Gateway."""
    return answer(event, {"POST /events": _publish})


def _publish(request: Request) -> Response:
    caller, address = request.caller, request.ip_address
    body, trace = request.json_batch(), trace_in(request.headers)
    if not isinstance(body, list):
        accepted = _intake.take(body, caller, trace, address)
        return Response(200 if accepted.repeated else 202, _document(accepted))
    outcomes = _intake.take_all(body, caller, trace, address)
    problems = [each for each in outcomes if isinstance(each, Problem)]
    refused = len(problems)
    document = {
        "accepted": len(outcomes) - refused,
        "refused": refused,
        "results": [_result(each) for each in outcomes],
    }
    reason = next((each.reason for each in problems if each.reason), None)
    return Response(207 if refused else 202, document, reason=reason)


def _result(result: Accepted | Problem) -> dict[str, Any]:
    if isinstance(result, Problem):
        return {"status": result.status, "error": result.document()}
    return {"status": 200 if result.repeated else 202, **_document(result)}


def _document(accepted: Accepted) -> dict[str, Any]:
    event = accepted.event
    return {
        "id": event.id,
        "type": event.type,
        "source": event.source,
        "timestamp": event.timestamp,
        "created_at": event.created_at,
    }
