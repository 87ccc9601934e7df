"""Accepts events: `POST /events` and `POST /streams/events`."""

from collections.abc import Iterable
from typing import Any, TypeVar, cast

from event_bus.api.documents.problems import BatchProblem, fault_document
from event_bus.api.documents.publishing import AcceptedEvent, Appended, BatchOutcome, BatchResult
from event_bus.api.operations import publishing as operations
from event_bus.api.requests import Request, Response
from event_bus.errors import Problem
from event_bus.paging import MAX_PAGE_BYTES, answered_bytes
from event_bus.publishing.client_request import ClientRequest
from event_bus.publishing.intake import Accepted
from event_bus.runtime.api import handler_of, new_endpoint
from event_bus.runtime.intake import appends, deployed_intake

_Result = TypeVar("_Result", AcceptedEvent, BatchOutcome)

_intake = deployed_intake(workers=16)
_appends = appends(_intake)
endpoint = new_endpoint()
handler = handler_of(endpoint)


@endpoint.answers(operations.PUBLISH)
def _publish(request: Request) -> Response:
    body, caller = request.json_batch(), request.caller
    sent = ClientRequest.of(request.headers, request.ip_address)
    required = request.query().get(operations.REQUIRE_HANDLER) is True
    if not isinstance(body, list):
        accepted = _intake.take(body, caller, sent, require_handler=required)
        return Response(200 if accepted.repeated else 202, _document(accepted))
    outcomes = _intake.take_all(body, caller, sent, require_handler=required)
    problems = [each for each in outcomes if isinstance(each, Problem)]
    refused = len(problems)
    document: BatchResult = {
        "accepted": len(outcomes) - refused,
        "refused": refused,
        "results": _shortened(map(_result, outcomes)),
    }
    reason = next((each.reason for each in problems if each.reason), None)
    return Response(207 if refused else 202, document, reason=reason)


@endpoint.answers(operations.APPEND)
def _append(request: Request) -> Response:
    appended = _appends.append(
        request.json(),
        request.caller,
        ClientRequest.of(request.headers, request.ip_address),
    )
    last = appended[-1].event
    document: Appended = {
        "source": last.source,
        "stream_id": last.metadata["stream_id"],
        "version": last.metadata["stream_version"],
        "events": _shortened(map(_document, appended)),
    }
    return Response(200 if appended[-1].repeated else 202, document)


def _shortened(results: Iterable[_Result]) -> list[_Result]:
    """Returns results of events, without the faults and warnings that the answer cannot hold."""
    fitting: list[_Result] = []
    size = 0
    for each in results:
        size += answered_bytes(each)
        if size > MAX_PAGE_BYTES:
            result = cast("dict[str, Any]", each)
            # The detail has the first fault.
            result.pop("warnings", None)
            result.get("error", {}).pop("errors", None)
        fitting.append(each)
    return fitting


def _result(result: Accepted | Problem) -> BatchOutcome:
    if isinstance(result, Problem):
        return {"status": result.status, "error": cast("BatchProblem", result.document())}
    return {"status": 200 if result.repeated else 202, **_document(result)}


def _document(accepted: Accepted) -> AcceptedEvent:
    event = accepted.event
    document: AcceptedEvent = {
        "id": event.id,
        "type": event.type,
        "source": event.source,
        "timestamp": event.timestamp,
        "created_at": event.created_at,
    }
    if event.stream and event.stream_version:
        document["stream"] = {"id": event.stream.stream_id, "version": event.stream_version}
    if accepted.deduplicated:
        document["deduplicated"] = True
    if accepted.warnings:
        document["warnings"] = [fault_document(each) for each in accepted.warnings]
    return document
